"""Which routers belong together: those that the inventory says, else those that share a VIP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from inventory.rules import Address
from tasks.adopt.today import Today


@dataclass(frozen=True, slots=True)
class Team:
    """A cluster, or a router that stands alone.

    Attributes:
        cluster: its name; None for one that stands alone.
        why: how it came about, for a comment.
        routers: at least one.
    """

    cluster: str | None
    why: str
    routers: tuple[Today, ...]


def teams(routers: Iterable[Today]) -> list[Team]:
    """The routers, put together; in the order of the first of each."""
    groups: list[list[Today]] = []
    for each in routers:
        joined = [group for group in groups if any(_together(each, other) for other in group)]
        groups = [group for group in groups if group not in joined]
        groups.append([*(other for group in joined for other in group), each])
    order = {each.router: n for n, each in enumerate(e for group in groups for e in group)}
    groups.sort(key=lambda group: min(order[each.router] for each in group))
    taken = {each.desired.cluster for group in groups for each in group if each.desired.cluster}
    return [_team(group, taken) for group in groups]


def _together(one: Today, two: Today) -> bool:
    if one.desired.cluster and two.desired.cluster:
        return one.desired.cluster == two.desired.cluster
    return bool(vips(one) & vips(two))


def vips(router: Today) -> frozenset[Address]:
    """The addresses that it shares with others: keepalived's, else those that it marks."""
    if router.keepalived is not None:
        held = frozenset(each.address for each in router.keepalived.addresses)
        if held:
            return held
    return frozenset(each.mark.vip for each in router.marks)


def _team(group: Sequence[Today], taken: set[str]) -> Team:
    said = next((each.desired.cluster for each in group if each.desired.cluster), None)
    if said is not None:
        return Team(said, "as the inventory says that it was read with", tuple(group))
    if len(group) == 1:
        return Team(None, "", tuple(group))
    name = _free(common_name([each.router for each in group]), taken)
    taken.add(name)
    first, second = group[0], group[1]
    shared = sorted(vips(first) & vips(second), key=lambda vip: (vip.version, int(vip)))
    why = f"they share {shared[0]} by VRRP" if shared else "they share VIPs by VRRP"
    return Team(name, why, tuple(group))


def common_name(names: Sequence[str]) -> str:
    """What the names begin with alike, without what only counts; ``cluster`` where that is none."""
    first, last = min(names), max(names)
    alike = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    prefix = first[:alike].partition(".")[0].rstrip("0123456789").rstrip("-_")
    return prefix or "cluster"


def _free(name: str, taken: Iterable[str] | Mapping[str, object]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
