"""The routers that share VIPs, and so change together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from inventory.desired import Desired, Service
from inventory.problems import key_text


@dataclass(frozen=True, slots=True)
class Team:
    """The routers that share VIPs: a cluster, or one router without a cluster."""

    cluster: str | None
    routers: tuple[str, ...]

    def __str__(self) -> str:
        if self.cluster is None:
            return f"host {key_text(self.routers[0])}"
        return f"cluster {key_text(self.cluster)}"


def teams_of(desired: Mapping[str, Desired]) -> list[Team]:
    """All teams, in the inventory's order."""
    members: dict[tuple[bool, str], list[str]] = {}
    for router, each in desired.items():
        alone = each.cluster is None
        members.setdefault((alone, each.cluster or router), []).append(router)
    return [
        Team(None if alone else name, tuple(routers)) for (alone, name), routers in members.items()
    ]


def service_of(desired: Desired, name: str) -> Service | None:
    """One router's service of a name."""
    return next((service for service in desired.services if service.name == name), None)
