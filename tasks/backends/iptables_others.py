"""Lines of others in a table: those that a change takes out of it, and that its undo puts back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from inventory.rules import Rule
from tasks.backends.iptables_save import appended, chain_of, lines_of, without_counters
from tasks.backends.iptables_walk import OURS, target_of

_NOBODYS: Mapping[str, tuple[Rule, ...]] = {}


@dataclass(frozen=True, slots=True)
class Spot:
    """A line and its place.

    Attributes:
        line: the ``-A`` line, without counters.
        before: how many lines of its chain that are not our hooks stand before it.
        does: what it does, where more than the line has to be read to know.
    """

    line: str
    before: int
    does: tuple[Rule, ...] = field(default=(), compare=False)

    @property
    def chain(self) -> str:
        """The chain that it stands in."""
        return chain_of(self.line) or ""

    @property
    def rule(self) -> str:
        """The line without what adds it to its chain."""
        return self.line.split(maxsplit=2)[2]


@dataclass(frozen=True, slots=True)
class Moves:
    """What goes and what comes, each in the order of its chain."""

    go: tuple[Spot, ...] = ()
    come: tuple[Spot, ...] = ()

    def turned(self) -> Moves:
        """The way back."""
        return Moves(self.come, self.go)

    def deletions(self) -> list[str]:
        """What ``iptables-restore`` takes out, once what stands in their place is there."""
        return [f"-D {each.chain} {each.rule}" for each in self.go]

    def insertions(self) -> list[str]:
        """What it puts in while none of our hooks is there; each where it stood."""
        return [f"-I {each.chain} {each.before + 1} {each.rule}" for each in self.come]


def moved(text: str, table: str, moves: Moves) -> str:
    """A saved file after that; all other lines stay, to the byte."""
    if not (moves.go or moves.come):
        return text
    going = Counter(each.line for each in moves.go)
    lines: list[str] = []
    for raw in lines_of(text):
        now = raw.strip()
        if now.startswith("*"):
            inside = now == f"*{table}"
        line = appended(now) or without_counters(now)
        if going[line] > 0 and inside:
            going[line] -= 1
        else:
            lines.append(raw)
    for each in moves.come:
        lines.insert(_place(lines, table, each), each.line + "\n")
    return "".join(lines)


def _place(lines: list[str], table: str, spot: Spot) -> int:
    """Where a line goes: before the one that is to follow it, else last in its chain or table."""
    passed, last, commit = 0, None, len(lines)
    inside = False
    for number, raw in enumerate(lines):
        now = raw.strip()
        if now.startswith("*"):
            inside = now == f"*{table}"
        elif inside and now == "COMMIT":
            commit = number
        elif inside and chain_of(now) == spot.chain and not target_of(now).startswith(OURS):
            if passed == spot.before:
                return number
            passed, last = passed + 1, number
    return commit if last is None else last + 1


def is_ours(line: str) -> bool:
    """Whether an ``-A`` line is one of lvsfleet's: in its chains, or the jump to one."""
    return (chain_of(line) or "").startswith(OURS) or target_of(line).startswith(OURS)


def spots_of(
    lines: Iterable[str], wanted: Iterable[str], does: Mapping[str, tuple[Rule, ...]] = _NOBODYS
) -> tuple[Spot, ...]:
    """Those of a table's ``lines`` that are ``wanted``, each as often as it is, with its place.

    Args:
        lines: all of them.
        wanted: those that are meant.
        does: by line what it does, where that is known.
    """
    left = Counter(wanted)
    passed: Counter[str] = Counter()
    found: list[Spot] = []
    for line in lines:
        if target_of(line).startswith(OURS):
            continue
        chain = chain_of(line) or ""
        if left[line] > 0:
            left[line] -= 1
            found.append(Spot(line, passed[chain], does.get(line, ())))
        passed[chain] += 1
    return tuple(found)
