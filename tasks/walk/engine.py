"""The way of a packet through base chains: everything that may become of it, not one guess.

A packet is followed as a set of states. Where a rule surely matches, or surely does not, the set
stays as it is; where it may match, the packet goes both ways, and each carries the doubt along.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tasks.walk.answer import Answer
from tasks.walk.chain import Action, Ask, Base, Chain, Do, End, Jump, Rule, Set, Step
from tasks.walk.packet import Doubt, Said, Seen, State, Tracked

_HOOKS = ("ingress", "prerouting", "input")
CONNTRACK = -200
"""The priority at which conntrack sees a packet (NF_IP_PRI_CONNTRACK)."""
AT_IPVS = 99
"""Where IPVS takes its packets, at hook input; chains behind that do not matter."""
_DEEPEST = 64
"""Loops are refused by the kernel; this bounds a listing that was cut together."""

_DOUBTS = {Answer.SOME: Doubt.SOME, Answer.UNKNOWN: Doubt.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing that may become of a packet.

    Attributes:
        accepted: it gets to IPVS; None where a rule does with it what nobody foresees.
        state: how it is then.
        by: the rule that decided; None where none turned it away.
    """

    accepted: bool | None
    state: State
    by: Said | None


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


def follow(seen: Seen, bases: Iterable[Base]) -> list[Outcome]:
    """Everything that may become of a packet.

    Args:
        seen: the packet.
        bases: in order.
    """
    outcomes: list[Outcome] = []
    states = [State()]
    for base in bases:
        if seen.version not in base.versions:
            continue
        if base.device and seen.interface not in (base.device, None):
            continue
        if base.hook != "ingress" and (base.hook == "input" or base.priority > CONNTRACK):
            states = [_tracked(state) for state in states]
        walk = _Walk(base, seen, outcomes)
        passed = walk.whole(states)
        if base.device and seen.interface is None:
            passed += [state.doubting(Doubt.SOME, (base.chain, None)) for state in states]
        states = _merged(passed)
    outcomes += (Outcome(True, state, state.accept) for state in states)
    return outcomes


def _tracked(state: State) -> State:
    return replace(state, tracked=Tracked.NEW) if state.tracked is Tracked.NOT_YET else state


def _merged(states: Iterable[State]) -> list[State]:
    found: dict[object, State] = {}
    for state in states:
        kept = found.setdefault(state.key, state)
        if state.doubt is Doubt.UNKNOWN and kept.doubt is Doubt.SOME:
            found[state.key] = state
    return list(found.values())


@dataclass
class _Walk:
    """Through one base chain and those that it jumps to."""

    base: Base
    seen: Seen
    outcomes: list[Outcome]
    accepted: list[State] = field(default_factory=list)
    depth: int = 0

    def whole(self, states: list[State]) -> list[State]:
        """The states in which a packet leaves it for the next base chain."""
        ended = self._through(self.base.chain, states)
        if not self.base.drops:
            return [*self.accepted, *ended]
        by = (self.base.chain, None)
        self.outcomes += (Outcome(False, state, by) for state in ended)
        return self.accepted

    def _through(self, chain: Chain, states: list[State]) -> list[State]:
        """The states in which a packet comes to the end of a chain, or returns from it."""
        if chain.zone:
            states = [_in_zone(state, chain.zone) for state in states]
        back: list[State] = []
        for rule in chain.rules:
            left: list[State] = []
            for state in states:
                left += self._rule(rule, chain, state, back)
            if not left:
                return _merged(back)
            states = left if len(left) == 1 else _merged(left)
        return _merged([*states, *back])

    def _rule(self, rule: Rule, chain: Chain, state: State, back: list[State]) -> list[State]:
        """The states in which it goes on to the next rule; those that return go to ``back``."""
        first = rule.steps[0] if rule.steps else None
        if first is None or (isinstance(first, Ask) and first.holds(self.seen, state) is Answer.NO):
            return [state]
        before = len(self.outcomes), len(self.accepted), len(back)
        said = (chain, rule)
        past: list[State] = []
        matching = [state]
        for step in rule.steps:
            matching = [
                new for each in matching for new in self._step(step, said, each, past, back)
            ]
        past += matching
        same = all(each.key == state.key for each in past)
        if past and same and before == (len(self.outcomes), len(self.accepted), len(back)):
            return [state]  # whether it matched or not has made no difference
        return past

    def _step(
        self, step: Step, said: Said, state: State, past: list[State], back: list[State]
    ) -> list[State]:
        """The states in which the rule goes on; those in which it does not go to ``past``."""
        if isinstance(step, Ask):
            answer = step.holds(self.seen, state)
            if answer is Answer.YES:
                return [state]
            if answer is Answer.NO:
                past.append(state)
                return []
            past.append(state.doubting(_DOUBTS[answer], said))
            return past[-1:]
        if isinstance(step, Set):
            changed: list[State] = []
            for answer, new in step.options(self.seen, state):
                if answer is Answer.YES:
                    return [*changed, new]
                if answer is not Answer.NO:
                    state = state.doubting(_DOUBTS[answer], said)
                    changed.append(new.doubting(_DOUBTS[answer], said))
            past.append(state)
            return changed
        return self._decide(step, said, state, past, back)

    def _decide(
        self, step: Do, said: Said, state: State, past: list[State], back: list[State]
    ) -> list[State]:
        for answer, action in step.options(self.seen, state):
            if answer is Answer.YES:
                self._act(action, said, state, past, back)
                return []
            if answer is not Answer.NO:
                state = state.doubting(_DOUBTS[answer], said)
                self._act(action, said, state, past, back)
        return [state]

    def _act(
        self, action: Action, said: Said, state: State, past: list[State], back: list[State]
    ) -> None:
        if isinstance(action, Jump):
            target = self.base.chains.get(action.target)
            if target is None or self.depth >= _DEEPEST:
                self._unclear(said, state)
                return
            self.depth += 1
            (past if action.back else back).extend(self._through(target, [state]))
            self.depth -= 1
        elif action is End.ACCEPT:
            at_input = self.base.hook == "input"
            self.accepted.append(replace(state, accept=said) if at_input else state)
        elif action is End.AWAY:
            self.outcomes.append(Outcome(False, state, said))
        elif action is End.UNCLEAR:
            self._unclear(said, state)
        else:
            (back if action is End.RETURN else past).append(state)

    def _unclear(self, said: Said, state: State) -> None:
        self.outcomes.append(Outcome(None, state.doubting(Doubt.UNKNOWN, said), said))


def _in_zone(state: State, zone: str) -> State:
    return state if zone in state.zones else replace(state, zones=(*state.zones, zone))
