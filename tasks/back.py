"""Taking a router's change back, at once or by the router's own timer, and seeing that it is."""

from __future__ import annotations

import time
from dataclasses import replace

from tasks import change as router
from tasks.errors import ApplyFailed, RouterError
from tasks.look import Look
from tasks.outcome import Outcome, Status
from tasks.work import LOST, Work


def take_back(work: Work, seen: Look, run: str, error: RouterError) -> Outcome:
    """Take it back; never raises a RouterError.

    Args:
        work: the run.
        seen: the look that its change was planned by.
        run: its name.
        error: why.
    """
    work.until = time.monotonic() + work.confirm_timeout + work.takes + 30.0
    try:
        kept = work.noted("revert", lambda: _revert(work, seen, run))
    except RouterError as second:
        lasting = type(error)(
            f"{error.message}; and whether it was taken back is not known: {second.message}",
            f"The router takes it back on its own within {work.confirm_timeout:.0f} s;"
            " look at it then, or run again",
        )
        return replace(seen.outcome(Status.UNKNOWN), error=lasting)
    if kept:
        error = type(error)(error.message + kept, error.hint)
    return replace(seen.outcome(Status.REVERTED), error=error)


def _revert(work: Work, seen: Look, run: str) -> str:
    """Ask for it until it is done, by whomever, and look.

    Returns:
        What `tasks.change.revert` does.

    Raises:
        ApplyFailed: what is there is not what was there before.
        RouterError: the router cannot be asked.
    """
    while True:
        try:
            with work.connections.fresh() as shell:
                kept = router.revert(shell, run=run, deadline=work.left())
                now = work.ask(shell, work.desired, deadline=work.left())
            break
        except LOST:
            if time.monotonic() + 2.0 > work.until:
                raise
            time.sleep(1.0)
    still = work.planner(now).edits
    if seen.change is None or set(still) != set(seen.change.edits):
        raise ApplyFailed(
            "its rules are neither those of before nor those that were wanted",
            "Look at the router; a copy of its rules is below /var/lib/lvsfleet/runs",
        )
    return kept
