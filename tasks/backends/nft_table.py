"""lvsfleet's own table in nftables, ``inet lvsfleet``: how it stands, as a value and as nft's text.

The table is one frame, always the same, and the elements of its maps and sets: one lookup marks a
packet, whatever the number of services. A frame with anything else in it is written anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

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

FAMILY, NAME = "inet", "lvsfleet"
DRAIN = "lvsfleet_drain"
"""The table of what refuses new connections, see `tasks.draining`: no walk comes by it."""

TABLE = f"{FAMILY} {NAME}"
PRIORITY = -145
"""Behind all that stands at ``mangle`` (-150): of two chains at one priority the newer runs first,
so a ``meta mark set ct mark`` there would undo our marks. Before ``dstnat`` (-100)."""

CLEARED = f"table {TABLE}\ndelete table {TABLE}\n"
"""Takes the table away; making it first is how nft is told "if it is there"."""

_TYPES = {version: f"ipv{version}_addr . inet_proto . inet_service" for version in (4, 6)}
_DATA = {
    "mark4": f"type {_TYPES[4]} : mark; flags interval;",
    "mark6": f"type {_TYPES[6]} : mark; flags interval;",
    "accept4": f"type {_TYPES[4]}; flags interval;",
    "accept6": f"type {_TYPES[6]}; flags interval;",
    "protocols": "type inet_proto;",
}
_HOOKS = {
    "prerouting": f"type filter hook prerouting priority {PRIORITY}; policy accept;",
    "input": "type filter hook input priority 0; policy accept;",
}
_RULES = (
    ("prerouting", "meta mark set ip daddr . meta l4proto . th dport map @mark4"),
    ("prerouting", "meta mark set ip6 daddr . meta l4proto . th dport map @mark6"),
    ("input", "ip daddr . meta l4proto . th dport @accept4 accept"),
    ("input", "ip6 daddr . meta l4proto . th dport @accept6 accept"),
    ("input", "meta l4proto @protocols accept"),
)


def _kind(name: str) -> str:
    return "map" if name.startswith("mark") else "set"


FRAME = (
    f"add table {TABLE}",
    *(f"add {_kind(name)} {TABLE} {name} {{ {spec} }}" for name, spec in _DATA.items()),
    *(f"add chain {TABLE} {name} {{ {spec} }}" for name, spec in _HOOKS.items()),
    *(f"add rule {TABLE} {chain} {words}" for chain, words in _RULES),
)
"""All of the table but its elements, as the commands that would make it."""


@dataclass(frozen=True, slots=True)
class OwnTable:
    """How the table stands, in the runtime or as it is saved.

    Attributes:
        frame: the commands that would make all of it but the elements, sorted; empty for no table.
            What lvsfleet would not write is there too, in words of its own.
        rules: what the elements do.
        exact: each of these rules is one element, as lvsfleet writes them.
    """

    frame: tuple[str, ...] = ()
    rules: Ruleset = field(default_factory=Ruleset)
    exact: bool = field(default=True, compare=False)

    @classmethod
    def doing(cls, rules: Ruleset) -> OwnTable:
        """The table as it should be for ``rules``; gone where there are none."""
        return cls(tuple(sorted(FRAME)), rules) if rules else cls()

    @property
    def lines(self) -> tuple[str, ...]:
        """All of it as commands: the frame as it is read best, then the elements."""
        place = {line: n for n, line in enumerate(FRAME)}
        frame = sorted(self.frame, key=lambda line: place.get(line, len(place)))
        return (*frame, *map(element_line, self.rules))

    @property
    def text(self) -> str:
        """What ``nft -f`` loads to make the table, whatever is there before."""
        return CLEARED + (_block(self.rules) if self.frame else "")


def step(now: OwnTable, then: OwnTable) -> str:
    """What ``nft -f`` does in one transaction to get from ``now`` to ``then``; empty for nothing.

    Element by element where the frame stays. A table that is replaced whole costs packets: the
    kernel starts the new rules a moment before it shows them their sets (nf_tables_commit, then
    nft_set_commit_update); 64 of 46,100 SYNs were unmarked over 300 replaces of 1,000 elements.
    """
    if now == then:
        return ""
    if not then.frame or now.frame != then.frame or not now.exact:
        return then.text
    before, after = set(now.rules), set(then.rules)
    gone = [rule for rule in now.rules if rule not in after]
    come = [rule for rule in then.rules if rule not in before]
    return _elements("delete", gone) + _elements("add", come)


def _elements(verb: str, rules: Iterable[Rule]) -> str:
    by_set: dict[str, list[str]] = {}
    for rule in rules:
        element = _element(rule)
        by_set.setdefault(_home(rule), []).append(
            element if verb == "add" else element.partition(" : ")[0]
        )
    return "".join(
        f"{verb} element {TABLE} {name} {{ {', '.join(elements)} }}\n"
        for name, elements in by_set.items()
    )


def _home(rule: Rule) -> str:
    """The map or set that a rule is an element of."""
    if isinstance(rule, AcceptProtocol):
        return "protocols"
    return f"{'mark' if isinstance(rule, Mark) else 'accept'}{rule.vip.version}"


def _element(rule: Rule) -> str:
    if isinstance(rule, AcceptProtocol):
        return rule.protocol.value
    data = f" : {rule.mark:#010x}" if isinstance(rule, Mark) else ""
    return f"{rule.vip} . {rule.protocol.value} . {rule.ports}{data}"


def element_line(rule: Rule) -> str:
    """The command that adds a rule, as one would type it after ``nft``."""
    return f"add element {TABLE} {_home(rule)} {{ {_element(rule)} }}"


def _block(rules: Iterable[Rule]) -> str:
    elements: dict[str, list[str]] = {name: [] for name in _DATA}
    for rule in rules:
        elements[_home(rule)].append(_element(rule))
    lines = [f"table {TABLE} {{"]
    for name, spec in _DATA.items():
        lines += [f"\t{_kind(name)} {name} {{", *(f"\t\t{part}" for part in _parts(spec))]
        if elements[name]:
            lines.append(f"\t\telements = {{ {_COMMA.join(elements[name])} }}")
        lines += ["\t}", ""]
    for chain, spec in _HOOKS.items():
        words = (words for parent, words in _RULES if parent == chain)
        lines += [f"\tchain {chain} {{", f"\t\t{spec}", *(f"\t\t{each}" for each in words)]
        lines += ["\t}", ""]
    lines[-1] = "}"
    return "\n".join(lines) + "\n"


_COMMA = ",\n\t\t\t     "


def _parts(spec: str) -> Iterator[str]:
    yield from (part.strip() for part in spec.split(";") if part.strip())


_OPENS = re.compile(r"\t(?:map|set) (?P<name>\w+) \{")
_ELEMENTS = re.compile(r"(?:\t\telements = \{ |\t\t\t     )(?P<element>[^,{}]+)(?:,| \})")


@lru_cache(maxsize=128)
def parse_text(text: str) -> OwnTable:
    """What a saved file does; the file is to be as `OwnTable.text` writes it.

    Where it is not, the frame says so: such a file is replaced. Kept, since a file is read several
    times, and the routers of a cluster have the same.
    """
    rules: list[Rule] = []
    name = ""
    for line in text.split("\n"):
        if opens := _OPENS.fullmatch(line):
            name = opens["name"]
        elif element := _ELEMENTS.fullmatch(line):
            rules += _rules_in(name, element["element"])
    table = OwnTable.doing(Ruleset.of(rules))
    if table.text == text:
        return table
    return OwnTable((*table.frame, "# lines that lvsfleet did not write"), table.rules)


def _rules_in(name: str, element: str) -> Iterator[Rule]:
    key, _, data = element.partition(" : ")
    parts: list[Any] = [*key.split(" . ")]
    try:
        if len(parts) == len(_KEY):
            first, _, last = parts[2].partition("-")
            parts[2] = {"range": [int(first), int(last or first)]}
        yield rule_of(name, parts, int(data, 16) if data else None)
    except (ValueError, TypeError, KeyError, IndexError):
        return


_KEY = ("address", "protocol", "ports")
_NUMBERS: Mapping[object, str] = {6: "tcp", 17: "udp", 132: "sctp", 112: "vrrp", 51: "ah"}
"""nft prints a protocol as a number where the router has no /etc/protocols."""


def rule_of(name: str, key: list[Any], data: Any) -> Rule:
    """The rule that an element stands for.

    Args:
        name: the map or set that it is in.
        key: its parts: address, protocol, and a port or ``{"range": [first, last]}``.
        data: the mark; None in a set.

    Raises:
        ValueError, TypeError, KeyError, IndexError: it is none that lvsfleet would write.
    """
    if name == "protocols":
        (protocol,) = key
        return AcceptProtocol(RouterProtocol(_NUMBERS.get(protocol, protocol)))
    address, protocol, port = key
    vip = ip_address(address)
    transport = Protocol(_NUMBERS.get(protocol, protocol))
    first, last = port["range"] if isinstance(port, dict) else (port, port)
    ports = PortRange(first, last)
    rule = Accept(vip, transport, ports) if data is None else Mark(vip, transport, ports, data)
    if _home(rule) != name:
        raise ValueError(f"an element of {_home(rule)}")
    return rule
