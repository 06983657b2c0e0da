"""The rules that a packet meets from one chain on, those of chains it jumps to included."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from inventory.rules import Mark, Ruleset
from tasks.backends.iptables_save import Table, chain_of, options_of, ruleset_of

_DEEPEST = 16
_JUMP = re.compile(r"\s(?:-j|--jump|-g|--goto)\s+(\S+)")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
OURS = "LVSFLEET-"
"""How the names of our own chains begin."""

_CONDITIONAL = "it is reached under a condition only"

Conditions = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """One line that a packet may meet.

    Attributes:
        line: the ``-A`` line, without counters.
        before: how many lines of its chain that are not our hooks stand before it.
        does: what it does to the packets that get to it; None where that cannot be said.
        target: what it jumps to; empty where it does not.
        reason: why that cannot be said, where it is not the line's own fault; else empty.
    """

    line: str
    before: int
    does: Ruleset | None
    target: str
    reason: str = ""

    @property
    def chain(self) -> str:
        """The chain that it stands in."""
        return chain_of(self.line) or ""

    @property
    def marks(self) -> bool:
        """Whether it gives packets a mark, in whichever way."""
        return self.target == "MARK"

    @property
    def mark_rules(self) -> tuple[Mark, ...]:
        """The marks that it gives, where that can be said."""
        return self.does.marks if self.does is not None else ()


def walk(table: Table, chain: str) -> list[Step]:
    """The lines of ``chain`` and of those that it jumps to, in the order of a packet.

    Our own chains are left out.
    """
    return list(_walk(table, chain, {}, (chain,)))


def _walk(
    table: Table, chain: str, conditions: Conditions | None, open_: tuple[str, ...]
) -> Iterator[Step]:
    """As `walk`; ``conditions`` are those of the jumps, None where they cannot be said."""
    before = 0
    for line in (*table.inserted_into(chain), *table.of_chain(chain)):
        target = target_of(line)
        if target.startswith(OURS):
            continue
        own = _conditions(line)
        both = None if own is None or conditions is None else _both(conditions, own)
        does = None if both is None else ruleset_of(both)
        reason = _CONDITIONAL if conditions is None and ruleset_of(own or {}) is not None else ""
        yield Step(line, before, does, target, reason)
        before += 1
        if target in table.chains and target not in open_ and len(open_) < _DEEPEST:
            inner = None if both is None else {k: v for k, v in both.items() if k != "target"}
            yield from _walk(table, target, inner, (*open_, target))


def target_of(line: str) -> str:
    """What a line jumps to; empty where it does not."""
    match = _JUMP.search(_QUOTED.sub('""', line))
    return match[1] if match else ""


def _conditions(line: str) -> dict[str, str] | None:
    try:
        found = options_of(line)
    except ValueError:
        return None
    return {key: value for key, value in found.items() if key not in ("chain", "comment")}


def _both(outer: Conditions, inner: Conditions) -> Conditions | None:
    """What is asked of a packet in all; None where one is asked for in two ways."""
    if any(inner.get(key, value) != value for key, value in outer.items()):
        return None
    return {**outer, **inner}


def why_not(line: str) -> str:
    """Why a mark rule is none that lvsfleet could write, in a few words."""
    try:
        words = shlex.split(line)
    except ValueError:
        return "its quotes do not match"
    for has, reason in _REASONS:
        if has & set(words):
            return reason
    masked = [word for word in words if re.fullmatch(r"0?x?[0-9a-fA-F]+/\S+", word)]
    if masked and not masked[-1].lower().endswith("/0xffffffff"):
        return "it sets some bits of the mark only; IPVS compares all of them"
    if not {"-d", "--dst", "--destination"} & set(words):
        return "it is for no one address"
    if not {word for word in words if word.startswith(("--dport", "--destination-port"))}:
        return "it is for no ports"
    return "it is not of the form: one address, one protocol, ports, one mark"


_REASONS = (
    ({"!"}, "it is for all but something"),
    ({"-s", "--src", "--source"}, "it goes by the source"),
    ({"-i", "--in-interface"}, "it goes by the interface"),
    ({"--or-mark", "--and-mark", "--xor-mark"}, "it sets some bits of the mark only"),
    ({"--sport", "--sports", "--source-port"}, "it goes by the source port"),
    ({"set", "--match-set"}, "it goes by an ipset"),
)
