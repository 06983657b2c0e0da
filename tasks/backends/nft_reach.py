"""Whether the tables of others let a packet in: an accept of ours cannot overrule their drop.

Each base chain at hook input decides for itself (nft(8), "accept … only ends the base chain"), so
what ours lets in gets in only where every other one does too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from inventory.rules import Mark, Rule, Ruleset
from tasks.backends.nft_json import Chain, Object
from tasks.backends.nft_match import Match, Packets, all_of, expression

_FAMILIES = {"inet": (4, 6), "ip": (4,), "ip6": (6,)}
_DEEPEST = 16
"""The kernel's own limit of jumps within jumps."""


class Fate(Enum):
    """What becomes of packets in somebody's chain."""

    LET_IN = "let in"
    TURNED_AWAY = "turned away"
    UNCLEAR = "unclear"
    GOES_ON = "goes on"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A base chain that does not, or may not, let a packet in.

    Attributes:
        chain: which one.
        rule: what is to be let in.
        surely: whether that is certain.
    """

    chain: Chain
    rule: Rule
    surely: bool


def obstacles(
    tables: Iterable[Mapping[str, Chain]], wanted: Ruleset, marks: Sequence[Mark]
) -> Iterator[Obstacle]:
    """The base chains at hook input that stand in the way of what is to be let in.

    Each comes once, with the first rule that it stands in the way of; a certain one first.

    Args:
        tables: those of others, each with its chains by name.
        wanted: what is to be let in.
        marks: what marks those packets, since a rule may let in what is marked.
    """
    packets = list(Packets.of(wanted, marks))
    for chains in tables:
        for chain in chains.values():
            if chain.hook != "input":
                continue
            versions = _FAMILIES.get(chain.family, ())
            found: dict[Fate, Rule] = {}
            for rule, both in packets:
                fates = {_fate(chain, chains, each) for each in both if each.version in versions}
                if fates:
                    found.setdefault(fates.pop() if len(fates) == 1 else Fate.UNCLEAR, rule)
            if Fate.TURNED_AWAY in found:
                yield Obstacle(chain, found[Fate.TURNED_AWAY], surely=True)
            elif Fate.UNCLEAR in found:
                yield Obstacle(chain, found[Fate.UNCLEAR], surely=False)


def _fate(chain: Chain, chains: Mapping[str, Chain], packets: Packets) -> Fate:
    walk = _Walk(chains, packets)
    found = walk.through(chain)
    if found is Fate.GOES_ON:
        found = Fate.TURNED_AWAY if chain.policy == "drop" else Fate.LET_IN
    doubtful = walk.maybe_in if found is Fate.TURNED_AWAY else walk.maybe_away
    return Fate.UNCLEAR if doubtful else found


@dataclass
class _Walk:
    """The way of packets through one table; what may have happened to them on it is kept.

    Attributes:
        chains: the table's chains, by name.
        packets: which they are.
        maybe_in: some rule lets some of them in, or may let in all.
        maybe_away: some rule may turn all of them away.
    """

    chains: Mapping[str, Chain]
    packets: Packets
    maybe_in: bool = False
    maybe_away: bool = False
    depth: int = 0

    def through(self, chain: Chain) -> Fate:
        """What surely becomes of them in a chain."""
        for *conditions, verdict in _rules(chain):
            match = all_of(expression(each, self.packets) for each in conditions)
            if match is Match.NONE:
                continue
            ((name, value), *_) = verdict.items()
            if name == "return":
                if match is Match.ALL:
                    return Fate.GOES_ON
                self.maybe_in = self.maybe_away = True  # what follows is for some of them only
                continue
            target = str(value.get("target")) if isinstance(value, dict) else ""
            found = self._verdict(name, target)
            if match is Match.ALL and (found is not Fate.GOES_ON or name == "goto"):
                return found
            self._remember(found, match)
        return Fate.GOES_ON

    def _verdict(self, name: str, target: str) -> Fate:
        if name == "accept":
            return Fate.LET_IN
        if name in ("drop", "reject"):
            return Fate.TURNED_AWAY
        if name in ("jump", "goto") and target in self.chains and self.depth < _DEEPEST:
            self.depth += 1
            found = self.through(self.chains[target])
            self.depth -= 1
            return found
        return Fate.UNCLEAR

    def _remember(self, found: Fate, match: Match) -> None:
        if found in (Fate.LET_IN, Fate.UNCLEAR):
            self.maybe_in = True
        # Whom a site turns away by source, or by rate, is its own business: a ban, a limit.
        if found is Fate.UNCLEAR or (found is Fate.TURNED_AWAY and match is Match.UNKNOWN):
            self.maybe_away = True


_VERDICTS = {"accept", "drop", "reject", "jump", "goto", "return", "queue", "tproxy", "synproxy"}
_HARMLESS_TARGETS = {"LOG", "NFLOG", "MARK", "CONNMARK", "CONNSECMARK", "SECMARK", "CT", "TCPMSS"}
_HARMLESS_TARGETS |= {"SET", "AUDIT", "CLASSIFY", "CHECKSUM", "TRACE", "DSCP", "TTL", "HL"}


def _rules(chain: Chain) -> Iterator[list[Object]]:
    """The rules that decide something, each with its verdict last; a map of verdicts is several."""
    for rule in chain.rules:
        *conditions, verdict = rule or ({},)
        match verdict:
            case {"vmap": {"key": key, "data": {"set": [*pairs]}}}:
                for pair in pairs:
                    match pair:
                        case [value, dict(chosen)] if chosen:
                            yield [*conditions, _equals(key, value), chosen]
            case {"vmap": {"key": key, "data": named}}:
                yield [*conditions, _equals(key, named), {"queue": None}]  # whatever it says
            case {"xt": {"type": "target", "name": name}} if name in _HARMLESS_TARGETS:
                pass
            case {"xt": _}:
                yield [*conditions, verdict]
            case _ if next(iter(verdict), "") in _VERDICTS:
                yield [*conditions, verdict]


def _equals(left: object, right: object) -> Object:
    return {"match": {"op": "==", "left": left, "right": right}}
