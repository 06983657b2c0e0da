"""Which mark rules of others go: ``--adopt`` takes some over, ``foreign: remove`` removes some."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from inventory.desired import Desired, Foreign
from inventory.rules import Mark
from tasks.backends.nft_files import Sources
from tasks.backends.nft_foreign import ForeignMark
from tasks.backends.nft_json import Object
from tasks.backends.nft_moves import handle_of, less, line
from tasks.backends.nft_sides import Side
from tasks.backends.protocol import Covered, marks_of
from tasks.walk import Filters, Packet

_PROGRAMS = {"firewalld": "firewalld", "keepalived_ipvs": "keepalived"}
"""Tables that programs make, and make anew."""

_NOTHING_ELSE = {"match", "counter", "log", "limit"}
"""What a rule may have beside its mark, so that nothing but that goes with it."""


@dataclass(frozen=True, slots=True)
class Taking:
    """What goes.

    Attributes:
        running: out of what runs.
        saved: out of the files that are loaded at boot.
        stuck: what should go and stays, each with the reason.
    """

    running: tuple[ForeignMark, ...] = ()
    saved: tuple[ForeignMark, ...] = ()
    stuck: tuple[tuple[ForeignMark, str], ...] = ()


def taking(desired: Desired, now: Side, boot: Side | None, sources: Sources | None) -> Taking:
    """What goes, such that what runs and what is loaded at boot go together.

    Args:
        desired: says whether, and which.
        now: the tables as they run.
        boot: as they are loaded at boot; None where that cannot be said.
        sources: the files that they are loaded from.
    """
    if not desired.adopt and desired.foreign is not Foreign.REMOVE:
        return Taking()
    known = Covered(marks_of(desired.ruleset))

    def goes(each: ForeignMark) -> bool:
        equal = bool(each.marks) and all(mark in known for mark in each.marks)
        return desired.adopt if equal else desired.foreign is Foreign.REMOVE and not each.idle

    running = [each for each in now.marks if goes(each)]
    saved = [each for each in boot.marks if goes(each)] if boot else []
    stuck: dict[str, tuple[ForeignMark, str]] = {}
    for side, those in ((now, running), (boot, saved)):
        for each in those:
            why = _why_not(each, side) if side else ""
            if not why and side is boot and sources:
                why = sources.why_not(each)
            if not why and boot is None:
                why = "what loads it at boot is not known: nftables.service does not, or nft cannot"
                why += " read its file"
            if why:
                stuck.setdefault(line(each), (each, why))
    left = [tuple(e for e in those if line(e) not in stuck) for those in (running, saved)]
    for each in _treated_otherwise(desired, now, left[0]):
        why = "its packets would fare otherwise: another rule marks some of them, or asks for it"
        stuck.setdefault(line(each), (each, why))
    left = [tuple(e for e in those if line(e) not in stuck) for those in left]
    return Taking(left[0], left[1], tuple(stuck.values()))


def _why_not(each: ForeignMark, side: Side) -> str:
    """Why a rule cannot be taken out; empty where it can."""
    chain = each.chain
    program = _PROGRAMS.get(chain.table)
    if program:
        return f"{program} makes that table"
    if not each.map and not all(map(_is_harmless, each.rule)):
        return "it does something else beside"
    if not each.map and not handle_of(chain.listed[each.at]):
        return "nft tells no handle of it"
    uses = sum(
        _names(rule, f"@{each.map}")
        for other in side.tables[chain.family, chain.table].values()
        for rule in other.rules
    )
    if each.map and uses != 1:
        return f"several rules look into map {each.map}"
    if each.map and not each.marks:
        return "it is no plain element"
    return ""


def _is_harmless(body: Object) -> bool:
    match body:
        case {"mangle": {"key": {"meta": {"key": "mark"}}}}:
            return True
    return body.keys() <= _NOTHING_ELSE


def _names(value: object, name: str) -> bool:
    if isinstance(value, dict):
        return any(_names(each, name) for each in value.values())
    if isinstance(value, list | tuple):
        return any(_names(each, name) for each in value)
    return value == name


def _treated_otherwise(
    desired: Desired, now: Side, going: Iterable[ForeignMark]
) -> Iterator[ForeignMark]:
    """Those without which the packets of a service would not fare as they do with them."""
    equal = [each for each in going if each.marks]
    if not equal:
        return
    marks = desired.ruleset.marks
    before, after = now.filters(), less(now, equal).filters(marks)
    known = Covered(marks_of(desired.ruleset))
    for each in equal:
        ours = (mark for mark in each.marks if mark in known)
        if any(_fate(before, mark) != _fate(after, mark) for mark in ours):
            yield each


def _fate(filters: Filters, mark: Mark) -> list[tuple[object, ...]]:
    parts = filters.by_ports(Packet(mark.vip, mark.protocol, mark.ports))
    return [(packet.port, said.accepted, said.strangers, said.mark) for packet, said in parts]
