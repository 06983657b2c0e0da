"""A rule set, the packets sent at it, what the verdicts said and what became of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Self

from tasks.observe import Observed
from tasks.walk import Doubt, Filters, Packet
from tests.lab.walk.bench import Fate


@dataclass
class Tally:
    """What a number of packets came to.

    Attributes:
        packets: how many were sent.
        accepted: how many were let in.
        undecided: of how many the verdict could not say whether; and with which mark.
        marks_undecided: how many were let in with a mark that could not be said.
        unnamed: how many were decided without being told who sends, and where it arrives.
        rulesets: how many rule sets there were.
        wrong: each wrong verdict, in words.
    """

    packets: int = 0
    accepted: int = 0
    undecided: int = 0
    marks_undecided: int = 0
    unnamed: int = 0
    rulesets: int = 0
    wrong: list[str] = field(default_factory=list)
    open_: list[str] = field(default_factory=list)

    def __iadd__(self, other: Tally) -> Self:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
        return self

    def add(self, observed: Observed, packets: Iterable[Packet], fates: Iterable[Fate]) -> None:
        """Compare what a router let in with what its rules say."""
        filters = Filters.of(observed)
        for packet, fate in zip(packets, fates, strict=True):
            verdict = filters.verdict(packet)
            let_in = fate.mark is not None
            self.packets += 1
            self.accepted += let_in
            said = f"{packet}: {'let in, mark ' if let_in else 'turned away'}{fate.mark or ''}"
            if verdict.accepted is None:
                self.undecided += 1
                self.open_.append(f"{said}; {verdict}")
            elif verdict.accepted is not let_in:
                self.wrong.append(f"{said}; {verdict.accepted} by {verdict}")
            elif let_in and verdict.mark is None:
                self.marks_undecided += 1
            elif let_in and verdict.mark != fate.mark:
                self.wrong.append(f"{said}; mark {verdict.mark} by {verdict}")
            anyone = filters.verdict(replace(packet, source=None, interface=None))
            if anyone.accepted is not None:
                self.unnamed += 1
                if anyone.accepted is not let_in:
                    self.wrong.append(f"{said}; of anybody {anyone.accepted} by {anyone}")
            elif anyone.doubt is Doubt.NONE:
                self.wrong.append(f"{said}; of anybody undecided without a doubt")

    def __str__(self) -> str:
        return (
            f"{self.rulesets} rule sets, {self.packets} packets, {self.accepted} let in,"
            f" {len(self.wrong)} wrong, {self.undecided} undecided, {self.marks_undecided} marks"
            f" undecided; {self.unnamed} decided without source and interface"
        )
