"""Rules of others that take a service's mark away from its packets, told by a rollout.

A rollout compares the rules of lvsfleet's own place. What stands elsewhere in the same answer of
the router can undo them: an ACCEPT in front of our jump, a MARK in another chain. So the packets
are sent through all of it, on paper. Other packet filters are not in that answer; compliance asks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from inventory.desired import Backend, Desired, Service
from inventory.rules import Protocol
from tasks.backends.chains import MARKS
from tasks.backends.iptables_family import PROGRAMS
from tasks.backends.iptables_others import is_ours
from tasks.backends.iptables_save import chain_of, lines_of, parse_rule, render, without_counters
from tasks.backends.iptables_walk import target_of
from tasks.backends.protocol import Change
from tasks.checks.catalog.rules import LVS005
from tasks.checks.subject import listed
from tasks.errors import NotUnderstood
from tasks.observe import Observed
from tasks.outcome import Finding, Op, Severity, Where
from tasks.sections import Section

if TYPE_CHECKING:
    from tasks.walk import Packet

_NFT = "nftables:others"
_OTHER_WAYS = {"FORWARD", "OUTPUT", "POSTROUTING"}
"""The chains of mangle that packets to a VIP do not come by."""

_HARMLESS = {"LOG", "NFLOG", "TCPMSS", "DSCP", "TOS", "TTL", "HL", "CLASSIFY", ""}
"""Targets that let a packet go on with its mark."""


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A rule of others that may take a mark away.

    Attributes:
        words: the rule, for people.
        place: where it stands.
        section: what of the answer has it.
        without: that section's text without it.
    """

    words: str
    place: str
    section: str
    without: str


def last_word(desired: Desired, observed: Observed, change: Change) -> Iterator[Finding]:
    """What keeps the marks from a service's packets, though our rules are, or will be, there.

    Args:
        desired: what the router should be.
        observed: what it is.
        change: what it needs, which is taken as made.
    """
    yield from _moved(observed, change)
    if change.backend is Backend.IPTABLES:
        after = _with_our_marks(desired, observed, change)
        suspects = list(_iptables_suspects(after))
    elif change.backend is Backend.NFTABLES and not change.pending(Where.RUNTIME):
        after = observed
        suspects = list(_nft_suspects(after))
    else:
        return
    if suspects:  # on nearly every router there are none, and nothing is walked
        with suppress(NotUnderstood):  # a remark that cannot be made stands in no change's way
            for service in desired.services:
                yield from _of_service(service, after, suspects)


def _of_service(service: Service, after: Observed, suspects: list[_Suspect]) -> Iterator[Finding]:
    from tasks.walk import Filters, Packet  # noqa: PLC0415 - 12 ms, seldom needed

    filters = Filters.of(after)
    astray: dict[tuple[int, str], list[str]] = {}
    for vip in (vip for vip in service.vips if service.how_drains(vip) is None):
        for ports in service.ports:
            whole = Packet(vip, Protocol(ports.protocol), ports.ports)
            for packet, said in filters.by_ports(whole):
                if said.mark is not None and said.mark != service.mark:
                    who = _who(packet, service.mark, after, suspects)
                    what = f"{vip} port {packet.port}/{packet.protocol.value}"
                    astray.setdefault((said.mark, who), []).append(what)
    for (mark, who), packets in astray.items():
        named = f": {who}" if who else "; lvsfleet compliance looks at all of the router's rules"
        yield LVS005.finding(
            f"service {service.name}: {listed(packets)} ends with mark {mark or 'none'}, not"
            f" {service.mark}, by a rule of others{named}",
            "Delete that rule, or narrow it so that it leaves the VIP alone",
            service=service.name,
        )


def _who(packet: Packet, mark: int, after: Observed, suspects: list[_Suspect]) -> str:
    """The rule without which the packet would have its mark; empty where it is no single one."""
    from tasks.walk import Filters  # noqa: PLC0415 - as above

    for each in suspects:
        section = Section(each.without, 0)
        without = replace(after, sections={**after.sections, each.section: section})
        if Filters.of(without).verdict(packet).mark == mark:
            return f"{each.words} ({each.place})"
    return ""


def _with_our_marks(desired: Desired, observed: Observed, change: Change) -> Observed:
    """The router with the marks of the inventory in our chain, and its jump at its place."""
    sections: dict[str, Section] = dict(observed.sections)
    for version, program in PROGRAMS.items():
        text = observed.text(f"iptables:{version}")
        if text is None:
            continue
        going = _going(change, program)
        share = MARKS.share(desired.ruleset.of_family(version))
        ours = [f":{MARKS.chain} - [0:0]", *render(MARKS.chain, share), MARKS.hook]
        lines = [line for table, line in _tables(text) if not _goes(table, line, going)]
        if f"*{MARKS.table}" not in lines:
            lines += [f"*{MARKS.table}", f":{MARKS.parent} ACCEPT [0:0]", "COMMIT"]
        end = lines.index("COMMIT", lines.index(f"*{MARKS.table}"))
        lines[end:end] = ours
        sections[f"iptables:{version}"] = Section("\n".join([*lines, ""]), 0)
    return replace(observed, sections=sections)


def _going(change: Change, program: str) -> set[str]:
    """The rules of mangle that the change takes out of what runs."""
    scope = f"{program} {MARKS.table}"
    edits = (each for each in change.pending(Where.RUNTIME) if each.scope == scope)
    return {each.rule for each in edits if each.op is Op.REMOVE}


def _goes(table: str, line: str, going: set[str]) -> bool:
    """Whether a line of a dump is our mark chain's or its jump, or one that the change removes."""
    if table != MARKS.table:
        return False
    if line.startswith(f":{MARKS.chain} "):
        return True
    rule = without_counters(line)
    return rule.startswith("-A ") and (is_ours(rule) or rule in going)


def _tables(text: str) -> Iterator[tuple[str, str]]:
    """The lines of a dump, each with its table."""
    table = ""
    for raw in lines_of(text):
        line = raw.strip()
        if line.startswith("*"):
            table = line[1:]
        yield table, line


def _iptables_suspects(after: Observed) -> Iterator[_Suspect]:
    """The lines of others in mangle that a plan does not understand: it has compared the rest.

    Each may mark, or end a packet's way before our jump.
    """
    for version, program in PROGRAMS.items():
        name = f"iptables:{version}"
        lines = list(_tables(after.text(name) or ""))
        for number, (table, line) in enumerate(lines):
            rule = without_counters(line)
            if table == MARKS.table and _may_undo(rule):
                rest = [each for _, each in (*lines[:number], *lines[number + 1 :])]
                yield _Suspect(rule, f"{program} {table}", name, "\n".join([*rest, ""]))


def _may_undo(rule: str) -> bool:
    if not rule.startswith("-A ") or is_ours(rule) or chain_of(rule) in _OTHER_WAYS:
        return False
    return target_of(rule) not in _HARMLESS and parse_rule(rule) is None


def _nft_suspects(after: Observed) -> Iterator[_Suspect]:
    """The rules of other tables that set a mark."""
    try:
        listing: dict[str, list[dict[str, Any]]] = json.loads(after.text(_NFT) or "{}")
    except ValueError:
        return
    objects = listing.get("nftables", [])
    for number, each in enumerate(objects):
        rule = each.get("rule")
        if isinstance(rule, Mapping) and any(_sets_mark(word) for word in rule.get("expr", ())):
            table = f"{rule.get('family')} {rule.get('table')}"
            rest = [*objects[:number], *objects[number + 1 :]]
            yield _Suspect(
                f"the rule with handle {rule.get('handle')}",
                f"nft -a list chain {table} {rule.get('chain')}",
                _NFT,
                json.dumps({"nftables": rest}),
            )


def _sets_mark(statement: object) -> bool:
    match statement:
        case {"mangle": {"key": {"meta": {"key": "mark"}}}} | {"xt": _}:
            return True
    return False


def _moved(observed: Observed, change: Change) -> Iterator[Finding]:
    """Why our jump moves: what stands behind it and marks, or has been put in front of it."""
    for version, program in PROGRAMS.items():
        scope = f"{program} {MARKS.table}"
        ours = {(e.op, e.where) for e in change.edits if (e.scope, e.rule) == (scope, MARKS.hook)}
        if not ours >= {(Op.ADD, Where.RUNTIME), (Op.REMOVE, Where.RUNTIME)}:
            continue
        text = observed.text(f"iptables:{version}") or ""
        lines = [without_counters(line) for table, line in _tables(text) if table == MARKS.table]
        after = lines[lines.index(MARKS.hook) + 1 :] if MARKS.hook in lines else []
        staying = (line for line in after if line not in _going(change, program))
        behind = [line for line in staying if chain_of(line) == MARKS.parent]
        if behind:
            yield LVS005.finding(
                f"{scope}: lvsfleet's jump stood in front of a rule of others that may mark the"
                f" same packets, and is put behind it: {listed(behind)}",
                "Narrow that rule, or leave it: the last mark wins, and that is lvsfleet's then",
                severity=Severity.INFO,
            )
