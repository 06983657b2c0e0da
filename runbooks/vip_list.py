"""The list of VIPs: who holds each, and what has come to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from inventory.desired import Draining, Service
from inventory.editing.team import Team, teams_of
from inventory.rules import Address
from runbooks.asking import Asking
from runbooks.loading import load, refuse_absent_lab
from runbooks.prompts import ask_passwords
from runbooks.selection import select
from runbooks.status import Request
from tasks.counters import Balanced, Counters, counters_of
from tasks.errors import RouterError
from tasks.retry import LATEST as PATIENCE

if TYPE_CHECKING:
    from nornir.core.task import Result, Task


@dataclass(frozen=True, slots=True)
class Vip:
    """One VIP of one service of one cluster.

    Attributes:
        service: the service's name.
        address: the VIP.
        mark: its packets' mark.
        cluster: its routers' cluster; None for a router without one.
        routers: those of them that were asked.
        holders: those that have it.
        sure: all of its routers answered.
        packets: that rules marked, on all routers; None where no rule counts.
        balanced: what IPVS counted of the mark; None where none has it.
        drains: what becomes of new connections where the inventory says that it drains, else None.
    """

    service: str
    address: Address
    mark: int
    cluster: str | None
    routers: tuple[str, ...]
    holders: tuple[str, ...]
    sure: bool
    packets: int | None
    balanced: Balanced | None
    drains: Draining | None = None


@dataclass(frozen=True, slots=True)
class Vips:
    """A fleet's VIPs at one moment.

    Attributes:
        at: when it was asked, in UTC.
        vips: in the inventory's order.
        errors: why routers could not be asked.
        interrupted: somebody asked to stop.
    """

    at: datetime
    vips: tuple[Vip, ...]
    errors: Mapping[str, RouterError]
    interrupted: bool = False


def list_vips(request: Request) -> Vips:
    """Ask the routers.

    Raises:
        LvsfleetError: the inventory is refused or nothing is selected; nothing was contacted.
    """
    nr, fleet = load(request.inventory)
    selected = select(nr.inventory.hosts, request.limit, request.filters)
    refuse_absent_lab(request.inventory)
    ask_passwords(login=request.ask_pass, sudo=request.ask_sudo_pass)
    asking = Asking(nr, request.workers, request.timeout, request.verbosity)

    def do(task: Task) -> Result:
        patience = min(request.timeout, PATIENCE)
        return counters_of(task, deadline=request.timeout, patience=patience)

    at = datetime.now(UTC)
    answers, failed = asking(selected, do, Counters)
    errors = {name: each.error for name, each in answers.items() if each.error} | failed
    seen = {name: each for name, each in answers.items() if each.error is None}
    chosen = frozenset(selected)
    vips = (
        vip
        for team in teams_of(fleet.desired)
        if not chosen.isdisjoint(team.routers)
        for service in fleet.desired[team.routers[0]].services
        for vip in vips_of(service, team, seen, chosen)
    )
    return Vips(at, tuple(vips), errors, asking.stop.gently)


def vips_of(
    service: Service, team: Team, seen: Mapping[str, Counters], chosen: frozenset[str]
) -> Iterator[Vip]:
    """A service's, in a team of which some routers were asked."""
    asked = [seen[name] for name in team.routers if name in seen]
    for vip in service.vips:
        key = (vip, service.mark)
        counted = [each.marked[key] for each in asked if key in each.marked]
        balanced = [
            each.balanced[service.mark, vip.version]
            for each in asked
            if (service.mark, vip.version) in each.balanced
        ]
        yield Vip(
            service=service.name,
            address=vip,
            mark=service.mark,
            cluster=team.cluster,
            routers=tuple(name for name in team.routers if name in chosen),
            holders=tuple(each.router for each in asked if vip in each.addresses),
            sure=len(asked) == len(team.routers),
            packets=sum(counted) if counted else None,
            balanced=Balanced(
                sum(each.connections for each in balanced), sum(each.packets for each in balanced)
            )
            if balanced
            else None,
            drains=service.how_drains(vip),
        )
