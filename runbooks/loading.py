"""An inventory, loaded and checked; no router is contacted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inventory.fleet import Fleet, check
from inventory.loader import load_fleet
from runbooks.names import remember

if TYPE_CHECKING:
    from nornir.core import Nornir


def load(folder: Path | None) -> tuple[Nornir, Fleet]:
    """The whole fleet of an inventory.

    Args:
        folder: the inventory's; None is the repository's example.

    Raises:
        LvsfleetError: what is wrong with it, all at once.
    """
    nr = load_fleet(folder)
    fleet = check(nr)
    remember(folder, nr.inventory.hosts, nr.inventory.groups)
    return nr, fleet
