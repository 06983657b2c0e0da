"""What a run that was cut off left armed on its routers, brought to an end there: one for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from inventory.errors import LvsfleetError
from runbooks.engine import Fleet, Job
from runbooks.journal import RecordedRouter, RecordedRun
from tasks import change
from tasks.reach import shell_of

if TYPE_CHECKING:
    from nornir.core.task import Result, Task


def close(fleet: Fleet, jobs: Mapping[str, Job], left: RecordedRun) -> None:
    """Confirm the run everywhere if that was begun anywhere, for all was seen then; else undo it.

    What cannot be reached, or did so by itself meanwhile, is no error: the routers are looked at
    after this.

    Args:
        fleet: what runs on the routers.
        jobs: how they are asked.
        left: what the run's journal says.
    """
    forward = confirmed_somewhere(left)
    routers = [each.name for each in left.open if each.name in jobs]
    if not routers:
        return
    verb = "Confirming" if forward else "Taking back"
    fleet.processor.note(f"{verb} what run {left.id} left on {', '.join(routers)}.")

    def do(task: Task) -> Result:
        from nornir.core.task import Result  # noqa: PLC0415 - nornir is slow to import

        name = task.host.name
        run, seconds = _run_on(left, left.routers[name]), fleet.options.timeout
        try:
            shell = shell_of(task.host, patience=fleet.options.patience)
            if forward:
                change.commit(shell, jobs[name].desired, run=run, deadline=seconds)
            else:
                change.revert(shell, run=run, deadline=seconds)
        except LvsfleetError as error:
            return Result(host=task.host, result=error.message)
        return Result(host=task.host)

    with fleet.processor.silently():
        results = fleet.on_each(routers, "close", do)
    for name, result in results.items():
        if result[0].result:
            fleet.processor.note(f"{name}: {result[0].result}.")


def confirmed_somewhere(run: RecordedRun) -> bool:
    """Whether it was begun to confirm the run on a router; on all of them it was seen by then."""
    return any(step.step == "commit" for each in run.routers.values() for step in each.steps)


def _run_on(run: RecordedRun, router: RecordedRouter) -> str:
    begin = router.last_begin
    return begin.detail if begin is not None and begin.detail else run.id
