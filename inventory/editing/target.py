"""Whose VIP a change is about: the one cluster, its routers, and who in the inventory says it.

Pure: works on a fleet that was checked, wherever its inventory comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from inventory.desired import Desired, Service
from inventory.editing.draining import Drain, Wanted
from inventory.editing.errors import EditRefused, NothingToChange
from inventory.editing.team import Team, service_of, teams_of
from inventory.fleet import Fleet
from inventory.problems import Owner, Path, did_you_mean, one_of, quote
from inventory.rules import Address

Where = Callable[[Owner, Path], str]
"""Where an owner says something, for messages: ``groups.yaml:14``."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a change is about.

    Attributes:
        change: the change.
        team: whose VIP it is.
        owners: each host, group or the defaults that says the service for one of its routers.
    """

    change: Wanted
    team: Team
    owners: tuple[Owner, ...]

    def applied(self, fleet: Fleet) -> dict[str, Desired]:
        """The desired state of each router of the fleet, with the change."""
        return {
            name: _changed(desired, self.change) if name in self.team.routers else desired
            for name, desired in fleet.desired.items()
        }


def find_target(
    fleet: Fleet, change: Wanted, *, among: Collection[str] | None = None, where: Where
) -> Target:
    """What ``change`` is about.

    Args:
        fleet: the whole fleet, checked.
        change: what is asked for.
        among: the routers that were chosen; a cluster is meant with one of its routers. None is
            all.
        where: names the places in messages.

    Raises:
        NothingToChange: the inventory says already what is wanted.
        EditRefused: no such service or VIP, with the nearest there is; the VIP of another service
            or cluster, with who has it; a service of several clusters, and none was chosen; the
            last VIP of a service.
    """
    asking = _Asking(fleet, change, among, where)
    if change.from_address is not None:
        team = asking.holder(change.from_address)
    else:
        team = asking.only_one()
    if change.to_address is not None:
        asking.refuse_taken(change.to_address, team)
    elif isinstance(change, Drain):
        asking.refuse_same(change, team)
    elif any(len(service.vips) == 1 for service in asking.services(team)):
        raise EditRefused(
            f"{change.old} is the only VIP of service {change.service} of {team}: a service has "
            "at least one",
            f"To take the whole service away, write {change.service}: null in place of it, and "
            "roll out",
        )
    path = ("services", change.service)
    owners = dict.fromkeys(fleet.origins[router][path] for router in team.routers)
    return Target(change, team, tuple(owners))


def known_vips(fleet: Fleet, service: str) -> tuple[str, ...]:
    """All VIPs of a service, in all clusters, in the inventory's order."""
    found = (service_of(desired, service) for desired in fleet.desired.values())
    return tuple(dict.fromkeys(str(vip) for each in found if each for vip in each.vips))


class _Asking:
    """One change and the fleet it is about."""

    def __init__(
        self, fleet: Fleet, change: Wanted, among: Collection[str] | None, where: Where
    ) -> None:
        self._fleet = fleet
        self._change = change
        self._where = where
        self._teams = teams_of(fleet.desired)
        self._having = [team for team in self._teams if self.services(team)]
        if not self._having:
            raise self._noservice_of()
        self._chosen = [
            team
            for team in self._having
            if among is None or not set(among).isdisjoint(team.routers)
        ]

    def services(self, team: Team) -> list[Service]:
        """The service that is meant, of each router of a team."""
        found = (
            service_of(self._fleet.desired[name], self._change.service) for name in team.routers
        )
        return [service for service in found if service is not None]

    def holder(self, old: Address) -> Team:
        """The team whose service has the VIP that goes."""
        name = self._change.service
        for team in self._having:
            if any(old in service.vips for service in self.services(team)):
                self._refuse_unchosen([team])
                return team
        new = self._change.to_address
        if new is not None and any(new in s.vips for t in self._having for s in self.services(t)):
            team = next(t for t in self._having if any(new in s.vips for s in self.services(t)))
            raise NothingToChange(
                f"{self._change.old} is no VIP of service {name}, and {self._change.new} is one "
                "already",
                "It was moved before",
                team.routers,
            )
        others = list(self._holders(old))
        if others:
            raise EditRefused(f"{old} is no VIP of service {name}: {self._has(others[0])}")
        known = [
            str(v)
            for t in self._chosen or self._having
            for s in self.services(t)[:1]
            for v in s.vips
        ]
        near = did_you_mean(self._change.old, known).capitalize()
        listed = f"It has {one_of(known, 'and')}" if len(known) <= _LISTED else ""
        raise EditRefused(f"{old} is no VIP of service {name}", near or listed)

    def only_one(self) -> Team:
        """The one team that a VIP can be added to without asking back."""
        new = self._change.to_address
        for team in self._chosen:
            if any(new in service.vips for service in self.services(team)):
                return team
        self._refuse_unchosen(self._having)
        if len(self._chosen) > 1:
            names = one_of((str(team) for team in self._chosen), "and")
            first = self._chosen[0]
            choice = (
                f"--filter cluster={first.cluster}"
                if first.cluster
                else (f"--limit {first.routers[0]}")
            )
            raise EditRefused(
                f"service {self._change.service} is in {names}: a VIP belongs to one",
                f"Say which, with {choice} for example",
            )
        return self._chosen[0]

    def refuse_taken(self, new: Address, team: Team) -> None:
        """Refuse a VIP that somebody has: another service, another cluster, or this very one."""
        name = self._change.service
        for holder in self._holders(new):
            other, service, _ = holder
            if other != team or service.name != name:
                raise EditRefused(f"{self._change.new} is taken: {self._has(holder)}")
            if self._change.old is None:
                raise NothingToChange(
                    f"{self._change.new} is a VIP of service {name} of {team} already",
                    "",
                    team.routers,
                )
            raise EditRefused(
                f"{self._change.new} is a VIP of service {name} of {team} already, beside "
                f"{self._change.old}",
                f"`lvsfleet vip remove {name} {self._change.old}` takes the other one away",
            )

    def refuse_same(self, drain: Drain, team: Team) -> None:
        """Refuse what is so already."""
        if all(drain.applied(service) == service for service in self.services(team)):
            so = "does not drain" if drain.how is None else f"drains ({drain.how.value}) already"
            raise NothingToChange(
                f"{drain.old} of service {drain.service} of {team} {so}", "", team.routers
            )

    def _holders(self, vip: Address) -> Iterable[tuple[Team, Service, str]]:
        for team in self._teams:
            for router in team.routers:
                for service in self._fleet.desired[router].services:
                    if vip in service.vips:
                        yield team, service, router

    def _has(self, holder: tuple[Team, Service, str]) -> str:
        team, service, router = holder
        owner = self._fleet.origins[router]["services", service.name]
        at = self._where(owner, ("data", "services", service.name, "vips"))
        return f"service {service.name} of {team} has it ({owner}, {at})"

    def _refuse_unchosen(self, teams: list[Team]) -> None:
        if set(teams).isdisjoint(self._chosen):
            subject = f"service {self._change.service}"
            if self._change.old is not None:
                subject = f"{self._change.old} of {subject}"
            raise EditRefused(
                f"{subject} is in {one_of(map(str, teams), 'and')}, and none of the routers there "
                "was chosen",
                "See --limit and --filter",
            )

    def _noservice_of(self) -> EditRefused:
        known = sorted(
            {s.name for desired in self._fleet.desired.values() for s in desired.services}
        )
        near = did_you_mean(self._change.service, known).capitalize()
        listed = (
            ""
            if len(known) > _LISTED
            else (
                f"There {'is' if len(known) == 1 else 'are'} {one_of(known, 'and')}"
                if known
                else "No router has a service"
            )
        )
        return EditRefused(f"there is no service {quote(self._change.service)}", near or listed)


_LISTED = 8


def _changed(desired: Desired, change: Wanted) -> Desired:
    services = (
        change.applied(service) if service.name == change.service else service
        for service in desired.services
    )
    return replace(desired, services=tuple(services))
