"""The clusters that a run touches: who held which VIP, and whether that is still so."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping

from inventory.desired import Desired
from runbooks.engine import Fleet
from runbooks.roles import Roles, roles_of
from runbooks.settle import PATIENCE, settle
from tasks.standing import Standing

_BETWEEN = 0.5
UNKNOWN_MASTER_DOWN = 4.0
"""Seconds, where keepalived does not say: its default interval of 1 s."""


class Clusters:
    """Watches the roles in the clusters that a run touches.

    Args:
        fleet: what runs on the routers.

    Attributes:
        before: the roles in each cluster before anything was touched.
    """

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.before: dict[str, Roles] = {}
        self._asked: dict[str, Roles] = {}
        # Each further attempt to ask these would take its whole time.
        self._silent: frozenset[str] = frozenset()

    def of(self, router: str) -> str | None:
        """The router's cluster."""
        return self.fleet.desired[router].cluster

    def is_master(self, router: str) -> bool:
        """Whether it held a VIP before anything was touched."""
        cluster = self.of(router)
        return cluster is not None and self.before[cluster].is_master(router)

    def trouble_of(self, router: str) -> str:
        """What was wrong in its cluster before anything was touched; empty where all was well."""
        cluster = self.of(router)
        return "" if cluster is None else self.before[cluster].trouble

    def silent_beside(self, router: str) -> tuple[str, ...]:
        """The others of its cluster that could not be asked before anything was touched."""
        roles = self.before.get(self.of(router) or "")
        return tuple(name for name in roles.silent if name != router) if roles else ()

    def learn(self, routers: Iterable[str], silent: Iterable[str]) -> None:
        """Find out who is MASTER; routers that have just booted have a moment to agree on that.

        Args:
            routers: those that are to be changed.
            silent: the routers that did not answer; they are not asked again.
        """
        clusters = self._whole(routers)
        self._silent = frozenset(silent)
        now = self._ask(_members(clusters))
        self._silent |= frozenset(_members(clusters)) - now.keys()
        self.before = _roles(clusters, now)
        if not any(roles.trouble for roles in self.before.values()):
            return
        self.fleet.processor.note("Waiting for each cluster to have one MASTER.")
        last = time.monotonic() + PATIENCE
        while any(roles.trouble for roles in self.before.values()):
            if time.monotonic() > last or self.fleet.stop.gently:
                return
            self.fleet.stop.wait(_BETWEEN)
            self.before = _roles(clusters, self._ask(_members(clusters)))

    def seconds_to_notice(self, routers: Collection[str]) -> float:
        """How long every BACKUP takes to notice that a MASTER fell silent, as keepalived says."""
        downs = [roles.master_down for roles in self._known(routers)]
        return max(downs, default=0.0) or UNKNOWN_MASTER_DOWN

    def seconds_to_be_noticed(self, routers: Collection[str]) -> float:
        """How soon the first BACKUP may notice that a MASTER fell silent, as keepalived says."""
        downs = [roles.soonest_down or UNKNOWN_MASTER_DOWN for roles in self._known(routers)]
        return min(downs, default=UNKNOWN_MASTER_DOWN)

    def _known(self, routers: Collection[str]) -> list[Roles]:
        """The roles as learnt; where none were, as in an emergency, they are asked now, once."""
        clusters = self._whole(routers)
        known = self._asked | self.before
        if new := {name: group for name, group in clusters.items() if name not in known}:
            names = [name for name in _members(new) if name in set(routers)]
            self._asked |= _roles(new, self._ask(names))
            known |= self._asked
        return [known[name] for name in clusters]

    def trouble_after(self, touched: Iterable[str], *, seconds: float) -> str:
        """What became of the roles in the clusters of ``touched``; empty where they are as before.

        Args:
            touched: routers that were changed, or may have been.
            seconds: how long the roles must be as before.
        """
        clusters = self._whole(touched)
        if not clusters:
            return ""

        def now() -> list[tuple[Roles, Roles]]:
            roles = _roles(clusters, self._ask(_members(clusters)))
            return [(self.before[name], each) for name, each in roles.items()]

        return settle(now, seconds=seconds, stop=self.fleet.stop)

    def _whole(self, routers: Iterable[str]) -> dict[str, list[Desired]]:
        """The clusters of ``routers``, each with all of its routers."""
        names = {self.of(router) for router in routers}
        found: dict[str, list[Desired]] = {}
        for each in self.fleet.desired.values():
            if each.cluster is not None and each.cluster in names:
                found.setdefault(each.cluster, []).append(each)
        return found

    def _ask(self, routers: Iterable[str]) -> dict[str, Standing]:
        return self.fleet.standings([name for name in routers if name not in self._silent])


def _members(clusters: Mapping[str, Iterable[Desired]]) -> list[str]:
    return [each.router for group in clusters.values() for each in group]


def _roles(
    clusters: Mapping[str, Iterable[Desired]], standings: Mapping[str, Standing]
) -> dict[str, Roles]:
    return {name: roles_of(name, group, standings) for name, group in clusters.items()}
