"""The way of a packet through all base chains, in the order in which it meets them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tasks.walk.answer import Span
from tasks.walk.chain import Base
from tasks.walk.packet import Doubt, Seen, State, Tracked
from tasks.walk.through import Outcome, Walk, merged_states

_HOOKS = ("ingress", "prerouting", "input")
CONNTRACK = -200
"""The priority at which conntrack sees a packet (NF_IP_PRI_CONNTRACK)."""
AT_IPVS = 99
"""Where IPVS takes its packets, at hook input; chains behind that do not matter."""


def orders(bases: Sequence[Base]) -> list[list[Base]]:
    """The base chains that a packet meets before IPVS, in each order in which it may meet them.

    Of chains with one priority the kernel runs the younger first (nf_hook_entries_grow). Those of
    one table are listed by age; of two tables that is not known, so where both change packets,
    either may be first.

    Args:
        bases: as they were listed.
    """
    met = [
        base
        for base in bases
        if base.hook in _HOOKS and not (base.hook == "input" and base.priority >= AT_IPVS)
    ]
    met.reverse()
    likely = sorted(met, key=_place)
    changing = Counter((_place(base), id(base.chains)) for base in likely if base.changes)
    tied = Counter(place for place, _table in changing)
    if all(tables == 1 for tables in tied.values()):
        return [likely]
    tables: dict[int, list[Base]] = {}
    for base in met:
        tables.setdefault(id(base.chains), []).append(base)
    other = [base for own in reversed(list(tables.values())) for base in own]
    return [likely, sorted(other, key=_place)]


def _place(base: Base) -> tuple[int, int]:
    return _HOOKS.index(base.hook), base.priority


def follow(seen: Seen, source: Span, bases: Iterable[Base]) -> list[Outcome]:
    """Everything that may become of a packet.

    Args:
        seen: the packet.
        source: who may have sent it.
        bases: in order.
    """
    outcomes: list[Outcome] = []
    states = [State((source,))]
    for base in bases:
        if seen.version not in base.versions:
            continue
        if base.device and seen.interface not in (base.device, None):
            continue
        if base.hook != "ingress" and (base.hook == "input" or base.priority > CONNTRACK):
            states = [_tracked(state) for state in states]
        walk = Walk(base, seen, outcomes)
        passed = walk.whole(states)
        if base.device and seen.interface is None:
            passed += [state.doubting(Doubt.SOME, (base.chain, None)) for state in states]
        states = merged_states(passed)
    outcomes += (Outcome(True, state, state.accept) for state in states)
    return outcomes


def _tracked(state: State) -> State:
    return replace(state, tracked=Tracked.NEW) if state.tracked is Tracked.NOT_YET else state
