"""The mark rules that others have in nftables: read where they are plain, noticed where not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inventory.rules import Mark
from tasks.backends.nft_json import Chain, Object
from tasks.backends.nft_maps import Maps, one_by_one
from tasks.backends.nft_plain import plain_marks
from tasks.backends.nft_table import PRIORITY
from tasks.walk.nft_words import words_of

_NO_MAPS: Maps = {}

_AT_IPVS = 99
"""Where IPVS takes its packets, at hook input; a mark set behind that comes too late."""


@dataclass(frozen=True, slots=True)
class ForeignMark:
    """A rule of somebody's that sets the mark, or one element of a named map that it looks up.

    Attributes:
        chain: where it stands.
        at: its place among the chain's rules.
        marks: what it marks; empty where it is not of the plain kind.
        behind: it comes after ours, so that it has the last word.
        map: the named map; empty where there is none.
        key: the element's, as nft lists it.
        idle: its map has no elements, so it marks nothing yet.
    """

    chain: Chain
    at: int
    marks: tuple[Mark, ...]
    behind: bool
    map: str = ""
    key: Any = None
    idle: bool = False

    @property
    def rule(self) -> tuple[Object, ...]:
        """Its expressions."""
        return self.chain.rules[self.at]

    @property
    def text(self) -> str:
        """The rule as nft prints it."""
        return words_of(self.rule)

    def words(self, mark: Mark) -> str:
        """One of its marks as a rule of nft."""
        family = "ip" if mark.vip.version == 4 else "ip6"  # noqa: PLR2004
        to = f"{family} daddr {mark.vip} {mark.protocol.value} dport {mark.ports}"
        return f"{to} meta mark set {mark.mark:#x}"


def foreign_marks(
    tables: Iterable[Mapping[str, Chain]], maps: Maps = _NO_MAPS
) -> Iterator[ForeignMark]:
    """The rules that set the mark of what comes in, before IPVS looks at it.

    Args:
        tables: each with its chains by name.
        maps: the elements of their named maps, as far as they are known.
    """
    for chains in tables:
        behind: dict[str, bool] = {}
        for base in chains.values():
            late = base.hook == "input" and base.priority < _AT_IPVS
            if late or base.hook == "prerouting":
                for name in _reached(base.name, chains):
                    after = late or base.priority >= PRIORITY
                    behind[name] = behind.get(name, False) or after
        for name, after in behind.items():
            for at, rule in enumerate(chains[name].rules):
                if any(_sets_mark(each) for each in rule):
                    yield from _of_rule(chains[name], at, rule, maps, behind=after)


def _of_rule(
    chain: Chain, at: int, rule: tuple[Object, ...], maps: Maps, *, behind: bool
) -> Iterator[ForeignMark]:
    """One for each element of a named map; else one for the whole rule."""
    inline: list[tuple[Mark, ...]] = []
    idle = False
    for one in one_by_one(chain, rule, maps):
        marks = tuple(plain_marks(one.expressions))
        if one.name:
            yield ForeignMark(chain, at, marks, behind, one.name, one.key)
        else:
            inline.append(marks)
            idle = one.idle
    if inline:
        whole = tuple(mark for marks in inline for mark in marks) if all(inline) else ()
        yield ForeignMark(chain, at, whole, behind, idle=idle)


def _reached(name: str, chains: Mapping[str, Chain]) -> Iterable[str]:
    """The chains that packets get to from one, itself first."""
    found: dict[str, None] = {}
    left = [name]
    while left:
        now = left.pop()
        if now in found or now not in chains:
            continue
        found[now] = None
        for rule in chains[now].rules:
            left += (target for each in rule for target in _targets(each))
    return found


def _targets(body: Any) -> Iterator[str]:
    """The chains that an expression jumps to, also by a map of verdicts."""
    if isinstance(body, dict):
        for kind, value in body.items():
            if kind in ("jump", "goto") and isinstance(value, dict):
                yield str(value.get("target"))
            else:
                yield from _targets(value)
    elif isinstance(body, list):
        for each in body:
            yield from _targets(each)


def _sets_mark(body: Object) -> bool:
    match body:
        case {"mangle": {"key": {"meta": {"key": "mark"}}}}:
            return True
        case {"xt": {"type": "target", "name": "MARK" | "CONNMARK"}}:
            return True
    return False
