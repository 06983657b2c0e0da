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

_OUT = "Left out, since an inventory cannot say it"
STAYS = f"{_OUT}; it stays as it is:"
GOES = f"{_OUT}; it is lvsfleet's own, so a rollout of this takes it away:"
"""What stands above what is left out."""

Planned = frozenset[Edit] | RouterError


@dataclass(frozen=True, slots=True)
class Draft:
    """One team as the inventory will have it.

    Attributes:
        team: its routers.
        services: by name, with accept where the routers let them in by equal rules.
        vrrp: likewise.
        untold: what stays out and why, each behind the routers' names; on them it stays.
        going: likewise, but lvsfleet's own, so that a rollout takes it away.
        ahead: what a rollout would change all the same, or why it would fail; likewise.
    """

    team: Team
    services: tuple[Described, ...]
    vrrp: Vrrp
    untold: tuple[str, ...]
    going: tuple[str, ...]
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
    ahead: list[tuple[str, str]] = []
    removed: dict[str, set[str]] = {}
    for router in team.routers:
        came = _plan(team, router, services, vrrp)
        edits = frozenset() if isinstance(came, RouterError) else came
        removed[router.router] = {each.rule for each in edits if each.op is Op.REMOVE}
        lines = [str(came)] if isinstance(came, RouterError) else _told(came, router.backend)
        ahead += ((router.router, line) for line in lines)
    stays: list[tuple[str, str]] = []
    goes: list[tuple[str, str]] = []
    for router in team.routers:
        for what in router.untold:
            (goes if what.goes_with(removed[router.router]) else stays).append(
                (router.router, str(what))
            )
    everywhere = {rule for rules in removed.values() for rule in rules}
    away = [each for each in left if each.goes_with(everywhere)]
    return Draft(
        team,
        final,
        vrrp,
        untold=(*_grouped(stays), *(str(each) for each in left if each not in away)),
        going=(*_grouped(goes), *map(str, away)),
        ahead=tuple(_grouped(ahead)),
    )


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
    """What the routers let in by rules like lvsfleet's own: what costs no further rule on any.

    Each service is tried for itself: the ports of two of them on one VIP may share a rule.
    """
    without = [_plan(team, each, bare, Vrrp()) for each in team.routers]

    def tried(services: Sequence[Service], vrrp: Vrrp) -> list[Planned]:
        return [_plan(team, each, services, vrrp) for each in team.routers]

    services: list[Service] = []
    for n, each in enumerate(bare):
        wide = replace(each, accept=True)
        with_it = tried([*bare[:n], wide, *bare[n + 1 :]], Vrrp())
        # Nothing that is open is closed, though it be open on one of the routers only.
        is_open = all(map(_costs_nothing, without, with_it)) or any(map(_keeps, without, with_it))
        services.append(wide if is_open else each)
    for vrrp in (Vrrp(accept=True, ah=True), Vrrp(accept=True)):
        if all(map(_costs_nothing, without, tried(bare, vrrp))):
            return services, vrrp
    plain = Vrrp(accept=True)
    return services, plain if any(map(_keeps, without, tried(bare, plain))) else Vrrp()


def _costs_nothing(without: Planned, with_it: Planned) -> bool:
    """Whether a router lets it in already; not where that cannot be said."""
    if isinstance(without, RouterError) or isinstance(with_it, RouterError):
        return False
    return all(edit.op is not Op.ADD for edit in with_it - without)


def _keeps(without: Planned, with_it: Planned) -> bool:
    """Whether a rule that lets something in would else be taken away: nothing open is closed."""
    if isinstance(without, RouterError) or isinstance(with_it, RouterError):
        return False
    gone = (edit.rule.lower() for edit in without - with_it if edit.op is Op.REMOVE)
    return any(rule.endswith(" accept") for rule in gone)


def _told(edits: frozenset[Edit], backend: Backend) -> list[str]:
    """What a change comes to, a line each; not more than one reads."""
    if backend is Backend.NFTABLES:  # all else of the table is always the same
        edits = frozenset(each for each in edits if " element " in each.rule) or edits
    places: dict[tuple[str, str, str], list[str]] = {}
    for each in sorted(edits, key=lambda e: (e.scope, e.rule, e.where.value)):
        places.setdefault((each.op.value, each.rule, each.scope), []).append(each.where.value)
    lines = [
        f"{op} {rule} ({scope}, {' and '.join(where)})"
        for (op, rule, scope), where in places.items()
    ]
    more = len(lines) - _MOST
    return lines if more <= 0 else [*lines[:_MOST], f"and {more} more: a dry run shows all"]
