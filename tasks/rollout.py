"""The rollout of one router as a Nornir task; each phase is a subtask, which processors see."""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar, cast

from inventory.desired import Desired
from tasks.bring import Connections, Options, bring
from tasks.errors import RouterError
from tasks.ssh import asking, fresh_shell, shell_of

if TYPE_CHECKING:
    from nornir.core.task import Result, Task

__all__ = ["Options", "rollout"]

T = TypeVar("T")


def rollout(task: Task, *, desired: Desired, options: Options) -> Result:
    """Bring one router where ``desired`` says; the result is its `tasks.outcome.Outcome`.

    No RouterError leaves it. The phases: observe, plan, begin, verify, commit, revert.
    """
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

    connections = Connections(
        read=lambda question: asking(task.host, question),
        first=lambda: shell_of(task.host),
        fresh=lambda: fresh_shell(task.host),
    )
    outcome = bring(desired, connections=connections, step=step, options=options)
    return Result(host=task.host, result=outcome, changed=bool(outcome.changes))


@cache
def whoever() -> str:
    """Who runs this, as ``user@host``: one word, for the router's lock."""
    return re.sub(r"[^\w@.-]", "_", f"{getpass.getuser()}@{socket.gethostname()}")
