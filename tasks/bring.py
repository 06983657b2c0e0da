"""Carry a planned change out: begin, verify, commit; or take it back and see that it is."""

from __future__ import annotations

import time
from dataclasses import replace

from inventory.desired import Desired
from tasks.back import take_back
from tasks.errors import ApplyFailed, ChangedMeanwhile, RouterError
from tasks.look import Connections, Look, Options, Planner, Step, look
from tasks.outcome import Outcome, Status
from tasks.work import LOST, Work

LOOKS = 3
"""How often the router is looked at anew because somebody else changed its rules meanwhile."""


def bring(
    desired: Desired,
    planner: Planner,
    first: Look,
    *,
    connections: Connections,
    step: Step,
    options: Options,
) -> Outcome:
    """Carry out what ``first`` planned; never raises a RouterError.

    Args:
        desired: what the router should be.
        planner: plans anew, to see what is still to be done.
        first: the look that the change was planned by.
        connections: the ways to the router.
        step: how a phase is run.
        options: the run's.
    """
    begun = time.monotonic()
    work = Work(desired, planner, connections, step, options)
    seen = first
    for number in range(1, LOOKS + 1):
        run = options.run if number == 1 else f"{options.run}-{number}"
        if number > 1:
            seen = look(desired, planner, connections=connections, step=step, options=options)
        outcome = _attempt(work, seen, run)
        if not isinstance(outcome.error, ChangedMeanwhile) or outcome.status is Status.UNKNOWN:
            break
    return replace(outcome, seconds=first.seconds + time.monotonic() - begun)


def _attempt(work: Work, seen: Look, run: str) -> Outcome:
    """One look's change, carried out or taken back."""
    if seen.error or seen.change is None or seen.observed is None or not seen.change.edits:
        return seen.outcome()
    change, before = seen.change, seen.observed
    try:
        work.record(change, before, run)
        work.noted("begin", lambda: work.begin(change, before, run))
    except (ApplyFailed, *LOST) as error:
        return take_back(work, seen, run, error)
    except RouterError as error:  # nothing was changed
        return replace(seen.outcome(Status.FAILED), error=error)
    try:
        with work.connections.fresh() as shell:
            work.noted("verify", lambda: work.verify(shell, before))
            work.noted("commit", lambda: work.commit(shell, run))
    except RouterError as error:
        return take_back(work, seen, run, error)
    return seen.outcome(Status.CHANGED)
