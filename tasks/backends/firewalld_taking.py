"""Rich rules of others: those that ``--adopt`` makes ours, and those that only set marks.

A rule becomes ours by standing on the router's list; the rule itself stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inventory.desired import Desired
from inventory.rules import Rule, Ruleset
from tasks.backends.firewalld_edits import Placed
from tasks.backends.firewalld_files import list_edit
from tasks.backends.protocol import Covered
from tasks.backends.rich_marks import marks_but
from tasks.outcome import Edit, Op, Where


def taken_over(desired: Desired, placed: Iterable[Placed]) -> Iterator[Edit]:
    """What comes on the list: rules of others that do what is wanted where they stand."""
    for each in placed:
        there: list[Rule] = []
        for where in Where:
            wanted = Covered(each.wanted[where])
            rules = (one.rule for one in each.side(where).rules)
            there += (rule for rule in rules if rule is not None and rule in wanted)
        for rule in Ruleset.of(there) - each.owned:
            yield list_edit(Op.ADD, each.place.word, rule, desired.service_of(rule))


def unlike(placed: Iterable[Placed]) -> Iterator[tuple[str, str]]:
    """The mark rules of others that do not only what is wanted: each with where it stands."""
    for each in placed:
        for where in Where:
            known = Covered(each.wanted[where] | each.owned | each.desired)
            for rule in marks_but(each.side(where).rules, known):
                yield f"firewalld's {each.place.scope}, {where.value}", rule.text
