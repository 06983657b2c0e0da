"""An earlier run that a command is about: which routers of it, in which inventory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from inventory.errors import LvsfleetError
from runbooks.conduct import Request
from runbooks.journal import End, RecordedRun, find, read
from runbooks.selection import select

if TYPE_CHECKING:
    from nornir.core import Nornir


class NotPossible(LvsfleetError):
    """What was asked for cannot be done with that run; nothing was contacted."""


def earlier(text: str) -> RecordedRun:
    """The run that ``text`` means.

    Raises:
        LvsfleetError: there is none, there are several, or it is still at work.
    """
    run = read(find(text))
    if run.end is End.RUNNING:
        raise NotPossible(f"run {run.id} is still at work", "Wait for it, or stop it with Ctrl-C")
    return run


def with_its_inventory(request: Request, run: RecordedRun) -> Request:
    """The request, with the run's inventory where none was given.

    Raises:
        LvsfleetError: that folder is gone.
    """
    if request.inventory is not None or not run.inventory:
        return request
    folder = Path(run.inventory)
    if not folder.is_dir():
        raise NotPossible(
            f"the inventory of run {run.id} is gone: {folder}", "--inventory DIR says another"
        )
    return replace(request, inventory=folder)


def chosen(nr: Nornir, request: Request, run: RecordedRun, routers: Iterable[str]) -> list[str]:
    """Those of the run's ``routers`` that the command is about.

    Raises:
        LvsfleetError: ``--limit`` or ``--filter`` are about none of them, or there is no such
            router in the inventory any more.
    """
    routers = list(routers)
    if request.limit or request.filters:
        meant = set(select(nr.inventory.hosts, request.limit, request.filters))
        found = [name for name in routers if name in meant]
        if routers and not found:
            raise NotPossible(
                f"--limit and --filter leave none of the routers of run {run.id}",
                f"They are {', '.join(routers)}",
            )
        return found
    gone = [name for name in routers if name not in nr.inventory.hosts]
    if gone:
        raise NotPossible(
            f"the inventory does not have {', '.join(gone)} any more, which run {run.id} is about",
            "--inventory DIR says another one; --limit names those to go on with",
        )
    return routers
