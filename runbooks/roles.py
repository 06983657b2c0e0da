"""Who holds which VIP: the roles of a cluster's routers, read from the routers themselves.

A role is judged by the addresses a router has: that is what traffic goes by. Routers may share
the work (one MASTER for one VIP, another for the next), so each VIP is judged for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inventory.desired import Desired
from inventory.rules import Address
from tasks.look import held
from tasks.observe import Observed


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles in one cluster at one moment.

    Attributes:
        cluster: its name.
        holders: each of its VIPs, and the routers that have it, by name.
        alive: the routers that could be asked and whose keepalived runs.
    """

    cluster: str
    holders: Mapping[Address, tuple[str, ...]]
    alive: frozenset[str]

    def is_master(self, router: str) -> bool:
        """Whether it holds a VIP."""
        return any(router in names for names in self.holders.values())

    @property
    def trouble(self) -> str:
        """What is wrong: a VIP with two holders, or no VIP held at all; empty where all is well.

        A VIP that nobody holds is not keepalived's (yet), as long as another one is held. Without
        a running keepalived there are no roles.
        """
        for vip, names in self.holders.items():
            if len(names) > 1:
                return f"{' and '.join(names)} are both MASTER: each holds {vip}"
        if self.alive and self.holders and not any(self.holders.values()):
            return "it has no MASTER: no router holds any of its VIPs"
        return ""

    def moved_since(self, before: Roles) -> str:
        """What is not as it was: in words; empty where each VIP is where it was."""
        for vip, names in self.holders.items():
            was = before.holders.get(vip, ())
            if names != was:
                return f"{vip} is held by {_names(names)}, and was by {_names(was)}"
        return ""


def _names(routers: Iterable[str]) -> str:
    return " and ".join(routers) or "nobody"


def roles_of(cluster: str, desired: Iterable[Desired], observed: Mapping[str, Observed]) -> Roles:
    """The roles in a cluster.

    Args:
        cluster: its name.
        desired: of each of its routers.
        observed: those that could be asked.
    """
    holders: dict[Address, list[str]] = {}
    alive: set[str] = set()
    for each in desired:
        for service in each.services:
            for vip in service.vips:
                holders.setdefault(vip, [])
        seen = observed.get(each.router)
        if seen is None:
            continue
        if seen.units["keepalived"].active:
            alive.add(each.router)
        for vip in held(each, seen):
            holders.setdefault(vip, []).append(each.router)
    return Roles(cluster, {vip: tuple(names) for vip, names in holders.items()}, frozenset(alive))
