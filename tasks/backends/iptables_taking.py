"""Which lines of others go: those that ``--adopt`` takes over, or ``foreign: remove`` removes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inventory.desired import Desired, Foreign
from inventory.rules import Ruleset
from tasks.backends.chains import MARKS, Place, read
from tasks.backends.iptables_others import Moves, Spot, spots_of
from tasks.backends.iptables_save import Table, parse_rule
from tasks.backends.iptables_walk import Step, target_of, walk
from tasks.backends.protocol import Covered

_ENDS = frozenset({"ACCEPT", "DROP", "REJECT", "RETURN", "QUEUE", "NFQUEUE"})
"""What keeps a packet from the lines behind: a mark cannot be moved past it."""


def moves_of(desired: Desired, place: Place, table: Table, wanted: Ruleset) -> Moves:
    """What goes out of one table.

    Args:
        desired: says whether, and which.
        place: marks or accepts.
        table: as it runs, or as it is saved.
        wanted: the desired rules of this place and family.
    """
    if place is not MARKS:
        return Moves(tuple(_equal_accepts(place, table, wanted)) if desired.adopt else ())
    going: list[str] = []
    if desired.adopt:
        going += _equal_marks(table, wanted)
    if desired.foreign is Foreign.REMOVE:
        going += (each.line for each in unlike(table, wanted))
    does = {each.line: each.mark_rules for each in walk(table, MARKS.parent)}
    return Moves(spots_of((*table.inserted, *table.rules), going, does))


def unlike(table: Table, wanted: Ruleset) -> Iterator[Step]:
    """The mark rules of others that do not only what is wanted."""
    known = Covered(wanted)
    for each in _once(walk(table, MARKS.parent)):
        if each.marks and not (each.mark_rules and all(r in known for r in each.mark_rules)):
            yield each


def _equal_marks(table: Table, wanted: Ruleset) -> Iterator[str]:
    """Those that do only what is wanted, and behind which a packet gets to ours for sure."""
    known = Covered(wanted)
    steps = walk(table, MARKS.parent)
    last = max((n for n, each in enumerate(steps) if each.target in _ENDS), default=-1)
    movable: dict[tuple[str, int], bool] = {}
    for number, each in enumerate(steps):
        equal = bool(each.mark_rules) and all(rule in known for rule in each.mark_rules)
        key = (each.line, each.before)
        movable[key] = movable.get(key, True) and equal and number > last
    yield from (line for (line, _), yes in movable.items() if yes)


def _once(steps: Iterable[Step]) -> Iterator[Step]:
    """A chain that is jumped to twice is met twice."""
    seen: set[tuple[str, int]] = set()
    for each in steps:
        if (each.line, each.before) not in seen:
            seen.add((each.line, each.before))
            yield each


def _equal_accepts(place: Place, table: Table, wanted: Ruleset) -> Iterator[Spot]:
    """Accepts that do only what is wanted, with nothing but accepts between them and ours."""
    known = Covered(wanted)
    lines = [line for line in table.of_chain(place.parent) if not place.is_hook(line)]
    end = read(place, table).end
    begin = end
    while begin and target_of(lines[begin - 1]) == "ACCEPT":
        begin -= 1
    for number in range(begin, end):
        rules = parse_rule(lines[number])
        if rules and place.share(rules) == rules and all(rule in known for rule in rules):
            yield Spot(lines[number], number)
