"""firewalld: what comes and what goes, place by place, in the runtime and as it is saved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from inventory.desired import Desired, Foreign
from inventory.rules import Mark, Rule, Ruleset
from tasks.backends import rich
from tasks.backends.firewalld_files import LIST, policy_edit
from tasks.backends.firewalld_owned import MADE
from tasks.backends.firewalld_place import Place, Side
from tasks.backends.protocol import Covered, refuse_conflicts
from tasks.backends.rich_marks import marks_but
from tasks.outcome import Edit, Op, Where


@dataclass(frozen=True, slots=True)
class Placed:
    """A place, what it has and what it should have.

    Attributes:
        place: which one.
        wanted: on each side.
        owned: of its rules those that lvsfleet put there.
        made: lvsfleet made it.
        sides: what it has; None where it is not there.
        desired: all that the router should do: nothing may mark these packets otherwise.
    """

    place: Place
    wanted: Mapping[Where, Ruleset]
    owned: Ruleset
    made: bool
    sides: Mapping[Where, Side | None]
    desired: Ruleset

    @property
    def wanted_at_all(self) -> Ruleset:
        """On either side."""
        return self.wanted[Where.RUNTIME] | self.wanted[Where.SAVED]

    @property
    def concerns_us(self) -> bool:
        """Whether it has, or should have, something of ours."""
        return bool(self.made or self.owned or self.wanted_at_all)

    def side(self, where: Where) -> Side:
        """What it has; empty where it is not there."""
        return self.sides[where] or Side()


def edits_of(desired: Desired, placed: Iterable[Placed], where: Where) -> Iterator[Edit]:
    """What comes and goes on one side: in all places all that comes first."""
    going: list[Edit] = []
    for each in placed:
        come, go = _come_and_go(desired, each, where)
        yield from come
        going += go
    yield from going


def _come_and_go(desired: Desired, placed: Placed, where: Where) -> tuple[list[Edit], list[Edit]]:
    """What comes and what goes in one place.

    Raises:
        Conflict: somebody else's rule marks a packet of ours otherwise.
    """
    scope, policy = placed.place.scope, placed.place.kind == "policy" and where is Where.SAVED
    side, wanted = placed.side(where), placed.wanted[where]
    kept: list[Rule] = []
    stale: list[rich.RichRule] = []
    foreign: list[tuple[str, Mark]] = []
    is_wanted, is_owned = Covered(wanted), Covered(placed.owned)
    for each in side.rules:
        if each.rule is None:
            continue
        if each.rule in is_wanted:
            kept.append(each.rule)
        elif each.rule in is_owned:
            stale.append(each)
        elif isinstance(each.rule, Mark):
            foreign.append((each.text, each.rule))
    leaving: list[rich.RichRule] = []
    if desired.foreign is Foreign.REMOVE:
        leaving = marks_but(side.rules, Covered(wanted | placed.owned | placed.desired))
        foreign = []
    refuse_conflicts(placed.desired, foreign, where=f"firewalld's {scope}")
    come = [
        Edit(Op.ADD, where, rich.render(rule), desired.service_of(rule), scope)
        for rule in wanted - (side.other | Ruleset.of(kept))
    ]
    go = [
        Edit(Op.REMOVE, where, each.text, desired.service_of(each.rule), scope)
        for each in stale
        if each.rule is not None
    ]
    go += (Edit(Op.REMOVE, where, each.text, None, scope) for each in leaving)
    if policy and wanted and placed.sides[where] is None:
        come.insert(0, policy_edit(Op.ADD, placed.place))
    elif policy and placed.made and not wanted and side.bare and len(stale) == len(side.rules):
        go.append(policy_edit(Op.REMOVE, placed.place))
    return come, go


def owned_lines(placed: Iterable[Placed], edits: Iterable[Edit]) -> Iterator[str]:
    """The list of our own rules after the change."""
    changed = list(edits)
    for each in placed:
        word = each.place.word
        added = [
            rule
            for edit in changed
            if edit.op is Op.ADD and word in (edit.place, _listed(edit))
            if (rule := rich.parse(edit.rule.removeprefix(f"{word} ")).rule) is not None
        ]
        ours = each.owned | Ruleset.of(added)
        ours -= ours - each.wanted_at_all
        yield from (f"{word} {rich.render(rule)}\n" for rule in ours)
        gone = policy_edit(Op.REMOVE, each.place) in changed
        if policy_edit(Op.ADD, each.place) in changed or (each.made and not gone):
            yield f"{word} {MADE}\n"


def _listed(edit: Edit) -> str | None:
    """The word of the place whose rule an edit puts on the list."""
    return edit.rule.partition(" ")[0] if edit.scope == LIST else None
