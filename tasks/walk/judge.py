"""Whether a router lets a packet in, and with which mark: decided by walking its real rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from tasks.backends.variants import Variant, variant_of
from tasks.observe import Observed
from tasks.walk import iptables, nft
from tasks.walk.answer import STRANGER, Span
from tasks.walk.chain import Base
from tasks.walk.engine import follow, orders
from tasks.walk.packet import Doubt, Packet, Said, seen_on, sources_of
from tasks.walk.through import Outcome

_IPTABLES_FAMILIES = {4: "ip", 6: "ip6"}
_INTERFACE = re.compile(r"^\d+: (?P<name>[^\s@]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a packet.

    Attributes:
        accepted: every packet filter lets it in, as far as IPVS; None where that cannot be said.
        mark: the mark that it has then, 0 for none; None where that cannot be said, or differs.
        by: the rule that decides, in the router's own words: the one that turns it away, else the
            last one that lets it in; where nothing can be said, the one that leaves that open. Of
            clients that meet several, the rule for strangers.
        place: where that rule stands; both are empty where no rule says anything.
        doubt: why it cannot be said.
        strangers: whether a client gets in whom no rule names by address, as clients of a public
            service are; the same as ``accepted`` where that is known.
        unlike: where only that can be said, a rule that treats some clients otherwise, and its
            place; the mark and the deciding rule are then those for strangers.
        zones: firewalld's zones that it comes through.
    """

    accepted: bool | None
    mark: int | None
    by: str = ""
    place: str = ""
    doubt: Doubt = Doubt.NONE
    zones: tuple[str, ...] = ()
    strangers: bool | None = None
    unlike: str = ""

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.place, self.by))) or "no rule turns it away"


@dataclass(frozen=True, slots=True)
class Filters:
    """All packet filters of one router, read once to be asked many times.

    Attributes:
        orders: the chains that packets come to by themselves, in each order that they may have.
        interfaces: the router's.
        gap: why some rules were not seen; empty where all were.
    """

    orders: tuple[tuple[Base, ...], ...]
    interfaces: tuple[str, ...]
    gap: str = ""

    @classmethod
    def of(cls, observed: Observed) -> Self:
        """Those of a router that was surveyed; an observation for a rollout has less.

        Raises:
            NotUnderstood: an answer of it makes no sense.
        """
        found, of_iptables = _of_iptables(observed)
        listing = observed.text("nft:ruleset")
        if listing:
            found += nft.bases(listing, without=of_iptables)
        elif listing := observed.text("nftables:others"):
            own = observed.text("nftables:own")
            without = {*of_iptables, *([("inet", "lvsfleet")] if own else [])}
            found += nft.bases(listing, without=without, whole_sets=False)
            found += nft.bases(own) if own else ()
        addresses = observed.sections.get("addresses")
        names = _INTERFACE.findall(addresses.text) if addresses else []
        return cls(
            tuple(map(tuple, orders(found))),
            tuple(dict.fromkeys(names)),
            _gap(observed, found, listing),
        )

    def verdict(self, packet: Packet) -> Verdict:
        """What becomes of a packet."""
        outcomes = self._outcomes(packet)
        found = _verdict(outcomes, self.gap)
        if found.doubt is Doubt.UNKNOWN or packet.source is not None or len(outcomes) == 1:
            return found
        most = _verdict(self._outcomes(packet, STRANGER), self.gap)
        if most.accepted is None:
            return found
        if most.accepted is found.accepted:
            return replace(found, by=most.by, place=most.place)
        other = next(each for each in outcomes if each.accepted is not most.accepted)
        return replace(
            most,
            accepted=None,
            doubt=Doubt.SOME,
            zones=found.zones,
            unlike=": ".join(reversed(_said(other.by))),
        )

    def _outcomes(self, packet: Packet, source: Span | None = None) -> list[Outcome]:
        return [
            outcome
            for seen in seen_on(packet, self.interfaces)
            for bases in self.orders
            for outcome in follow(seen, source or sources_of(packet), bases)
        ]


def verdict(observed: Observed, packet: Packet) -> Verdict:
    """What becomes of a packet; for several of them, keep `Filters.of` and ask that.

    Raises:
        NotUnderstood: an answer of the router makes no sense.
    """
    return Filters.of(observed).verdict(packet)


def _of_iptables(observed: Observed) -> tuple[list[Base], set[nft.Table]]:
    """The chains of both variants, and the tables of nftables that they are."""
    found: list[Base] = []
    covered: set[nft.Table] = set()
    for version, family in _IPTABLES_FAMILIES.items():
        dumps: dict[Variant | None, str] = {}
        for program in ("iptables-nft", "iptables-legacy", "iptables"):
            text = observed.text(f"{program}:{version}")
            if text:
                dumps.setdefault(variant_of(text), text)
        for variant, text in dumps.items():
            found += iptables.bases(text, version)
            if variant is Variant.NFT:
                covered |= {(family, name) for name in iptables.tables(text)}
    return found, covered


def _gap(observed: Observed, found: Sequence[Base], listing: str | None) -> str:
    if listing:
        return ""
    said = observed.sections.get("nft:ruleset")
    if said is not None and said.status:
        return f"nft does not list its rules (exit status {said.status})"
    firewalld = observed.units.get("firewalld")
    if firewalld and firewalld.active and not any(b.chain.place.startswith("fire") for b in found):
        return "firewalld runs, and nft does not list the rules that it has made"
    dumped = any(observed.text(f"iptables:{version}") for version in _IPTABLES_FAMILIES)
    return "" if dumped else "neither nft nor iptables-save lists any rules"


def _verdict(outcomes: Sequence[Outcome], gap: str) -> Verdict:
    zones = tuple(dict.fromkeys(zone for each in outcomes for zone in each.state.zones))
    fates = {outcome.accepted for outcome in outcomes}
    if fates == {False}:
        by = outcomes[0].by
        return Verdict(False, _mark(outcomes), *_said(by), Doubt.NONE, zones, strangers=False)
    if gap:
        return Verdict(None, None, gap, "", Doubt.UNKNOWN, zones)
    let_in = [outcome for outcome in outcomes if outcome.accepted]
    if fates == {True}:
        by = outcomes[0].by
        return Verdict(True, _mark(let_in), *_said(by), Doubt.NONE, zones, strangers=True)
    worst = max(outcomes, key=lambda outcome: _WORSE.index(outcome.state.doubt))
    doubt, by = worst.state.doubt, worst.state.doubted
    if doubt is Doubt.NONE:  # it differs by the interface
        doubt, by = Doubt.SOME, next(o.by for o in outcomes if o.accepted is False)
    return Verdict(None, _mark(let_in), *_said(by), doubt, zones)


_WORSE = (Doubt.NONE, Doubt.SOME, Doubt.UNKNOWN)


def _mark(outcomes: Iterable[Outcome]) -> int | None:
    marks = {outcome.state.mark for outcome in outcomes}
    return marks.pop() if len(marks) == 1 else None


def _said(by: Said | None) -> tuple[str, str]:
    if by is None:
        return "", ""
    chain, rule = by
    return (rule.words() if rule else chain.policy), chain.place
