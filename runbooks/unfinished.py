"""Runs that left routers and inventory unlike, or may have: said, and not made worse."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

from inventory.errors import LvsfleetError
from inventory.loader import EXAMPLE
from runbooks.journal import End, NotRead, RecordedRun, read
from runbooks.journal.place import runs
from runbooks.journal.unfinished import ending, marked, unmark
from runbooks.reports.text import visible
from tasks.outcome import THERE, Status

LOG = "guardian.log"
"""In a run's folder: what brings it to its end by itself says there what it does."""


class Unfinished(LvsfleetError):
    """An earlier run is to be ended first; nothing was contacted."""


def unfinished(inventory: Path | None) -> list[RecordedRun]:
    """The runs with this inventory that are at work, or were not brought to their end.

    Raises:
        NotRead: the journal of one is there and cannot be read, so nobody knows.
    """
    found = []
    for name in marked():
        try:
            run = read(name)
        except NotRead:
            if (runs() / name).exists():
                raise
            unmark(name)  # its journal was deleted
            continue
        if run.end is not End.RUNNING and whole(run):
            unmark(name)
        elif _folder_of(run) == _resolved(inventory):
            found.append(run)
    return found


def whole(run: RecordedRun) -> bool:
    """Whether a run that is over left all as it was before, or all as it was wanted."""
    begun = [each for each in run.routers.values() if each.begun]
    if not any(each.open or each.status is Status.CHANGED for each in begun):
        return run.edit is None or run.edit.state in ("planned", "done")
    on_all = all(each.status in THERE for each in run.routers.values())
    return on_all and run.edit is not None and run.edit.state == "done"


def refuse(inventory: Path | None, routers: Collection[str], *, but: Collection[str] = ()) -> None:
    """Stop where an unfinished run is about one of ``routers``: half of it would be undone.

    Args:
        inventory: the folder.
        routers: those that are going to be changed.
        but: runs that the command is to end, or to take back.

    Raises:
        Unfinished: there is such a run.
        NotRead: nobody knows whether there is.
    """
    for run in unfinished(inventory):
        if run.id not in but and not run.routers.keys().isdisjoint(routers):
            raise Unfinished(*_words(run))


def tell(inventory: Path | None) -> None:
    """Say on stderr which runs are not finished, if any, or that nobody knows."""
    try:
        found = unfinished(inventory)
    except NotRead as error:
        sys.stderr.write(f"Note: an earlier run may not be finished: {visible(error.message)}.\n")
        return
    for run in found:
        message, hint = _words(run)
        sys.stderr.write(f"Note: {visible(message)}. {visible(hint)}.\n")


def _words(run: RecordedRun) -> tuple[str, str]:
    what = f"run {run.id} on {', '.join(run.routers)}"
    if run.end is End.RUNNING:
        return f"{what} is at work, with this inventory", "Wait for its end"
    message = f"{what} was not finished: routers and inventory may differ"
    with ending(run.id) as free:
        if not free:
            return message, f"It is just being ended; {run.folder / LOG} says how"
    return (
        message,
        f"`lvsfleet resume {run.id}` goes on with it, `lvsfleet rollback {run.id}` takes it back",
    )


def _folder_of(run: RecordedRun) -> Path:
    return _resolved(Path(run.inventory) if run.inventory else None)


def _resolved(folder: Path | None) -> Path:
    return (folder or EXAMPLE).resolve()
