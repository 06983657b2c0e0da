"""Chains of any packet filter in one form: rules that ask, change the packet and decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from tasks.walk.answer import Answer, Spans
from tasks.walk.packet import Seen, State


class End(Enum):
    """What a rule decides.

    ``ACCEPT`` ends one base chain only; ``AWAY`` is final: dropped, rejected, or sent elsewhere.
    """

    ACCEPT = "accept"
    AWAY = "away"
    UNCLEAR = "unclear"
    RETURN = "return"
    GO_ON = "go on"


@dataclass(frozen=True, slots=True)
class Jump:
    """On to another chain of the table.

    Attributes:
        target: its name.
        back: it comes back to the next rule at the end of that one (not so for goto).
    """

    target: str
    back: bool = True


Action = End | Jump


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """Goes on to the rule's next step where a condition holds."""

    holds: Callable[[Seen, State], Answer]


@dataclass(frozen=True, slots=True, eq=False)
class From:
    """Goes on where a packet comes from some addresses.

    Attributes:
        version: the IP version that they are of.
        spans: the addresses.
        negated: goes on where it comes from others.
    """

    version: int
    spans: Spans
    negated: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Set:
    """Changes the packet; ``options`` exclude each other, and where none is certain it may break.

    A rule that breaks is left for the next one.
    """

    options: Callable[[Seen, State], Sequence[tuple[Answer, State]]]


@dataclass(frozen=True, slots=True, eq=False)
class Do:
    """Decides; ``options`` exclude each other, and where none is certain it may go on."""

    options: Callable[[Seen, State], Sequence[tuple[Answer, Action]]]


Step = Ask | From | Set | Do


def always(action: Action) -> Do:
    """The step that decides one thing."""
    decided = ((Answer.YES, action),)
    return Do(lambda _seen, _state: decided)


def put(change: Callable[[State], State]) -> Set:
    """The step that changes the packet in one way."""
    return Set(lambda _seen, state: ((Answer.YES, change(state)),))


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A rule.

    Attributes:
        steps: what it does, in order.
        words: gives it as its own packet filter writes it.
    """

    steps: tuple[Step, ...]
    words: Callable[[], str]


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """A chain.

    Attributes:
        name: its name.
        place: what an operator calls it.
        rules: in order.
        zone: firewalld's zone that it is of; else empty.
        policy: of a base chain, in its packet filter's words; else empty.
        path: in nftables its family, table and name, as nft's commands have them.
    """

    name: str
    place: str
    rules: tuple[Rule, ...]
    zone: str = ""
    policy: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """A chain that packets come to by themselves.

    Attributes:
        versions: the IP versions that it sees.
        hook: ``ingress``, ``prerouting`` or ``input``.
        priority: of the hook; the lower comes first.
        chain: the chain.
        chains: all of its table, by name.
        device: the only interface whose packets it sees; empty for all.
    """

    versions: tuple[int, ...]
    hook: str
    priority: int
    chain: Chain
    chains: Mapping[str, Chain]
    device: str = ""

    @property
    def changes(self) -> bool:
        """Whether a rule of its table changes packets."""
        rules = (rule for chain in self.chains.values() for rule in chain.rules)
        return any(isinstance(step, Set) for rule in rules for step in rule.steps)

    @property
    def drops(self) -> bool:
        """Whether its policy is to drop."""
        return self.chain.policy.lower().endswith("drop")
