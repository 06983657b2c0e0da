"""What a report says at its end: why a run stopped, where it is recorded, what to do next."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.reports.run import Run, Said
from tasks.outcome import Status

_OF_A_VIP = {"vip", "drain", "undrain"}
_CHANGED = {Status.CHANGED, Status.UNKNOWN}


def next_steps(run: Run) -> Iterator[str]:
    """One sentence or two a line."""
    if run.stopped and not run.interrupted:
        yield f"Stopped: {run.stopped}."
    if run.interrupted and Status.SKIPPED in run.summary and run.journal is None:
        yield "Interrupted: the same command goes on with what is left."
    elif run.dry_run and Status.PLANNED in run.summary:
        yield "Dry run: nothing was changed. Without --dry-run these changes are made."
    elif run.command == "rollback" and set(run.summary) <= {Status.UNCHANGED}:
        yield f"Nothing to take back: all is as it was before run {run.of}."
    elif run.command == "resume" and set(run.summary) <= {Status.UNCHANGED}:
        yield f"Nothing is left to do of run {run.of}."
    elif (
        run.command in _OF_A_VIP
        and set(run.summary) <= {Status.UNCHANGED}
        and run.inventory is None
    ):
        yield "Nothing to do: the routers and the inventory are so already."
    if run.inventory is not None and run.inventory.status in (Said.LEFT, Said.AGREES):
        yield _left(run)
    if run.live is not None:
        yield f"{run.live}."
    if run.journal is not None:
        yield from _of_the_journal(run)


def _of_the_journal(run: Run) -> Iterator[str]:
    if run.unrecorded:
        yield (
            f"NOT RECORDED: the journal could not be written ({run.unrecorded}). What is said here"
            f" of the routers is so, but {run.journal} does not have all of it, so that"
            " history, resume and rollback of this run cannot be relied upon."
        )
        return
    ways = []
    if Status.SKIPPED in run.summary:
        ways.append(f"`lvsfleet resume {run.id}` goes on")
    if any(status in run.summary for status in _CHANGED):
        ways.append(f"`lvsfleet rollback {run.id}` takes it back")
    if run.interrupted and ways:
        ways[0] = f"Interrupted: {ways[0]}"
    if ways:
        yield ", ".join(ways) + "."
    yield f"Recorded in {run.journal}"


def _left(run: Run) -> str:
    """What an inventory says that was not to be changed."""
    if run.inventory is not None and run.inventory.status is Said.AGREES:
        return "The inventory is left alone, and says so already."
    return "The inventory is left alone, and does not say so: until it does, a rollout undoes this."
