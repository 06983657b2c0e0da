"""Whether the tables of others let a packet in: an accept of ours cannot overrule their drop.

Each base chain at hook input decides for itself (nft(8), "accept … only ends the base chain"), so
what ours lets in gets in only where every other one does too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from inventory.rules import Mark, PortRange, Rule, Ruleset
from tasks.backends.nft_alike import Alike
from tasks.backends.nft_sides import Side, packets_of, versions_of
from tasks.backends.protocol import accepts_of
from tasks.walk import Packet, Verdict


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What does not, or may not, let a packet in.

    Attributes:
        rule: what is to be let in.
        verdict: what becomes of it.
    """

    rule: Rule
    verdict: Verdict

    @property
    def surely(self) -> bool:
        """Whether it is turned away for certain, whoever sends it."""
        return self.verdict.accepted is False


def obstacles(side: Side, wanted: Ruleset) -> Iterator[Obstacle]:
    """What stands in the way of what is to be let in, the certain first.

    Each rule of others comes once, with the first thing that it stands in the way of.

    Args:
        side: the tables of others.
        wanted: all that is desired; a rule may let in what is marked.
    """
    accepts = accepts_of(wanted)
    if not accepts:
        return
    filters, versions = side.filters(wanted.marks), versions_of(wanted)
    alike, marks = Alike.of(side), _by_place(wanted)
    asked: set[object] = set()  # of packets that others cannot tell apart, one is enough
    found: dict[tuple[bool, str, str], Obstacle] = {}
    for rule in accepts:
        for packet in packets_of(rule, versions):
            mark = _mark_of(packet, marks.get((packet.destination, packet.protocol), ()))
            key = packet if mark is None else alike.key(packet, mark)
            if key in asked:
                continue
            asked.add(key)
            for _, said in filters.by_ports(packet):
                # Whom a site turns away by source, or by rate, is its own business: a ban, a limit.
                if said.accepted is not True and said.strangers is not True:
                    each = Obstacle(rule, said)
                    found.setdefault((each.surely, said.place, said.by), each)
    yield from sorted(found.values(), key=lambda each: not each.surely)


def _by_place(wanted: Ruleset) -> Mapping[object, Sequence[Mark]]:
    found: dict[object, list[Mark]] = {}
    for mark in wanted.marks:
        found.setdefault((mark.vip, mark.protocol), []).append(mark)
    return found


def _mark_of(packet: Packet, near: Sequence[Mark]) -> int | None:
    """The mark that all of its ports get from us, 0 for none; None where they get several."""
    ports = packet.port
    if not isinstance(ports, PortRange):
        return 0
    over = [mark for mark in near if mark.ports.overlaps(ports)]
    if not over:
        return 0
    first = over[0]
    is_whole = first.ports.first <= ports.first and ports.last <= first.ports.last
    return first.mark if is_whole else None
