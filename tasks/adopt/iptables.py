"""iptables' marks: the rules that packets meet in mangle's PREROUTING, ours and others'."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.desired import Backend
from tasks.adopt.found import Found, Untold
from tasks.backends.chains import MARKS
from tasks.backends.iptables_family import PROGRAMS
from tasks.backends.iptables_save import Table, parse_dump, parse_rule
from tasks.backends.iptables_walk import walk, why_not
from tasks.observe import Observed


def marks(observed: Observed) -> Iterator[Found | Untold]:
    """Every mark rule of both families, in the order of a packet; ours have the last word."""
    for version, program in PROGRAMS.items():
        table = parse_dump(observed.text(f"iptables:{version}") or "").get("mangle", Table())
        for step in walk(table, MARKS.parent):
            where = f"{program}, chain {step.chain} of mangle"
            if step.mark_rules:
                for mark in step.mark_rules:
                    yield Found(mark, step.line, where, Backend.IPTABLES)
            elif step.marks:
                yield Untold(step.line, where, step.reason or why_not(step.line))
        for line in table.of_chain(MARKS.chain):
            ours = parse_rule(line)
            for mark in ours.marks if ours is not None else ():
                yield Found(mark, line, f"{program}, lvsfleet's own chain", Backend.IPTABLES)
