"""The language of iptables-save: dumps and saved files to values, values to lines.

A line is read into the rules it stands for, so that the spellings of one rule are equal
(``--set-mark 80``, ``--set-xmark 0x50/0xffffffff``; ``--dport 80``, ``-m multiport --dports 80``).
Only what lvsfleet itself would write is understood; all else is somebody else's.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby

from inventory.rules import (
    Accept,
    AcceptProtocol,
    Mark,
    PortRange,
    Protocol,
    RouterProtocol,
    Rule,
    Ruleset,
)
from tasks.backends.rich import host_address, parse_mark, port_number, transport

MULTIPORT_SLOTS = 15
"""What one multiport match holds; a port takes one, a range two (xt_multiport)."""

_COUNTERS = re.compile(r"^\[\d+:\d+\]\s*")
_INSERT = re.compile(r"(-I|--insert)\s+(?P<chain>\S+)\s+(\d+\s+)?(?P<rule>-.*)")
_PROTOCOLS = {"112": RouterProtocol.VRRP, "51": RouterProtocol.AH} | {
    each.value: each for each in RouterProtocol
}
_MATCHES = {"tcp", "udp", "sctp", "multiport", "comment"}


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a dump.

    Attributes:
        chains: the names that are declared, in order.
        rules: the ``-A`` lines, without counters, in order.
        inserted: ``-I`` lines, which only a file written by hand has; as ``-A`` lines.
        policies: what becomes of a packet at a chain's end; ``-`` where it returns.
    """

    chains: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    inserted: tuple[str, ...] = ()
    policies: Mapping[str, str] = field(default_factory=dict)

    def of_chain(self, chain: str) -> tuple[str, ...]:
        """The rules that are appended to one chain, in order."""
        return tuple(line for line in self.rules if chain_of(line) == chain)

    def inserted_into(self, chain: str) -> tuple[str, ...]:
        """The rules that are put in front of those."""
        return tuple(line for line in self.inserted if chain_of(line) == chain)


@dataclass
class _Draft:
    chains: list[str] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    inserted: list[str] = field(default_factory=list)
    policies: dict[str, str] = field(default_factory=dict)


def lines_of(text: str) -> list[str]:
    """The lines with their ends; a form feed in a comment, say, ends none."""
    return re.findall(r".*\n|.+", text)


def without_counters(line: str) -> str:
    """The line as ``iptables-save`` prints it without ``-c``."""
    return _COUNTERS.sub("", line)


def chain_of(line: str) -> str | None:
    """The chain that an ``-A`` line adds to."""
    words = without_counters(line).split(maxsplit=2)
    return words[1] if len(words) > 1 and words[0] in ("-A", "--append") else None


def appended(line: str) -> str | None:
    """An ``-I`` line as the ``-A`` line of the same rule."""
    match = _INSERT.match(without_counters(line))
    return f"-A {match['chain']} {match['rule']}" if match else None


def parse_dump(text: str) -> dict[str, Table]:
    """The tables of a dump or of a saved file, by name.

    A second section of one table takes the first one's place: iptables-restore flushes at each.
    """
    drafts: dict[str, _Draft] = {}
    now = _Draft()
    for raw in lines_of(text):
        line = raw.strip()
        if line.startswith("*"):
            now = drafts[line[1:].strip()] = _Draft()
        elif line.startswith(":"):
            name, policy, *_ = [*line[1:].split(), "", ""]
            if name:
                now.chains.append(name)
                now.policies[name] = policy
        elif chain_of(line) is not None:
            now.rules.append(without_counters(line))
        elif rule := appended(line):
            now.inserted.append(rule)
    return {
        name: Table(tuple(d.chains), tuple(d.rules), tuple(d.inserted), d.policies)
        for name, d in drafts.items()
    }


@lru_cache(maxsize=16384)
def parse_rule(line: str) -> Ruleset | None:
    """What an ``-A`` line does, or None where it is not of the kinds that lvsfleet writes.

    Kept, since a router says each line several times and the routers of a cluster say the same.
    """
    try:
        return ruleset_of(options_of(line))
    except ValueError:
        return None


def options_of(line: str) -> dict[str, str]:
    """The options of an ``-A`` line, by one name for all spellings of each.

    Raises:
        ValueError: there is one that lvsfleet does not write.
    """
    return dict(_options(shlex.split(line)))


def ruleset_of(options: Mapping[str, str]) -> Ruleset | None:
    """What a line with these options does, or None where lvsfleet would not write it."""
    try:
        return Ruleset.of(_rules_of(options))
    except (ValueError, KeyError, OSError):
        return None


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Each option with its value; match names are checked and left out.

    Raises:
        ValueError: there is an option that is not ours, or one comes twice.
    """
    seen: set[str] = set()
    for name, value in zip(words[::2], words[1::2], strict=True):
        if name in ("-m", "--match"):
            if value not in _MATCHES:
                raise ValueError(f"not our match: {value}")
        elif name not in _SPELLINGS or _SPELLINGS[name] in seen:
            raise ValueError(f"not our option: {name}")
        else:
            seen.add(_SPELLINGS[name])
            yield _SPELLINGS[name], value


_SPELLINGS = {
    "-A": "chain",
    "--append": "chain",
    "-d": "destination",
    "--dst": "destination",
    "--destination": "destination",
    "-p": "protocol",
    "--proto": "protocol",
    "--protocol": "protocol",
    "--dport": "ports",
    "--dports": "ports",
    "--destination-port": "ports",
    "--destination-ports": "ports",
    "--comment": "comment",
    "-j": "target",
    "--jump": "target",
    "--set-mark": "mark",
    "--set-xmark": "mark",
}


def _rules_of(options: Mapping[str, str]) -> list[Rule]:
    """The values of a rule.

    Raises:
        ValueError, KeyError, OSError: it is not of the kinds that lvsfleet writes.
    """
    names = options.keys() - {"chain", "comment"}
    if names == {"protocol", "target"} and options["target"] == "ACCEPT":
        return [AcceptProtocol(_PROTOCOLS[options["protocol"].lower()])]
    protocol = transport(options["protocol"])
    vip = host_address(options["destination"])
    ranges = [_port_range(word, protocol) for word in options["ports"].split(",")]
    match options["target"], names - {"protocol", "destination", "ports", "target"}:
        case "ACCEPT", extra if not extra:
            return [Accept(vip, protocol, ports) for ports in ranges]
        case "MARK", extra if extra == {"mark"}:
            mark = parse_mark(options["mark"])
            return [Mark(vip, protocol, ports, mark) for ports in ranges]
    raise ValueError("not of our shape")


def _port_range(word: str, protocol: Protocol) -> PortRange:
    """``80``, ``http``, ``80:90``, ``:90`` or ``80:``; a range may begin at 0, which is no port."""
    first, colon, last = word.partition(":")
    if not colon:
        return PortRange(port_number(first, protocol), port_number(first, protocol))
    return PortRange(
        max(1, port_number(first or "0", protocol)), port_number(last or "65535", protocol)
    )


def render(chain: str, rules: Iterable[Rule]) -> tuple[str, ...]:
    """The lines for ``rules`` in ``chain``, as ``iptables-save`` prints them.

    The ports of one VIP, protocol and mark share a line as far as multiport's slots go.
    """
    lines: list[str] = []
    for (kind, *_), group in groupby(rules, key=_line_key):
        if kind is AcceptProtocol:
            lines += (
                f"-A {chain} -p {rule.protocol.value} -j ACCEPT"
                for rule in group
                if isinstance(rule, AcceptProtocol)
            )
            continue
        alike = [rule for rule in group if not isinstance(rule, AcceptProtocol)]
        first = alike[0]
        to = f"-A {chain} -d {first.vip}/{first.vip.max_prefixlen} -p {first.protocol.value}"
        target = "ACCEPT"
        if isinstance(first, Mark):
            target = f"MARK --set-xmark {first.mark:#x}/0xffffffff"
        for ports in _chunks([rule.ports for rule in alike]):
            lines.append(f"{to} {_match(ports, first.protocol)} -j {target}")
    return tuple(lines)


def _line_key(rule: Rule) -> tuple[object, ...]:
    if isinstance(rule, AcceptProtocol):
        return (AcceptProtocol,)
    return (type(rule), rule.vip, rule.protocol, rule.mark if isinstance(rule, Mark) else 0)


def _chunks(ranges: list[PortRange]) -> Iterator[list[PortRange]]:
    chunk: list[PortRange] = []
    slots = 0
    for ports in ranges:
        need = 1 if ports.first == ports.last else 2
        if slots + need > MULTIPORT_SLOTS:
            yield chunk
            chunk, slots = [], 0
        chunk.append(ports)
        slots += need
    yield chunk


def _match(ranges: list[PortRange], protocol: Protocol) -> str:
    words = [str(p).replace("-", ":") for p in ranges]
    if len(words) == 1:
        return f"-m {protocol.value} --dport {words[0]}"
    return f"-m multiport --dports {','.join(words)}"
