"""What a router does today as values: its marks with where each comes from, and what is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from inventory.desired import Backend, Desired, Vrrp
from inventory.rules import Mark, Ruleset
from tasks.adopt import firewalld, iptables, nftables
from tasks.adopt.found import Found, Untold
from tasks.errors import RouterError
from tasks.keepalived.answer import config_of
from tasks.keepalived.config import Config
from tasks.observe import Observed
from tasks.plan import plan


@dataclass(frozen=True, slots=True)
class Today:
    """One router as it is.

    Attributes:
        router: its name.
        desired: its settings in the inventory that it was reached by.
        backend: the packet filter that a rollout would keep its marks in.
        zone: firewalld's zone that has its marks; None is the default one, or no firewalld.
        marks: the marks of its own packet filter that an inventory can have, none contradicting
            another.
        untold: what it does and no inventory can say, each with its reason.
        keepalived: what keepalived is told; None where there is none.
        observed: the whole answer.
    """

    router: str
    desired: Desired
    backend: Backend
    zone: str | None
    marks: tuple[Found, ...]
    untold: tuple[Untold, ...]
    keepalived: Config | None
    observed: Observed

    @property
    def rules(self) -> Ruleset:
        """The marks as rules."""
        return Ruleset.of(each.mark for each in self.marks)

    @property
    def settings(self) -> Desired:
        """The router's settings in an inventory that describes it; without services."""
        backend = self.backend if self.desired.backend is Backend.AUTO else self.desired.backend
        return replace(self.desired, backend=backend, zone=self.zone, services=(), vrrp=Vrrp())


def today(desired: Desired, observed: Observed) -> Today:
    """What a router is.

    Args:
        desired: what the inventory says that it was reached by.
        observed: what it answered when all of it was surveyed.

    Raises:
        NotUnderstood: an answer makes no sense.
    """
    untold: list[Untold] = []
    try:
        backend = plan(replace(desired, services=(), vrrp=Vrrp()), observed).backend
    except RouterError as error:
        backend = Backend.AUTO
        untold.append(Untold("", "the router", str(error)))
    zones = firewalld.zones(observed)
    zone = desired.zone or firewalld.zone_of(zones, observed)
    marks: list[Found] = []
    for each in _all_marks(observed, zones, zone):
        if isinstance(each, Untold):
            untold.append(each)
        elif each.backend is backend:
            marks.append(each)
        else:
            untold.append(Untold(each.words, each.where, _elsewhere(backend)))
    kept, contradicting = _without_contradictions(marks)
    untold += contradicting
    is_default = zone == firewalld.default_zone(observed) and desired.zone is None
    return Today(
        router=desired.router,
        desired=desired,
        backend=backend,
        zone=None if backend is not Backend.FIREWALLD or is_default else zone,
        marks=tuple(kept),
        untold=tuple(dict.fromkeys(untold)),
        keepalived=config_of(observed.sections),
        observed=observed,
    )


def _all_marks(
    observed: Observed, zones: firewalld.Zones, zone: str | None
) -> Iterator[Found | Untold]:
    yield from firewalld.marks(zones, zone)
    yield from iptables.marks(observed)
    yield from nftables.marks(observed)


def _elsewhere(backend: Backend) -> str:
    if backend is Backend.AUTO:
        return "no packet filter runs that a rollout could keep it in"
    return f"a rollout keeps this router's marks in {backend.value}"


def _without_contradictions(marks: Iterable[Found]) -> tuple[list[Found], list[Untold]]:
    """Those that give a packet one mark, and the others: which of two counts is not said."""
    by_place: dict[object, list[Found]] = {}
    for each in marks:
        by_place.setdefault((each.mark.vip, each.mark.protocol), []).append(each)
    kept: list[Found] = []
    untold: list[Untold] = []
    for those in by_place.values():
        for each in those:
            other = next((o for o in those if _contradicts(each.mark, o.mark)), None)
            if other is None:
                kept.append(each)
            else:
                why = f"another rule gives the same packets mark {other.mark.mark}: {other.words}"
                untold.append(Untold(each.words, each.where, why))
    return kept, untold


def _contradicts(one: Mark, two: Mark) -> bool:
    return one.mark != two.mark and one.ports.overlaps(two.ports)
