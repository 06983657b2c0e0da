"""What every packet filter offers, and what its plan comes to: edits to read, files to work by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from inventory.desired import Backend, Desired
from inventory.rules import Accept, AcceptProtocol, Mark, PortRange, Rule, Ruleset
from tasks.checks.catalog.rules import LVS004
from tasks.errors import TwoMarks
from tasks.observe import Observed
from tasks.outcome import Edit, Finding, Where


@dataclass(frozen=True, slots=True)
class Change:
    """The smallest change from what was observed to what is desired.

    Attributes:
        backend: whose rules are changed.
        edits: what comes and goes, in the order it is done; empty where all is as wanted.
        findings: what else the plan saw.
        files: by path below the run's directory, what the remote scripts work by.
        commands: the change as one would type it.
        lets_in: it touches what is let in, so it could shut out VRRP, or SSH.
        takes: seconds beyond the usual that the router may need for it, however busy it is.
        what: what it changes where that is not the packet filter: ``keepalived``.
        diffs: files as unified diffs, by the scope of their edits, where lines alone would not show
            what stands where.
    """

    backend: Backend
    edits: tuple[Edit, ...] = ()
    findings: tuple[Finding, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    commands: tuple[str, ...] = ()
    lets_in: bool = False
    takes: float = 0.0
    what: str = ""
    diffs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def pending(self, where: Where) -> tuple[Edit, ...]:
        """The edits that concern the runtime, or what is saved."""
        return tuple(edit for edit in self.edits if edit.where is where)


@dataclass(frozen=True, slots=True)
class Back:
    """The way back from an earlier change.

    Attributes:
        change: what takes it back.
        since: what was changed after it, as lines of a diff; that would be lost.
    """

    change: Change
    since: tuple[str, ...] = ()


class PacketFilter(Protocol):
    """What every backend can do; all of it pure."""

    def plan(self, desired: Desired, observed: Observed) -> Change:
        """The change from ``observed`` to ``desired``.

        Raises:
            NotReady: the router lacks what the change needs.
            Conflict: a rule that is not ours does something else with a packet of ours.
            NotUnderstood: an answer of the router makes no sense.
        """
        ...

    def by_hand(self, desired: Desired) -> tuple[str, ...]:
        """The commands that would bring a bare router to ``desired``, as one would type them."""
        ...


class WayBack(Protocol):
    """How a backend plans to take an earlier change back, and nothing else; pure."""

    def __call__(
        self, edits: Sequence[Edit], *, before: Observed, after: Observed | None, now: Observed
    ) -> Back:
        """The way back.

        Args:
            edits: what the earlier change did.
            before: what the router was before it.
            after: what it was after it; None where that was not seen.
            now: what it is.

        Raises:
            NotReady: the router lacks what the change needs.
            NotUnderstood: an answer of the router makes no sense.
        """
        ...


def refuse_conflicts(wanted: Ruleset, foreign: Iterable[tuple[str, Rule]], *, where: str) -> None:
    """Stop at a mark rule that is not ours and gives a packet of ours another mark.

    Args:
        wanted: the desired rules.
        foreign: rules that are not ours, each with its own words.
        where: what they stand in, for the message.

    Raises:
        TwoMarks: there is one.
    """
    ours: dict[object, list[Mark]] = {}
    for mark in wanted.marks:
        ours.setdefault((mark.vip, mark.protocol), []).append(mark)
    for words, rule in foreign:
        if not isinstance(rule, Mark):
            continue
        for mark in ours.get((rule.vip, rule.protocol), ()):
            if mark.ports.overlaps(rule.ports) and mark.mark != rule.mark:
                raise TwoMarks(
                    f"{where} has a rule that is not lvsfleet's and marks {mark.vip} port"
                    f" {rule.ports}/{rule.protocol.value} with {rule.mark}, where the inventory"
                    f" says {mark.mark}: {words}",
                    "Delete that rule, or give the service its mark in the inventory",
                )


class Covered:
    """What a set of rules does, to be asked of one rule after another."""

    def __init__(self, whole: Ruleset) -> None:
        self._whole = whole
        self._ports: dict[object, list[PortRange]] = {}
        for rule in whole:
            if not isinstance(rule, AcceptProtocol):
                self._ports.setdefault(_but_ports(rule), []).append(rule.ports)

    def __contains__(self, rule: Rule) -> bool:
        """Whether all that ``rule`` does is done; ranges that touch are one in a Ruleset."""
        if isinstance(rule, AcceptProtocol):
            return rule in self._whole
        ranges = self._ports.get(_but_ports(rule), ())
        return any(r.first <= rule.ports.first and rule.ports.last <= r.last for r in ranges)


def _but_ports(rule: Mark | Accept) -> object:
    return (rule.vip, rule.protocol, rule.mark if isinstance(rule, Mark) else None)


def no_service_has(words: str, where: str, delete: str) -> Finding:
    """A mark rule that is not ours and that no service of the inventory explains."""
    return LVS004.finding(
        f"{where} has a mark rule that no service in the inventory explains: {words}",
        f"Describe it as a service, or delete it: {delete}",
    )


def marks_of(rules: Ruleset) -> Ruleset:
    """The rules that mark."""
    return Ruleset(tuple(r for r in rules if isinstance(r, Mark)))


def accepts_of(rules: Ruleset) -> Ruleset:
    """The rules that let in."""
    return Ruleset(tuple(r for r in rules if isinstance(r, Accept | AcceptProtocol)))
