"""Routers in a few lines each: what iptables-restore and firewall-cmd do, on dicts and lists.

They are strict where the real ones are: a rule that is not there cannot be deleted, a chain that
something jumps to cannot either. test_real_iptables.py holds the one against the real program.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import ClassVar
from xml.etree import ElementTree

from inventory.desired import Desired
from tasks.backends import rich
from tasks.backends.protocol import Change
from tasks.observe import Observed, parse
from tasks.plan import plan
from tasks.shell import Completed
from tests.unit.tasks.cases import printed
from tests.unit.tasks.parted import files_of

NONCE = "0123456789abcdef"


class Refused(Exception):
    """The program would say no."""


def observed(sections: Mapping[str, str]) -> Observed:
    """An observation, by way of the answer that the scripts would have framed."""
    whole = {"addresses": printed("observe/addresses"), **sections}
    answer = "".join(framed(name, text) for name, text in whole.items())
    return parse(Completed(0, answer, ""), NONCE)


def framed(name: str, text: str, status: int = 0) -> str:
    """As ``section`` in common.sh does it."""
    return f"\n@@{NONCE}< {name}\n{text}\n@@{NONCE}> {name} {status}\n"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


BUILT_IN = {
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
}
_TARGETS = {"ACCEPT", "DROP", "REJECT", "MARK", "CONNMARK", "RETURN", "LOG", "TCPMSS"}
_JUMP = re.compile(r"(?:-j|-g) (\S+)")


@dataclass
class Tables:
    """The tables of one family: by table, by chain, the rules without ``-A CHAIN``."""

    of: dict[str, dict[str, list[str]]] = field(default_factory=dict)

    def restore(self, text: str, *, flush: bool) -> None:
        """iptables-restore: table by table, each wholly or not at all.

        Raises:
            Refused: a line cannot be done.
        """
        rest = text
        while "*" in rest:
            section, commit, rest = rest.partition("COMMIT\n")
            if not commit:
                raise Refused("COMMIT expected")
            lines = [line for line in section.splitlines() if line and not line.startswith("#")]
            if not lines:
                continue
            name = lines[0].removeprefix("*")
            table: dict[str, list[str]] = {c: [] for c in BUILT_IN[name]}
            if not flush:
                table |= deepcopy(self.of.get(name, {}))
            for line in lines[1:]:
                _do(table, re.sub(r"^\[\d+:\d+\] ", "", line))
            self.of[name] = table

    def save(self) -> str:
        """iptables-save."""
        lines: list[str] = []
        for name, table in self.of.items():
            policies = {True: "ACCEPT", False: "-"}
            lines += [f"*{name}"]
            lines += (f":{c} {policies[c in BUILT_IN[name]]} [0:0]" for c in table)
            lines += (f"-A {c} {rule}" for c, rules in table.items() for rule in rules)
            lines += ["COMMIT"]
        return "".join(line + "\n" for line in lines)

    def rules(self, table: str, chain_name: str) -> list[str]:
        return self.of.get(table, {}).get(chain_name, [])


def _do(table: dict[str, list[str]], line: str) -> None:
    verb, name, *rest = line.split(maxsplit=2)
    rule = rest[0] if rest else ""
    if verb.startswith(":"):
        table[verb[1:]] = []
        return
    if name not in table:
        raise Refused(f"no chain {name}")
    jump = _JUMP.search(rule)
    if jump and jump[1] not in _TARGETS | table.keys():
        raise Refused(f"no target {jump[1]}")
    _VERBS[verb](table, name, rule)


def _append(table: dict[str, list[str]], name: str, rule: str) -> None:
    table[name].append(rule)


def _insert(table: dict[str, list[str]], name: str, rule: str) -> None:
    number, _, text = rule.partition(" ") if rule[0].isdigit() else ("1", "", rule)
    if int(number) > len(table[name]) + 1:
        raise Refused(f"index of insertion too big: {rule}")
    table[name].insert(int(number) - 1, text)


def _delete(table: dict[str, list[str]], name: str, rule: str) -> None:
    if rule not in table[name]:
        raise Refused(f"bad rule: {rule}")
    table[name].remove(rule)


def _remove_chain(table: dict[str, list[str]], name: str, _rule: str) -> None:
    if table[name] or any(_jumps(rule, name) for rules in table.values() for rule in rules):
        raise Refused(f"too many links: {name}")
    del table[name]


_VERBS = {"-A": _append, "-I": _insert, "-D": _delete, "-X": _remove_chain}


def _jumps(rule: str, name: str) -> bool:
    jump = _JUMP.search(rule)
    return jump is not None and jump[1] == name


@dataclass
class IptablesRouter:
    """A Debian router with iptables-persistent."""

    running: dict[int, Tables]
    files: dict[str, str] = field(default_factory=dict)
    paths: ClassVar[dict[int, str]] = {4: "/etc/iptables/rules.v4", 6: "/etc/iptables/rules.v6"}

    @classmethod
    def booted(cls, files: Mapping[str, str]) -> IptablesRouter:
        """A router that just loaded its files."""
        running = {4: Tables(), 6: Tables()}
        for version, path in cls.paths.items():
            running[version].restore(files.get(path, ""), flush=True)
        return cls(running, dict(files))

    def observe(self) -> Observed:
        tables = {f"iptables:{version}": self.running[version].save() for version in (4, 6)}
        files = {f"file:{path}": text for path, text in self.files.items()}
        return observed({"units": printed("observe/units-debian"), **tables, **files})

    def apply(self, change: Change, folder: str = "do") -> None:
        for version in (4, 6):
            text = files_of(change).get(f"{folder}/v{version}", "")
            self.running[version].restore(text, flush=False)

    def commit(self, change: Change) -> None:
        for line in files_of(change)["save/files"].splitlines():
            was, name, path = line.split()
            assert was == (sha256(self.files[path]) if path in self.files else "-")
            if name == "-":
                del self.files[path]
                continue
            Tables().restore(files_of(change)[f"save/{name}"], flush=True)
            self.files[path] = files_of(change)[f"save/{name}"]

    def bring(self, desired: Desired) -> Change:
        change = plan(desired, self.observe())
        self.apply(change)
        self.commit(change)
        return change


@dataclass
class FirewalldRouter:
    """firewalld with some zones: the rules of each, running and saved, as it spells them.

    A policy is ``policy:NAME`` among them: it is for what comes to the router itself.
    """

    runtime: dict[str, list[str]]
    saved: dict[str, list[str]]
    owned: str | None = None
    default: str = "public"

    @classmethod
    def with_rules(cls, zones: Mapping[str, Iterable[str]]) -> FirewalldRouter:
        runtime = {zone: [canonical(rule) for rule in rules] for zone, rules in zones.items()}
        return cls(runtime, deepcopy(runtime))

    def observe(self) -> Observed:
        sections = {
            "units": printed("observe/units-firewalld"),
            "firewalld:default": self.default,
        }
        if self.owned is not None:
            sections["file:/var/lib/lvsfleet/owned"] = self.owned
        zones = {zone: rules for zone, rules in self.runtime.items() if ":" not in zone}
        policies = [each for each in self.runtime if ":" in each]
        sections["firewalld:version"] = 's "1.3.3"\n'
        sections["firewalld:policies"] = f"a{{sa{{sas}}}} {len(policies)}" + "".join(
            f' "{each[7:]}" 2 "ingress_zones" 1 "ANY" "egress_zones" 1 "HOST"' for each in policies
        )
        for each in policies:
            sections[f"firewalld:{each}"] = policy_settings(self.runtime[each])
        for each in self.saved:
            if ":" in each:
                sections[f"firewalld:saved-{each}"] = policy_file(self.saved[each])
        for zone, rules in zones.items():
            sections[f"firewalld:rich:{zone}"] = "".join(rule + "\n" for rule in reversed(rules))
            sections[f"firewalld:protocols:{zone}"] = ""
            sections[f"firewalld:saved:{zone}"] = zone_file(self.saved[zone])
        return observed(sections)

    def steps(self, change: Change, folder: str = "do") -> Iterable[None]:
        """The runtime's edits in the order of ``fw_edit``, one rule at a time."""
        zones = files_of(change)[f"{folder}/zones"].splitlines()
        yield from _edit(self.runtime, zones, files_of(change)[f"{folder}/edits"])

    def apply(self, change: Change, folder: str = "do") -> None:
        for _ in self.steps(change, folder):
            pass

    def commit(self, change: Change, folder: str = "save") -> None:
        zones = files_of(change)[f"{folder}/zones"].splitlines()
        for _ in _edit(self.saved, zones, files_of(change)[f"{folder}/saved-edits"]):
            pass
        if change.files:
            self.owned = files_of(change)["owned"]

    def bring(self, desired: Desired) -> Change:
        change = plan(desired, self.observe())
        self.apply(change)
        self.commit(change)
        return change

    def reboot(self) -> None:
        """The running rules go, the saved ones come; so do policies."""
        self.runtime = deepcopy(self.saved)

    def marks(self, zone: str) -> set[object]:
        return {rich.parse(text).rule for text in self.runtime[zone]}


def _edit(sets: dict[str, list[str]], places: list[str], edits: str) -> Iterable[None]:
    lines = [line.split(maxsplit=2) for line in edits.splitlines()]
    for verb, place, _ in lines:
        if verb == "new":
            assert place not in sets
            sets[place] = []
    for wanted in itertools.product(("add", "remove"), places):
        for verb, place, rule in lines:
            if (verb, place) != wanted:
                continue
            text = canonical(rule)
            if (verb == "add") == (text in sets[place]):
                raise Refused(f"already so: {verb} {place} {rule}")
            if verb == "add":
                sets[place].append(text)
            else:
                sets[place].remove(text)
            yield
    for verb, place, _ in lines:
        if verb == "delete":
            assert sets.pop(place) == []


def canonical(rule: str) -> str:
    """firewalld's own spelling: the mark without quotes."""
    return re.sub(r'mark set="([^"]*)"', r"mark set=\1", rule)


def zone_file(rules: Iterable[str]) -> str:
    """A zone's XML, as firewalld writes it."""
    zone = ElementTree.Element("zone")
    ElementTree.SubElement(zone, "service", name="ssh")
    return _with_rules(zone, rules)


def policy_file(rules: Iterable[str]) -> str:
    """A policy's XML, as firewalld writes it."""
    policy = ElementTree.Element("policy", target="CONTINUE")
    ElementTree.SubElement(policy, "ingress-zone", name="ANY")
    ElementTree.SubElement(policy, "egress-zone", name="HOST")
    return _with_rules(policy, rules)


def policy_settings(rules: Iterable[str]) -> str:
    """A running policy, as busctl prints what D-Bus tells of it."""
    quoted = ['"{}"'.format(rule.replace('"', r"\"")) for rule in rules]
    told = " ".join([f'"rich_rules" as {len(quoted)}', *quoted])
    return f'a{{sv}} 3 {told} "ingress_zones" as 1 "ANY" "egress_zones" as 1 "HOST"\n'


def _with_rules(zone: ElementTree.Element, rules: Iterable[str]) -> str:
    for text in rules:
        element = rule = ElementTree.SubElement(zone, "rule")
        for word in text.replace('"', "").split()[1:]:
            name, is_attribute, value = word.partition("=")
            if is_attribute:
                element.set(name, value)
            else:
                element = ElementTree.SubElement(rule, name)
    return ElementTree.tostring(zone, encoding="unicode")
