"""The survey of one router: all that it filters with and that its keepalived is told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tasks.errors import RouterError
from tasks.look import Look
from tasks.observe import Observed, ask
from tasks.reach import asking
from tasks.shell import Shell

if TYPE_CHECKING:
    from nornir.core.task import Result, Task


def survey(shell: Shell, *, deadline: float) -> Observed:
    """Ask the router, in one exec; nothing is changed.

    As an observation for a rollout, but of every zone that somebody uses and every packet filter,
    and with keepalived's files.

    Args:
        shell: a root shell on it.
        deadline: seconds.

    Raises:
        RouterError: it could not be asked, or its answer makes no sense.
    """
    return ask("survey", shell, deadline=deadline)


def survey_of(task: Task, *, deadline: float) -> Result:
    """One router's survey as a Nornir task; the result is a `tasks.look.Look` without a change.

    No RouterError leaves it.
    """
    from nornir.core.task import Result  # noqa: PLC0415 - nornir is 150 ms that --help can spare

    begun = time.monotonic()
    observed: Observed | None = None
    error: RouterError | None = None
    try:
        observed = asking(task.host, lambda shell: survey(shell, deadline=deadline))
    except RouterError as problem:
        error = problem
    seconds = time.monotonic() - begun
    return Result(host=task.host, result=Look(task.host.name, observed, None, error, seconds))
