"""One router's look and change as Nornir tasks; each phase is a subtask, which processors see."""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar, cast

from inventory.desired import Desired
from tasks.bring import bring
from tasks.errors import RouterError
from tasks.look import Ask, Beside, Connections, Look, Options, Planner, Step, look, nothing
from tasks.observe import observe
from tasks.reach import asking, fresh_shell, shell_of
from tasks.standing import ask_standing

if TYPE_CHECKING:
    from nornir.core.inventory import Host
    from nornir.core.task import Result, Task

T = TypeVar("T")


def look_at(
    task: Task,
    *,
    desired: Desired,
    planner: Planner,
    options: Options,
    beside: Beside = nothing,
    ask: Ask = observe,
) -> Result:
    """Ask one router and plan its change; the result is a `tasks.look.Look`.

    No RouterError leaves it. The phases: observe, plan.
    """
    seen = look(
        desired,
        planner,
        connections=connections_of(task.host, options.patience),
        step=step_of(task),
        options=options,
        beside=beside,
        ask=ask,
    )
    return _result(task, seen)


def bring_there(
    task: Task, *, desired: Desired, planner: Planner, seen: Look, options: Options
) -> Result:
    """Carry out what a look planned; the result is the router's `tasks.outcome.Outcome`.

    No RouterError leaves it. The phases: begin, verify, commit, revert; observe and plan where
    somebody else changed the rules meanwhile.
    """
    outcome = bring(
        desired,
        planner,
        seen,
        connections=connections_of(task.host, options.patience),
        step=step_of(task),
        options=options,
    )
    return _result(task, outcome)


def stand_of(task: Task, *, options: Options) -> Result:
    """Ask one router how it stands in its cluster; the result is a Standing, or None."""
    try:
        standing = asking(
            task.host,
            lambda shell: ask_standing(shell, deadline=options.timeout),
            patience=options.patience,
        )
    except RouterError:
        return _result(task, None)  # its cluster counts it as not there
    return _result(task, standing)


def connections_of(host: Host, patience: float) -> Connections:
    """The ways to a router of the inventory; ``patience`` is the seconds for connecting."""
    return Connections(
        read=lambda question: asking(host, question, patience=patience),
        first=lambda: shell_of(host, patience=patience),
        fresh=lambda: fresh_shell(host, patience=patience),
    )


def step_of(task: Task) -> Step:
    """Runs a phase as a subtask of ``task``."""
    from nornir.core.task import Result  # noqa: PLC0415 - nornir is 150 ms that --help can spare

    def phase(_task: Task, do: Callable[[], object]) -> Result:
        # An expected error is a value here: Nornir would log its traceback.
        try:
            return Result(host=task.host, result=(do(), None))
        except RouterError as error:
            return Result(host=task.host, result=(None, error))

    def step(name: str, do: Callable[[], T]) -> T:
        value, error = task.run(task=phase, name=name, do=do)[0].result
        if error is not None:
            raise error
        return cast("T", value)

    return step


def _result(task: Task, value: object) -> Result:
    from nornir.core.task import Result  # noqa: PLC0415 - as above

    return Result(host=task.host, result=value)


@cache
def whoever() -> str:
    """Who runs this, as ``user@host``: one word, for the router's lock."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # neither the environment nor passwd has one
        name = str(os.getuid())
    return re.sub(r"[^\w@.-]", "_", f"{name}@{socket.gethostname()}")
