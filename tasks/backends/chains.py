"""lvsfleet's own chains in iptables: how they stand, and the step from one state to another.

Marks live in ``LVSFLEET-MARK`` (table mangle), accepts in ``LVSFLEET-IN`` (table filter). Each is
reached by one jump, the hook. In PREROUTING it stands last, since the last ``MARK`` wins and a
``CONNMARK --restore-mark`` before it would else undo ours; in INPUT before the rule that turns all
the rest away, and behind bans that others put first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from inventory.rules import Rule, Ruleset
from tasks.backends.iptables_others import Moves
from tasks.backends.iptables_save import Table, chain_of, parse_rule, render
from tasks.backends.iptables_walk import walk
from tasks.backends.protocol import accepts_of, marks_of

_SHORT = {"--append": "-A", "--jump": "-j"}
_NOTHING = Moves()
_COMMENT = re.compile(r"\s(-m|--match)\s+comment\s+--comment\s+(\"(\\.|[^\"\\])*\"|\S+)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one kind of rule lives.

    Attributes:
        table: ``mangle`` or ``filter``.
        chain: our own chain.
        parent: the built-in chain that jumps to it.
    """

    table: str
    chain: str
    parent: str

    @property
    def jump(self) -> str:
        """What follows the parent's name in the hook's line."""
        return f"-j {self.chain}"

    @property
    def hook(self) -> str:
        """The hook as ``iptables-save`` prints it."""
        return f"-A {self.parent} {self.jump}"

    def is_hook(self, line: str) -> bool:
        """Whether an ``-A`` line is the hook; a file written by hand may spell it otherwise."""
        words = [_SHORT.get(word, word) for word in line.split()]
        return words == self.hook.split()

    def share(self, rules: Ruleset) -> Ruleset:
        """Those of ``rules`` that live here."""
        return marks_of(rules) if self.table == "mangle" else accepts_of(rules)


MARKS = Place("mangle", "LVSFLEET-MARK", "PREROUTING")
ACCEPTS = Place("filter", "LVSFLEET-IN", "INPUT")
PLACES = (ACCEPTS, MARKS)
"""In the order in which they are changed: a service is let in before it is marked."""


@dataclass(frozen=True, slots=True)
class OwnChain:
    """How one of our chains stands.

    Attributes:
        exists: it is declared.
        lines: its rules, verbatim.
        hooks: for each jump to it, how many lines that are not ours stand before that jump.
        since: how many lines that are not ours the hook has to stand behind.
        end: how many lines that are not ours stand before the hook's right place.
        last: that place is behind all of the parent's lines.
    """

    exists: bool = False
    lines: tuple[str, ...] = ()
    hooks: tuple[int, ...] = ()
    since: int = 0
    end: int = 0
    last: bool = True

    @property
    def rules(self) -> Ruleset | None:
        """What it does; None where it holds something that lvsfleet would not write."""
        rules: list[Rule] = []
        for line in self.lines:
            parsed = parse_rule(line)
            if parsed is None:
                return None
            rules += parsed
        return Ruleset.of(rules)

    @property
    def hooked(self) -> bool:
        """Whether it works: one jump, behind what marks anew, before what turns the rest away."""
        return len(self.hooks) == 1 and self.since <= self.hooks[0] <= self.end

    def own_lines(self, place: Place) -> list[str]:
        """All of our lines, as a saved file has them; the hook's place is not said."""
        declared = [f":{place.chain} - [0:0]"] if self.exists else []
        return [*declared, *[place.hook] * len(self.hooks), *self.lines]

    def with_rules(self, place: Place, rules: Ruleset) -> OwnChain:
        """The chain as it should be for ``rules``; gone where there are none."""
        if not rules:
            return replace(self, exists=False, lines=(), hooks=())
        lines = self.lines if self.rules == rules else render(place.chain, rules)
        hooks = self.hooks if self.hooked else (self.end,)
        return replace(self, exists=True, lines=lines, hooks=hooks)


def read(place: Place, table: Table) -> OwnChain:
    """How our chain stands in a table."""
    hooks = [0 for line in table.inserted_into(place.parent) if place.is_hook(line)]
    foreign: list[str] = []
    for line in table.of_chain(place.parent):
        if place.is_hook(line):
            hooks.append(len(foreign))
        else:
            foreign.append(line)
    since, end = 0, len(foreign)
    if place is ACCEPTS:
        end = next((n for n, line in enumerate(foreign) if _turns_all_away(line)), end)
    else:
        since = max((n for n, line in enumerate(foreign, 1) if _marks_anew(line)), default=0)
    return OwnChain(
        exists=place.chain in table.chains,
        lines=table.of_chain(place.chain),
        hooks=tuple(hooks),
        since=since,
        end=end,
        last=end == len(foreign),
    )


def _turns_all_away(line: str) -> bool:
    """Whether a line of a built-in chain rejects or drops whatever gets so far."""
    bare = _COMMENT.sub(" ", line)
    return re.fullmatch(r"\S+\s+\S+\s+(-j|--jump)\s+(REJECT|DROP)(\s.*)?", bare) is not None


def _marks_anew(line: str) -> bool:
    """Whether a line may give a packet of ours a mark that nobody foresees."""
    bare = _COMMENT.sub(" ", line)
    return "--restore-mark" in bare or (
        re.search(r"\s(-j|--jump)\s+MARK\s", bare) is not None and parse_rule(line) is None
    )


def jumps_of_others(place: Place, table: Table) -> list[str]:
    """Lines that are not ours and jump to our chain: it cannot be deleted under them."""
    jump = re.compile(rf"\s(-j|--jump|-g|--goto)\s+{place.chain}(\s|$)")
    lines = [line for line in (*table.inserted, *table.rules) if not place.is_hook(line)]
    return [line for line in lines if jump.search(line) and chain_of(line) != place.chain]


def foreign_rules(place: Place, table: Table) -> list[tuple[str, Ruleset]]:
    """What others' lines do that lvsfleet might have written, each with its words.

    An accept behind the line that turns all away lets nobody in, so it does not count. A mark
    counts in a chain that is jumped to as well.
    """
    if place is MARKS:
        steps = walk(table, place.parent)
        return [(each.line, each.does) for each in steps if each.does and each.mark_rules]
    lines = [line for line in table.of_chain(place.parent) if not place.is_hook(line)]
    found: list[tuple[str, Ruleset]] = []
    for line in (*table.inserted_into(place.parent), *lines[: read(place, table).end]):
        rules = parse_rule(line)
        if rules is not None and place.share(rules) == rules:
            found.append((line, rules))
    return found


def step(place: Place, now: OwnChain, then: OwnChain, moves: Moves = _NOTHING) -> list[str]:
    """What ``iptables-restore --noflush`` does in one step to get from ``now`` to ``then``.

    The lines of one table, without ``*table`` and ``COMMIT``; none where nothing is to be done.
    What others have there and is to go, goes at the end: all that takes its place is there then.
    """
    if now == then and not moves.come:
        return moves.deletions()
    moved = now.hooks != then.hooks or bool(moves.come)
    ours = now.exists or then.exists
    lines = [f":{place.chain} - [0:0]"] if ours else []
    if moved:
        lines += [f"-D {place.parent} {place.jump}"] * len(now.hooks)
    lines += moves.insertions()
    lines += then.lines
    if moved:
        lines += (_insert(place, then, nth) for nth in range(len(then.hooks)))
    if ours and not then.exists:
        lines.append(f"-X {place.chain}")
    return lines + moves.deletions()


def _insert(place: Place, then: OwnChain, nth: int) -> str:
    """The ``nth`` hook, at its place among the parent's lines and the hooks before it."""
    before = then.hooks[nth]
    if before == then.end and then.last:
        return place.hook
    return f"-I {place.parent} {before + nth + 1} {place.jump}"


def restore_input(steps: Iterable[tuple[Place, list[str]]]) -> str:
    """The input of one ``iptables-restore --noflush`` for some tables; empty for no steps."""
    parts = [
        "\n".join([f"*{place.table}", *lines, "COMMIT", ""]) for place, lines in steps if lines
    ]
    return "".join(parts)
