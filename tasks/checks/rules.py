"""The rules: what a rollout would change, named by what is wrong; marks with a mask."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tasks.checks.catalog.rules import LVS001, LVS002, LVS003, LVS004, LVS006
from tasks.checks.info import CheckInfo
from tasks.checks.subject import Subject, listed
from tasks.outcome import Edit, Finding, Op, Where

SYSTEMD = "systemd"
"""The scope of edits that are no rules."""

_Key = tuple[str, str]
_BOTH = frozenset(Where)
_WORDS: Mapping[frozenset[Where], tuple[CheckInfo, str]] = {
    _BOTH: (LVS001, "missing, running and saved"),
    frozenset({Where.SAVED}): (LVS002, "running, but not saved"),
    frozenset({Where.RUNTIME}): (LVS003, "saved, but not running"),
}


def missing(subject: Subject) -> Iterator[Finding]:
    """Rules that should be there: neither running nor saved, only running, only saved."""
    edits = _rules_of(subject)
    came, went = _by_rule(edits, Op.ADD), _by_rule(edits, Op.REMOVE)
    moved = came.keys() & went.keys()
    groups: dict[tuple[str | None, frozenset[Where]], list[Edit]] = {}
    for key, those in came.items():
        where = _BOTH if key in moved else frozenset(each.where for each in those)
        groups.setdefault((those[0].service, where), []).extend(those)
    for (service, where), those in groups.items():
        info, state = _WORDS[where]
        rules = list(dict.fromkeys(each.rule for each in those))
        misplaced = all((each.scope, each.rule) in moved for each in those)
        said = "in the wrong place" if misplaced else state
        one = "rule is" if len(rules) == 1 else "rules are"
        scopes = ", ".join(dict.fromkeys(each.scope for each in those))
        yield info.finding(
            f"{_whose(service)}: {len(rules)} {one} {said} ({scopes}): {listed(rules)}",
            f"lvsfleet rollout --limit {subject.desired.router}",
            service=service,
            diff=tuple(those),
        )


def left_behind(subject: Subject) -> Iterator[Finding]:
    """Rules of lvsfleet's own that the inventory does not ask for any more."""
    edits = _rules_of(subject)
    came = _by_rule(edits, Op.ADD)
    gone = {key: e for key, e in _by_rule(edits, Op.REMOVE).items() if key not in came}
    if gone:
        diff = tuple(each for those in gone.values() for each in those)
        rules = [rule for _, rule in gone]
        noun = "a rule" if len(rules) == 1 else f"{len(rules)} rules"
        yield LVS004.finding(
            f"lvsfleet left {noun} that the inventory does not ask for: {listed(rules)}",
            f"lvsfleet rollout --limit {subject.desired.router}",
            diff=diff,
        )


def _rules_of(subject: Subject) -> list[Edit]:
    edits = subject.change.edits if subject.change else ()
    return [each for each in edits if each.scope != SYSTEMD]


def _by_rule(edits: Sequence[Edit], op: Op) -> dict[_Key, list[Edit]]:
    found: dict[_Key, list[Edit]] = {}
    for each in edits:
        if each.op is op:
            found.setdefault((each.scope, each.rule), []).append(each)
    return found


def _whose(service: str | None) -> str:
    if service is None:
        return "what lvsfleet's rules are reached by"
    return "VRRP" if service == "vrrp" else f"service {service}"


_MASKED = re.compile(r"mark set=\"?(?P<mark>\w+/(?!0x[fF]{8}\b)\w+)")


def masked(subject: Subject) -> Iterator[Finding]:
    """Marks with a mask, which firewalld's nftables backend computes wrongly."""
    conf = subject.observed.text("file:/etc/firewalld/firewalld.conf")
    if conf is None or re.search(r"^\s*FirewallBackend\s*=\s*iptables", conf, re.MULTILINE):
        return
    found: dict[str, str] = {}
    for name, section in subject.observed.sections.items():
        if name.startswith(("firewalld:rich:", "firewalld:policy:", "firewalld:saved")):
            text = section.text.replace('\\"', '"')
            found.update(
                {match["mark"]: name.rpartition(":")[2] for match in _MASKED.finditer(text)}
            )
    for mark, place in found.items():
        yield LVS006.finding(
            f"firewalld's {place} has a rule with mark set={mark}",
            f"Write it without a mask; firewall-cmd --zone={place} --list-rich-rules shows it",
        )
