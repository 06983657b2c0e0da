"""An inventory, loaded and checked; no router is contacted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from inventory.errors import LvsfleetError
from inventory.fleet import Fleet, check
from inventory.loader import load_fleet
from runbooks.names import remember
from tasks.connect.options import parse_options
from tasks.reach import plugin_of

if TYPE_CHECKING:
    from nornir.core import Nornir
    from nornir.core.inventory import Host

_NETWORKS = Path("/sys/class/net")


def load(folder: Path | None) -> tuple[Nornir, Fleet]:
    """The whole fleet of an inventory.

    Args:
        folder: the inventory's; None is the repository's example.

    Raises:
        LvsfleetError: what is wrong with it, all at once.
    """
    nr = load_fleet(folder)
    fleet = check(nr)
    _check_connections(nr.inventory.hosts.values())
    remember(folder, nr.inventory.hosts, nr.inventory.groups)
    return nr, fleet


def _check_connections(hosts: Iterable[Host]) -> None:
    """Refuse connection options that no router could be reached with.

    Raises:
        LvsfleetError: all that is wrong with them.
    """
    wrong: dict[str, str] = {}
    seen: set[str] = set()
    for host in hosts:
        extras = host.get_connection_parameters(plugin_of(host)).extras
        if repr(extras) in seen:  # most routers share theirs
            continue
        seen.add(repr(extras))
        try:
            parse_options(extras, host=host.name)
        except LvsfleetError as error:
            wrong[error.message] = error.hint
    if wrong:
        raise LvsfleetError("\n".join(wrong), next(iter(wrong.values())))


def refuse_absent_lab(folder: Path | None) -> None:
    """The repository's inventory describes the lab: without one nobody should be called.

    Raises:
        LvsfleetError: that inventory is used, and the lab is not up.
    """
    if folder is None and not (_NETWORKS / "lvslab0").exists():
        raise LvsfleetError(
            "this inventory is the lab's fleet, and the lab is not up",
            "`lvsfleet lab up` starts it; --inventory DIR takes a fleet of your own",
        )
