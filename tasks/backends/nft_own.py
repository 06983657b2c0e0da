"""lvsfleet's own table as the walk has it, as it is to be: what it marks; it turns nothing away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from inventory.rules import Mark
from tasks.backends.nft_table import PRIORITY, TABLE
from tasks.walk.answer import Answer, Span, within
from tasks.walk.chain import Base, Chain, Rule, Set
from tasks.walk.packet import NUMBERS, Seen, State

_PLACE = f"nftables' chain prerouting of table {TABLE}"


def own_base(marks: Iterable[Mark]) -> Base:
    """The chain that gives packets these marks."""
    found: dict[tuple[int, int, int], list[tuple[Span, int]]] = {}
    for mark in marks:
        key = (mark.vip.version, int(mark.vip), NUMBERS[mark.protocol.value])
        found.setdefault(key, []).append(((mark.ports.first, mark.ports.last), mark.mark))

    def options(seen: Seen, state: State) -> Sequence[tuple[Answer, State]]:
        near = found.get((seen.version, seen.destination, seen.protocol), ())
        return [
            (within(seen.ports, (span,)), replace(state, mark=number))
            for span, number in near
            if seen.ports is not None
        ]

    rule = Rule((Set(options),), lambda: "meta mark set by lvsfleet's map")
    chain = Chain("prerouting", _PLACE, (rule,))
    return Base((4, 6), "prerouting", PRIORITY, chain, {chain.name: chain})
