"""Whether a router lets a packet in, and with which mark: decided by walking its real rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

from inventory.rules import PortRange
from tasks.observe import Observed
from tasks.walk.answer import STRANGER, Span
from tasks.walk.chain import Base
from tasks.walk.engine import follow, orders
from tasks.walk.packet import Doubt, Packet, Said, seen_on, sources_of
from tasks.walk.read import bases_of, interfaces_of
from tasks.walk.through import Outcome


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
        path: of the place in nftables, as nft's commands have it.
    """

    accepted: bool | None
    mark: int | None
    by: str = ""
    place: str = ""
    doubt: Doubt = Doubt.NONE
    zones: tuple[str, ...] = ()
    strangers: bool | None = None
    unlike: str = ""
    path: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it can be said what becomes of strangers, and with which mark."""
        return self.strangers is not None and self.mark is not None

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
        found, gap = bases_of(observed)
        return cls.over(found, interfaces_of(observed), gap)

    @classmethod
    def over(cls, bases: Sequence[Base], interfaces: tuple[str, ...], gap: str = "") -> Self:
        """Those that have these base chains.

        Args:
            bases: as they are listed.
            interfaces: the router's.
            gap: why some rules were not seen.
        """
        return cls(tuple(map(tuple, orders(bases))), interfaces, gap)

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
            return replace(found, by=most.by, place=most.place, path=most.path)
        other = next(each for each in outcomes if each.accepted is not most.accepted)
        return replace(
            most,
            accepted=None,
            doubt=Doubt.SOME,
            zones=found.zones,
            unlike=": ".join(reversed(_said(other.by)[:2])),
        )

    def by_ports(self, packet: Packet) -> list[tuple[Packet, Verdict]]:
        """What becomes of a packet to a range of ports: in parts, where they are not treated alike.

        Neighbours that are treated alike are one part. Where the ports are not what a verdict is
        left open by, the range stays whole.
        """
        parts: list[tuple[Packet, Verdict]] = []
        for part, said in self._parts(packet):
            last = parts[-1] if parts else None
            if last is not None and last[1] == said:
                parts[-1] = (_joined(last[0], part), said)
            else:
                parts.append((part, said))
        return parts

    def _parts(self, packet: Packet) -> Iterator[tuple[Packet, Verdict]]:
        said, ports = self.verdict(packet), packet.port
        if not isinstance(ports, PortRange) or ports.first == ports.last or said.is_known:
            yield packet, said
            return
        ends = (self.verdict(replace(packet, port=port)) for port in (ports.first, ports.last))
        if not any(end.is_known for end in ends):
            yield packet, said
            return
        middle = (ports.first + ports.last) // 2
        yield from self._parts(replace(packet, port=PortRange(ports.first, middle)))
        yield from self._parts(replace(packet, port=PortRange(middle + 1, ports.last)))

    def _outcomes(self, packet: Packet, source: Span | None = None) -> list[Outcome]:
        return [
            outcome
            for seen in seen_on(packet, self.interfaces)
            for bases in self.orders
            for outcome in follow(seen, source or sources_of(packet), bases)
        ]


def _joined(one: Packet, other: Packet) -> Packet:
    first, last = one.port, other.port
    low = first.first if isinstance(first, PortRange) else first
    high = last.last if isinstance(last, PortRange) else last
    return one if low is None or high is None else replace(one, port=PortRange(low, high))


def verdict(observed: Observed, packet: Packet) -> Verdict:
    """What becomes of a packet; for several of them, keep `Filters.of` and ask that.

    Raises:
        NotUnderstood: an answer of the router makes no sense.
    """
    return Filters.of(observed).verdict(packet)


def _verdict(outcomes: Sequence[Outcome], gap: str) -> Verdict:
    zones = tuple(dict.fromkeys(zone for each in outcomes for zone in each.state.zones))
    fates = {outcome.accepted for outcome in outcomes}
    if fates == {False}:
        by = outcomes[0].by
        return _decided(False, _mark(outcomes), by, zones)
    if gap:
        return Verdict(None, None, gap, "", Doubt.UNKNOWN, zones)
    let_in = [outcome for outcome in outcomes if outcome.accepted]
    if fates == {True}:
        by = outcomes[0].by
        return _decided(True, _mark(let_in), by, zones)
    worst = max(outcomes, key=lambda outcome: _WORSE.index(outcome.state.doubt))
    doubt, by = worst.state.doubt, worst.state.doubted
    if doubt is Doubt.NONE:  # it differs by the interface
        doubt, by = Doubt.SOME, next(o.by for o in outcomes if o.accepted is False)
    words, place, path = _said(by)
    return Verdict(None, _mark(let_in), words, place, doubt, zones, path=path)


def _decided(accepted: bool, mark: int | None, by: Said | None, zones: tuple[str, ...]) -> Verdict:
    words, place, path = _said(by)
    return Verdict(accepted, mark, words, place, Doubt.NONE, zones, accepted, path=path)


_WORSE = (Doubt.NONE, Doubt.SOME, Doubt.UNKNOWN)


def _mark(outcomes: Iterable[Outcome]) -> int | None:
    marks = {outcome.state.mark for outcome in outcomes}
    return marks.pop() if len(marks) == 1 else None


def _said(by: Said | None) -> tuple[str, str, str]:
    if by is None:
        return "", "", ""
    chain, rule = by
    return (rule.words() if rule else chain.policy), chain.place, chain.path
