"""From marks to services: all that one mark is for is one service, as far as one can say it so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inventory import values
from inventory.desired import Service, ServicePorts
from inventory.rules import Address, Mark, Ruleset
from inventory.values import Invalid
from runbooks.adopting.names import service_name
from runbooks.adopting.teams import Team
from tasks.adopt.found import Untold
from tasks.adopt.today import Today
from tasks.keepalived.config import Config


@dataclass(frozen=True, slots=True)
class Described:
    """A service, and where it comes from.

    Attributes:
        service: the service, without accept.
        remarks: for a comment, a line each.
    """

    service: Service
    remarks: tuple[str, ...]


def services_of(team: Team) -> tuple[list[Described], list[Untold]]:
    """The services of a team, by name, and what cannot be one."""
    told = [each.keepalived for each in team.routers if each.keepalived is not None]
    rules, untold = _agreed(team.routers)
    found: list[Described] = []
    for mark in dict.fromkeys(each.mark for each in rules.marks):
        of_vip: dict[Address, list[ServicePorts]] = {}
        for each in rules.marks:
            if each.mark == mark:
                ports = of_vip.setdefault(each.vip, [])
                ports.append(ServicePorts(each.protocol, each.ports))
        vips, ports, rest = _product(of_vip)
        untold += (_odd_ports(mark, vip, of_vip[vip], ports, team) for vip in rest)
        taken = (each.service.name for each in found)
        name, why = service_name(mark, ports, told, taken)
        service = Service(name, vips, tuple(ports), mark)
        found.append(Described(service, tuple(_remarks(service, why, team, told))))
    found.sort(key=lambda each: each.service.name)
    return found, [*untold, *_without_rules(rules, told)]


def _agreed(routers: Sequence[Today]) -> tuple[Ruleset, list[Untold]]:
    """The marks of all routers together, where no two give a packet different ones."""
    agreed: dict[object, list[Mark]] = {}
    untold: list[Untold] = []
    for router in routers:
        mine: list[Mark] = []
        for each in router.marks:
            mark, where = each.mark, f"{router.router}: {each.where}"
            others = agreed.get((mark.vip, mark.protocol), ())
            other = next((o for o in others if _contradicts(o, mark)), None)
            refused = _refused(mark.vip)
            if refused:
                untold.append(Untold(each.words, where, refused))
            elif other is not None:
                why = f"another router of its cluster gives the same packets mark {other.mark}"
                untold.append(Untold(each.words, where, why))
            else:
                mine.append(mark)
        for mark in mine:
            agreed.setdefault((mark.vip, mark.protocol), []).append(mark)
    return Ruleset.of(mark for marks in agreed.values() for mark in marks), untold


def _contradicts(one: Mark, two: Mark) -> bool:
    return one.mark != two.mark and one.ports.overlaps(two.ports)


def _refused(vip: Address) -> str:
    """Why an address can be no VIP; empty where it can."""
    try:
        values.vip(str(vip))
    except Invalid as error:
        return f"{vip} {error}"
    return ""


def _product(
    of_vip: dict[Address, list[ServicePorts]],
) -> tuple[tuple[Address, ...], list[ServicePorts], list[Address]]:
    """The most VIPs that have the same ports, these ports, and the other VIPs."""
    alike: dict[tuple[ServicePorts, ...], list[Address]] = {}
    for vip, ports in of_vip.items():
        alike.setdefault(tuple(ports), []).append(vip)
    most, vips = max(alike.items(), key=lambda item: (len(item[1]), len(item[0])))
    return tuple(vips), list(most), [vip for vip in of_vip if vip not in vips]


def _odd_ports(
    mark: int,
    vip: Address,
    ports: Iterable[ServicePorts],
    others: Iterable[ServicePorts],
    team: Team,
) -> Untold:
    here, there = (", ".join(map(str, each)) for each in (ports, others))
    return Untold(
        f"mark {mark} for {vip}: {here}",
        "all routers",
        f"the other VIPs with this mark have {there}, and a service has the same on all of its",
        tuple(
            each.words
            for router in team.routers
            for each in router.marks
            if (each.mark.vip, each.mark.mark) == (vip, mark)
        ),
    )


def _remarks(service: Service, why: str, team: Team, told: Iterable[Config]) -> Iterable[str]:
    yield f"named after {why}"
    places: dict[str, None] = {}
    for config in told:
        for server in config.virtual_servers:
            if service.mark in server.marks:
                places.setdefault(f"virtual_server at {server.place}")
    wheres = (
        each.where
        for router in team.routers
        for each in router.marks
        if each.mark.mark == service.mark
    )
    yield from dict.fromkeys((*places, *wheres))


def _without_rules(rules: Ruleset, told: Iterable[Config]) -> Iterable[Untold]:
    """Marks of keepalived that no rule sets: nothing says which packets they are for."""
    marks = {each.mark for each in rules.marks}
    seen: set[int] = set()
    for config in told:
        for server in config.virtual_servers:
            for mark in server.marks:
                if mark not in marks and mark not in seen:
                    seen.add(mark)
                    why = "no rule sets this mark, so nothing says which VIPs and ports it is for"
                    yield Untold(f"virtual_server for mark {mark}", str(server.place), why)
