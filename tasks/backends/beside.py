"""Mark rules in another packet filter than a router's own: the kernel obeys them, too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inventory.desired import Backend
from inventory.rules import Mark, Ruleset
from tasks.backends.chains import MARKS
from tasks.backends.iptables_family import PROGRAMS
from tasks.backends.iptables_save import Table, parse_dump
from tasks.backends.iptables_walk import walk
from tasks.backends.protocol import Covered, marks_of, no_service_has
from tasks.backends.variants import Variant, variant_of
from tasks.observe import Observed
from tasks.outcome import Finding

_BESIDE = "nftables:beside"


@dataclass(frozen=True, slots=True)
class Beside:
    """One such rule.

    Attributes:
        where: what it stands in.
        words: the rule.
        marks: what it marks; empty where that cannot be said.
        delete: how to take it away by hand.
    """

    where: str
    words: str
    marks: tuple[Mark, ...]
    delete: str


def unlike_beside(observed: Observed, backend: Backend, wanted: Ruleset) -> list[Beside]:
    """Those that do not only what is wanted.

    Args:
        observed: what the router is.
        backend: its own packet filter.
        wanted: the desired rules.

    Raises:
        NotUnderstood: an answer of the router makes no sense.
    """
    known = Covered(marks_of(wanted))
    found = [*_of_iptables(observed, backend), *_of_nftables(observed, backend)]
    return [
        each for each in found if not each.marks or not all(mark in known for mark in each.marks)
    ]


def told(beside: list[Beside]) -> Iterator[tuple[str, str]]:
    """Each as `tasks.backends.foreign.refuse_foreign` takes it."""
    return ((each.where, each.words) for each in beside)


def findings_beside(beside: list[Beside]) -> Iterator[Finding]:
    """A finding for each."""
    for each in beside:
        yield no_service_has(each.words, f"{each.where}, beside the router's own", each.delete)


def _of_iptables(observed: Observed, backend: Backend) -> Iterator[Beside]:
    """Marks in the tables of either variant, but for the one whose they are."""
    for version, program in PROGRAMS.items():
        own: Variant | None = None
        if backend is Backend.IPTABLES:
            own = variant_of(observed.text(f"iptables:{version}") or "")
        for variant in Variant:
            dump = observed.text(f"iptables-{variant.value}:{version}") or ""
            if variant is own or "_ZONES " in dump:  # firewalld's own, then
                continue
            name = f"{program}-{variant.value}"
            table = parse_dump(dump).get(MARKS.table, Table())
            for line, marks in {
                s.line: s.mark_rules for s in walk(table, MARKS.parent) if s.marks
            }.items():
                delete = f"{name} -t {MARKS.table} {line.replace('-A', '-D', 1)}"
                yield Beside(f"{name}'s table {MARKS.table}", line, marks, delete)


def _of_nftables(observed: Observed, backend: Backend) -> Iterator[Beside]:
    text = observed.text(_BESIDE)
    if not text or backend is Backend.NFTABLES:
        return
    from tasks.backends.nft_foreign import foreign_marks  # noqa: PLC0415 - seldom needed
    from tasks.backends.nft_json import chains_of_others  # noqa: PLC0415
    from tasks.backends.nft_maps import maps_of  # noqa: PLC0415

    for each in foreign_marks(chains_of_others(text).values(), maps_of(text)):
        place = f"{each.chain.family} {each.chain.table} {each.chain.name}"
        words = each.words(each.marks[0]) if each.marks else each.text
        delete = f"nft --handle list chain {place} says by what handle"
        yield Beside(f"nftables' {each.chain}", words, each.marks, delete)
