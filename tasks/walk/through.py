"""The way of a packet through one base chain: everything that may become of it, not one guess.

A packet is followed as a set of states. Where a rule surely matches, or surely does not, the set
stays as it is; where it may match, the packet goes both ways, and each carries the doubt along.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from tasks.walk.answer import Answer, merged, split
from tasks.walk.chain import Action, Ask, Base, Chain, Do, End, From, Jump, Rule, Set, Step
from tasks.walk.packet import Doubt, Said, Seen, State

_DEEPEST = 64
"""Loops are refused by the kernel; this bounds a listing that was cut together."""

_SPANS = 64
"""Beyond so many spans of addresses, who has sent a packet is followed less exactly."""

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


def merged_states(states: Iterable[State]) -> list[State]:
    """The same without states that later rules cannot tell apart."""
    found: dict[object, State] = {}
    for state in states:
        kept = found.get(state.key)
        found[state.key] = state if kept is None else _both(kept, state)
    return list(found.values())


def _both(one: State, other: State) -> State:
    worse = other if one.doubt is Doubt.SOME and other.doubt is Doubt.UNKNOWN else one
    if one.sources == other.sources:
        return worse
    return replace(worse, sources=merged((*one.sources, *other.sources)))


@dataclass
class Walk:
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
                return merged_states(back)
            states = left if len(left) == 1 else merged_states(left)
        return merged_states([*states, *back])

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
        same = all(each.key == state.key for each in past)  # and all who may have sent it
        if past and same and before == (len(self.outcomes), len(self.accepted), len(back)):
            return [state]  # whether it matched or not has made no difference
        return past

    def _step(
        self, step: Step, said: Said, state: State, past: list[State], back: list[State]
    ) -> list[State]:
        """The states in which the rule goes on; those in which it does not go to ``past``."""
        if isinstance(step, Ask):
            return self._ask(step, said, state, past)
        if isinstance(step, From):
            return self._split(step, said, state, past)
        if isinstance(step, Set):
            return self._change(step, said, state, past)
        return self._decide(step, said, state, past, back)

    def _ask(self, step: Ask, said: Said, state: State, past: list[State]) -> list[State]:
        answer = step.holds(self.seen, state)
        if answer is Answer.YES:
            return [state]
        if answer is Answer.NO:
            past.append(state)
            return []
        past.append(state.doubting(_DOUBTS[answer], said))
        return past[-1:]

    def _change(self, step: Set, said: Said, state: State, past: list[State]) -> list[State]:
        changed: list[State] = []
        for answer, new in step.options(self.seen, state):
            if answer is Answer.YES:
                return [*changed, new]
            if answer is not Answer.NO:
                state = state.doubting(_DOUBTS[answer], said)
                changed.append(new.doubting(_DOUBTS[answer], said))
        past.append(state)
        return changed

    def _split(self, step: From, said: Said, state: State, past: list[State]) -> list[State]:
        """Those who are named, and the others, each with its own way from here."""
        if step.version != self.seen.version:
            past.append(state)
            return []
        inside, outside = split(state.sources, step.spans)
        if step.negated:
            inside, outside = outside, inside
        if not (inside and outside):
            if not inside:
                past.append(state)
            return [state] if inside else []
        state = state.doubting(Doubt.SOME, said)
        if len(inside) + len(outside) > _SPANS:
            past.append(state)
            return [state]
        past.append(replace(state, sources=outside))
        return [replace(state, sources=inside)]

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
