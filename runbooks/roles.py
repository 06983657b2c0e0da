"""Who holds which VIP: the roles of a cluster's routers, read from the routers themselves.

A role is judged by the addresses a router has: that is what traffic goes by. Routers may share
the work (one MASTER for one VIP, another for the next), so each VIP is judged for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inventory.desired import Desired
from inventory.rules import Address
from tasks.standing import Standing, VrrpState


@dataclass(frozen=True, slots=True)
class Roles:
    """The roles in one cluster at one moment.

    Attributes:
        cluster: its name.
        holders: each of its VIPs, and the routers that have it, by name.
        alive: the routers that could be asked and whose keepalived runs.
        faulty: those of them whose keepalived says FAULT: they could not take over.
        master_down: seconds until every BACKUP that hears nothing took over; 0 where nobody says.
        soonest_down: seconds until the first of them does, which has the shortest interval.
        silent: those that could not be asked.
    """

    cluster: str
    holders: Mapping[Address, tuple[str, ...]]
    alive: frozenset[str]
    faulty: tuple[str, ...] = ()
    master_down: float = 0.0
    soonest_down: float = 0.0
    silent: tuple[str, ...] = ()

    def is_master(self, router: str) -> bool:
        """Whether it holds a VIP."""
        return any(router in names for names in self.holders.values())

    @property
    def trouble(self) -> str:
        """What is wrong: a VIP with two holders, none held, a FAULT; empty where all is well.

        A VIP that nobody holds is not keepalived's (yet), as long as another one is held. Without
        a running keepalived there are no roles.
        """
        for vip, names in self.holders.items():
            if len(names) > 1:
                return f"{' and '.join(names)} are both MASTER: each holds {vip}"
        if self.alive and self.holders and not any(self.holders.values()):
            said = f", and {_names(self.silent)} could not be asked" if self.silent else ""
            return f"it has no MASTER: no router holds any of its VIPs{said}"
        if self.faulty:
            return f"{' and '.join(self.faulty)} could not take over: keepalived says FAULT"
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


def roles_of(cluster: str, desired: Iterable[Desired], standings: Mapping[str, Standing]) -> Roles:
    """The roles in a cluster.

    Args:
        cluster: its name.
        desired: of each of its routers.
        standings: of those that could be asked.
    """
    faulty: list[str] = []
    silent: list[str] = []
    downs: list[float] = []
    holders: dict[Address, list[str]] = {}
    alive: set[str] = set()
    members = list(desired)
    for each in members:
        for service in each.services:
            for vip in service.vips:
                holders.setdefault(vip, [])
    for each in members:
        seen = standings.get(each.router)
        if seen is None:
            silent.append(each.router)
            continue
        if seen.alive:
            alive.add(each.router)
        if any(instance.state is VrrpState.FAULT for instance in seen.instances):
            faulty.append(each.router)
        downs += [instance.master_down for instance in seen.instances]
        for vip, names in holders.items():
            if vip in seen.addresses:
                names.append(each.router)
    return Roles(
        cluster,
        {vip: tuple(names) for vip, names in holders.items()},
        frozenset(alive),
        tuple(faulty),
        max(downs, default=0.0),
        min(downs, default=0.0),
        tuple(silent),
    )
