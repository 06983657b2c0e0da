"""What a VIP's change makes of the inventory: an edit of its files, or none where they stay."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from inventory.editing.draining import Wanted
from inventory.editing.errors import NotEditable, NothingToChange
from inventory.editing.plan import Edit, plan_edit
from inventory.editing.target import find_target
from inventory.editing.team import teams_of
from inventory.fleet import Fleet
from inventory.problems import Owner, Path

if TYPE_CHECKING:
    from nornir.core import Nornir


def edit_for(
    nr: Nornir, fleet: Fleet, change: Wanted, among: Collection[str] | None, *, written: bool
) -> Edit:
    """The edit, without files where the inventory says it already, or is left to others.

    Args:
        nr: the inventory.
        fleet: the same, checked.
        change: what is asked for.
        among: the routers that were chosen; None is all.
        written: the inventory's files are to be changed.

    Raises:
        EditRefused: see `inventory.editing.plan.plan_edit`.
    """
    try:
        if not written:
            target = find_target(fleet, change, among=among, where=_where)
            after = replace(fleet, desired=target.applied(fleet))
            return Edit(change, target.team, (), (), after)
        return plan_edit(nr, fleet, change, among=among)
    except NothingToChange as same:  # the routers may still have to be brought there
        team = next(each for each in teams_of(fleet.desired) if each.routers == same.routers)
        return Edit(change, team, (), (), fleet)
    except NotEditable as error:
        hint = f"{error.hint}; --no-inventory changes only the routers"
        raise type(error)(error.message, hint.removeprefix("; ")) from error


def _where(owner: Owner, path: Path) -> str:
    return f"{owner}: {'.'.join(map(str, path))}"
