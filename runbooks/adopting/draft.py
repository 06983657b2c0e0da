"""The inventory as values: what each team has, such that a rollout of it changes the least."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from inventory.desired import Backend, Desired, Service, Vrrp
from runbooks.adopting.services import Described, services_of
from runbooks.adopting.teams import Team, teams
from tasks.adopt.today import Today
from tasks.errors import RouterError
from tasks.outcome import Edit, Op
from tasks.plan import plan

_MOST = 8
"""How many lines of what a rollout would change are said of a router."""

_OWN_TABLE = (
    "lvsfleet's own table comes to nftables: it does the same as the rules that are there, which"
    " stay beside it until somebody deletes them"
)

Planned = frozenset[Edit] | RouterError


@dataclass(frozen=True, slots=True)
class Draft:
    """One team as the inventory will have it.

    Attributes:
        team: its routers.
        services: by name, with accept where the routers let them in by equal rules.
        vrrp: likewise.
        untold: what stays out and why, each behind the routers' names.
        ahead: what a rollout would change all the same, or why it would fail; likewise.
    """

    team: Team
    services: tuple[Described, ...]
    vrrp: Vrrp
    untold: tuple[str, ...]
    ahead: tuple[str, ...]


def drafts(routers: Iterable[Today]) -> list[Draft]:
    """All teams of a fleet."""
    return [_draft(team) for team in teams(routers)]


def _draft(team: Team) -> Draft:
    described, left = services_of(team)
    bare = [each.service for each in described]
    services, vrrp = _let_in(team, bare)
    final = tuple(
        replace(each, service=service) for each, service in zip(described, services, strict=True)
    )
    untold = _grouped((each.router, str(what)) for each in team.routers for what in each.untold)
    ahead: list[tuple[str, str]] = []
    for router in team.routers:
        came = _plan(team, router, services, vrrp)
        lines = [str(came)] if isinstance(came, RouterError) else _told(came, router.backend)
        ahead += ((router.router, line) for line in lines)
    return Draft(team, final, vrrp, (*untold, *map(str, left)), tuple(_grouped(ahead)))


def _grouped(said: Iterable[tuple[str, str]]) -> list[str]:
    """What is said of routers, each thing once, behind the names of those that it is said of."""
    names: dict[str, list[str]] = {}
    for router, what in said:
        names.setdefault(what, []).append(router)
    return [f"{', '.join(dict.fromkeys(those))}: {what}" for what, those in names.items()]


def desired_of(team: Team, router: Today, services: Sequence[Service], vrrp: Vrrp) -> Desired:
    """What the inventory will say of one router."""
    return replace(router.settings, cluster=team.cluster, services=tuple(services), vrrp=vrrp)


def _plan(team: Team, router: Today, services: Sequence[Service], vrrp: Vrrp) -> Planned:
    try:
        change = plan(desired_of(team, router, services, vrrp), router.observed)
    except RouterError as error:
        return error
    return frozenset(change.edits)


def _let_in(team: Team, bare: list[Service]) -> tuple[list[Service], Vrrp]:
    """What the routers let in by rules like lvsfleet's own: what costs no further rule on any."""
    closed = Vrrp()
    without = [_plan(team, each, bare, closed) for each in team.routers]
    wide = [replace(each, accept=True) for each in bare]
    lacking: set[str] | None = set()
    for tried in (Vrrp(accept=True, ah=True), Vrrp(accept=True)):
        with_all = [_plan(team, each, wide, tried) for each in team.routers]
        lacking = _lacking(without, with_all)
        if lacking is None:
            return bare, closed
        if "vrrp" not in lacking:
            closed = tried
            break
    return [replace(each, accept=each.name not in (lacking or ())) for each in bare], closed


def _lacking(without: Sequence[Planned], with_all: Sequence[Planned]) -> set[str] | None:
    """The services that a router would get a rule for; None where that cannot be said."""
    names: set[str] = set()
    for few, many in zip(without, with_all, strict=True):
        if isinstance(few, RouterError) or isinstance(many, RouterError):
            return None
        more = (edit for edit in many - few if edit.op is Op.ADD)
        names.update(edit.service for edit in more if edit.service is not None)
    return names


def _told(edits: frozenset[Edit], backend: Backend) -> list[str]:
    """What a change comes to, a line each; not more than one reads."""
    if backend is Backend.NFTABLES and edits and all(each.op is Op.ADD for each in edits):
        return [_OWN_TABLE]
    places: dict[tuple[str, str, str], list[str]] = {}
    for each in sorted(edits, key=lambda e: (e.scope, e.rule, e.where.value)):
        places.setdefault((each.op.value, each.rule, each.scope), []).append(each.where.value)
    lines = [
        f"{op} {rule} ({scope}, {' and '.join(where)})"
        for (op, rule, scope), where in places.items()
    ]
    more = len(lines) - _MOST
    return lines if more <= 0 else [*lines[:_MOST], f"and {more} more: a dry run shows all"]
