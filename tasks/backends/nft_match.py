"""Whether a rule of somebody's nftables matches a packet, as far as reading can tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address, ip_network
from typing import Any

from inventory.rules import AcceptProtocol, Address, Mark, PortRange, Rule
from tasks.backends.nft_json import Object

_NUMBERS = {"tcp": 6, "udp": 17, "sctp": 132, "vrrp": 112, "ah": 51}


class Match(Enum):
    """Whether a rule, or one of its expressions, matches the packets in question."""

    ALL = "all"
    NONE = "none"
    SOME = "some"  # by where they come from, or how often
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Packets:
    """The first packets of connections, from anywhere but the router itself.

    Attributes:
        version: 4 or 6.
        protocol: its number.
        vip: where they go; None for anywhere.
        ports: their destination ports; None where the protocol has none.
        mark: the firewall mark that ours gives them.
    """

    version: int
    protocol: int
    vip: Address | None = None
    ports: PortRange | None = None
    mark: int = 0

    @classmethod
    def of(
        cls, rules: Iterable[Rule], marks: Sequence[Mark]
    ) -> Iterator[tuple[Rule, list[Packets]]]:
        """What each rule is about; the routers' own protocol in each family that has marks."""
        versions = sorted({mark.vip.version for mark in marks} or {4, 6})
        ours: dict[object, list[Mark]] = {}
        for mark in marks:
            ours.setdefault((mark.vip, mark.protocol), []).append(mark)
        for rule in rules:
            number = _NUMBERS[rule.protocol.value]
            if isinstance(rule, AcceptProtocol):
                yield rule, [cls(version, number) for version in versions]
                continue
            near = ours.get((rule.vip, rule.protocol), ())
            value = next((each.mark for each in near if each.ports.overlaps(rule.ports)), 0)
            yield rule, [cls(rule.vip.version, number, rule.vip, rule.ports, value)]


def all_of(matches: Iterable[Match]) -> Match:
    """What a rule matches whose expressions match so."""
    worst = Match.ALL
    for each in matches:
        if each is Match.NONE:
            return Match.NONE
        if each is Match.UNKNOWN or worst is Match.ALL:
            worst = each
    return worst


_KINDS = {
    **dict.fromkeys(("limit", "quota", "ct count", "connlimit"), Match.SOME),
    **dict.fromkeys(("counter", "log", "mangle", "set", "notrack", "last"), Match.ALL),
    **dict.fromkeys(("ct helper", "meter", "flow"), Match.ALL),
}
"""What is not a comparison: a limit selects some, a statement that only does something, all."""


def expression(body: Object, packets: Packets) -> Match:
    """What one expression of a rule lets through; of one that cannot be read nothing is known."""
    try:
        return _expression(body, packets)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError):
        return Match.UNKNOWN


def _expression(body: Object, packets: Packets) -> Match:
    ((kind, value), *_) = body.items()
    if kind != "match" or not isinstance(value, dict):
        return _KINDS.get(kind, Match.UNKNOWN)
    op, left = value.get("op"), value.get("left")
    if _is_of_flags(left):  # a filter against port scans, whatever its sense
        return Match.SOME if packets.protocol == _NUMBERS["tcp"] else Match.NONE
    found = _selects(left, value.get("right"), packets)
    if op == "!=":
        return _OPPOSITE.get(found, Match.UNKNOWN)
    return found if op in ("==", "in") else Match.UNKNOWN


def _is_of_flags(left: Any) -> bool:
    if isinstance(left, dict) and isinstance(left.get("&"), list):
        left = left["&"][0]
    return bool(left == {"payload": {"protocol": "tcp", "field": "flags"}})


_OPPOSITE = {Match.ALL: Match.NONE, Match.NONE: Match.ALL}
_SOURCES = {"saddr", "sport"}
_INTERFACES = {"iif", "iifname"}


def _selects(left: Any, right: Any, packets: Packets) -> Match:
    match left:
        case {"payload": {"protocol": str(header), "field": str(field)}}:
            read = _of_address_header if header in ("ip", "ip6") else _of_transport_header
            return read(header, field, right, packets)
        case {"meta": {"key": str(key)}}:
            return _of_packet(key, right, packets)
        case {"ct": {"key": "state"}}:
            return _among("new", right)
        case {"ct": {"key": "status"}} if right in ("dnat", "snat", "assured"):
            return Match.NONE
        case {"fib": {"flags": [*flags]}}:
            return Match.SOME if "saddr" in flags else Match.UNKNOWN
    return Match.UNKNOWN


def _of_packet(key: str, right: Any, packets: Packets) -> Match:
    if key in _INTERFACES:
        return Match.NONE if right == "lo" else Match.SOME
    facts: dict[str, object] = {
        "l4proto": packets.protocol,
        "nfproto": f"ipv{packets.version}",
        "mark": packets.mark,
    }
    return _among(facts[key], right) if key in facts else Match.UNKNOWN


def _of_address_header(header: str, field: str, right: Any, packets: Packets) -> Match:
    if packets.version != (4 if header == "ip" else 6):
        return Match.NONE
    if field in ("protocol", "nexthdr"):
        return _among(packets.protocol, right)
    if field in _SOURCES:
        return Match.SOME
    if field != "daddr":
        return Match.UNKNOWN
    if packets.vip is None:  # VRRP goes to 224.0.0.18, or to the other router
        return Match.SOME
    return _among(packets.vip, right)


def _of_transport_header(protocol: str, field: str, right: Any, packets: Packets) -> Match:
    if protocol in ("ether", "vlan"):
        return Match.SOME
    if protocol != "th" and _NUMBERS.get(protocol) != packets.protocol:
        return Match.NONE  # icmp, icmpv6, another transport
    if packets.ports is None:
        return Match.NONE
    if field in _SOURCES:
        return Match.SOME
    return _among(packets.ports, right) if field == "dport" else Match.UNKNOWN


def _among(value: object, right: Any) -> Match:
    """Whether a value is one of those that a rule names."""
    if isinstance(right, dict) and "set" in right:
        right = right["set"]
    if isinstance(right, list):
        found = {_is(value, each) for each in right}
        return next((m for m in (Match.ALL, Match.UNKNOWN) if m in found), Match.NONE)
    return _is(value, right)


def _is(value: object, one: Any) -> Match:
    """Whether a value is this one; an address or a number may lie in it."""
    try:
        if isinstance(value, PortRange):
            return _covers(value, *_bounds(one))
        if isinstance(value, int):
            low, high = _bounds(_NUMBERS.get(one, one) if isinstance(one, str) else one)
            return Match.ALL if low <= value <= high else Match.NONE
        if isinstance(value, str):
            return Match.ALL if value == one else Match.NONE
        inside = _holds(one, value)
    except (ValueError, TypeError, KeyError):
        # A name that is not among ours is another protocol; a named set may hold anything.
        named = isinstance(one, str) and not one.startswith("@")
        return Match.NONE if named and isinstance(value, int) else Match.UNKNOWN
    return Match.ALL if inside else Match.NONE


def _bounds(one: Any) -> tuple[int, int]:
    first, last = one["range"] if isinstance(one, dict) else (one, one)
    return int(first), int(last)


def _covers(ports: PortRange, first: int, last: int) -> Match:
    if first <= ports.first and ports.last <= last:
        return Match.ALL
    overlap = first <= ports.last and ports.first <= last
    return Match.UNKNOWN if overlap else Match.NONE


def _holds(one: Any, address: Any) -> bool:
    if isinstance(one, dict) and "prefix" in one:
        prefix = one["prefix"]
        return address in ip_network(f"{prefix['addr']}/{prefix['len']}", strict=False)
    if isinstance(one, dict):
        first, last = (int(ip_address(each)) for each in one["range"])
        return first <= int(address) <= last
    return bool(ip_address(one) == address)
