"""The fields that nftables' rules look at, as far as they are known of a packet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tasks.walk import fields
from tasks.walk.answer import STRANGER, Answer
from tasks.walk.nft_atom import Kind, Value, number_of
from tasks.walk.packet import BITS, NUMBERS, Seen, State, Tracked

Read = Callable[[Seen, State], "Value | Answer"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field.

    Attributes:
        kind: how its values are written.
        read: gives its value; or what to make of every question about it: NO where the packet has
            no such field, which ends the rule even if it asks for "not equal".
    """

    kind: Kind
    read: Read


def _always(answer: Answer) -> Field:
    return Field(Kind.NUMBER, lambda _seen, _state: answer)


NONE, SOME, UNKNOWN = map(_always, (Answer.NO, Answer.SOME, Answer.UNKNOWN))
_OF_SOME = {"length", "cpu", "time", "day", "hour", "random", "priority", "cgroup"}
_OTHER_PROTOCOLS = {"icmp", "icmpv6", "igmp", "arp", "esp", "comp", "dccp", "udplite"}


def _word(read: Callable[[Seen, State], str]) -> Field:
    return Field(Kind.WORD, read)


def field_of(left: Any) -> Field:
    """The field that the left side of a match names."""
    kind, value = next(iter(left.items()), ("", None)) if isinstance(left, dict) else ("", None)
    if kind == "&" and isinstance(value, list):
        return _masked(field_of(value[0]), value[1:])
    if kind in _OF_CLIENT:
        return SOME
    read = _KINDS.get(kind)
    return read(value) if read and isinstance(value, dict) else UNKNOWN


def _payload(value: dict[str, Any]) -> Field:
    return _of_header(str(value.get("protocol")), str(value.get("field")))


def _meta(value: dict[str, Any]) -> Field:
    key = str(value.get("key"))
    return _META.get(key) or (SOME if key in _OF_SOME else UNKNOWN)


def _fib(value: dict[str, Any]) -> Field:
    flags = value.get("flags") or ()
    if value.get("result") == "type":
        if "saddr" in flags:
            return _word(lambda _seen, _state: "unicast")
        if "iif" in flags:
            return SOME
        return _word(lambda seen, _state: "multicast" if seen.multicast else "local")
    if "saddr" in flags:
        return _word(lambda _seen, _state: "True")  # the router has a route back
    return UNKNOWN


def _extension(value: dict[str, Any]) -> Field:
    """A header of IPv6's that such a packet does not have."""
    return NONE if "field" in value else _word(lambda _seen, _state: "False")


def _mark(number: int | None) -> Value | Answer:
    return Answer.UNKNOWN if number is None else (number, number)


_META = {
    "l4proto": Field(Kind.PROTOCOL, lambda seen, _: (seen.protocol, seen.protocol)),
    "nfproto": _word(lambda seen, _: f"ipv{seen.version}"),
    "protocol": _word(lambda seen, _: "ip" if seen.version == 4 else "ip6"),  # noqa: PLR2004
    "iifname": Field(Kind.INTERFACE, lambda seen, _: seen.interface or ""),
    "iif": Field(Kind.INTERFACE, lambda seen, _: seen.interface or ""),
    "oifname": NONE,
    "oif": NONE,
    "mark": Field(Kind.NUMBER, lambda _, state: _mark(state.mark)),
    "pkttype": _word(lambda seen, _: "multicast" if seen.multicast else "host"),
}


def _ct(value: dict[str, Any]) -> Field:
    return _of_connection(str(value.get("key")), str(value.get("dir", "original")))


def _of_connection(key: str, direction: str) -> Field:
    family, _, name = key.rpartition(" ")
    if direction != "original":
        return UNKNOWN
    if name in ("saddr", "daddr"):
        return _of_header(family, name) if family else UNKNOWN
    return _CT.get(key, UNKNOWN)


_CT = {
    "state": _word(lambda _, state: state.tracked.value),
    "status": _word(lambda _, __: ""),
    "direction": _word(lambda _, __: "original"),
    "l3proto": _META["nfproto"],
    "protocol": _META["l4proto"],
    "zone": Field(Kind.NUMBER, lambda _, __: (0, 0)),
    "helper": _word(lambda _, __: ""),
    "mark": Field(
        Kind.NUMBER,
        lambda _, state: _mark(state.ct_mark) if state.tracked is Tracked.NEW else Answer.NO,
    ),
}


def _of_header(protocol: str, name: str) -> Field:
    if protocol in ("ip", "ip6"):
        return _of_ip(4 if protocol == "ip" else 6, name)
    if protocol in ("tcp", "udp", "sctp", "th"):
        return _of_transport(protocol, name)
    if protocol == "ether":
        return _META["protocol"] if name == "type" else SOME
    if protocol == "ah":
        return Field(
            Kind.NUMBER,
            lambda seen, _: Answer.SOME if seen.protocol == NUMBERS["ah"] else Answer.NO,
        )
    return NONE if protocol in _OTHER_PROTOCOLS else UNKNOWN


def _differs(_seen: Seen) -> Value | Answer:
    return Answer.SOME


def _of_ip(version: int, name: str) -> Field:
    if name == "saddr":
        return Field(
            Kind.ADDRESS,
            lambda seen, state: state.source if seen.version == version else Answer.NO,
        )
    kind, read = _IP.get(name, (Kind.NUMBER, _differs))
    return Field(kind, lambda seen, _: read(seen) if seen.version == version else Answer.NO)


def _ttl(seen: Seen) -> Value | Answer:
    return (fields.ADVERT_TTL, fields.ADVERT_TTL) if seen.is_advert else Answer.SOME


_IP: dict[str, tuple[Kind, Callable[[Seen], Value | Answer]]] = {
    "daddr": (Kind.ADDRESS, lambda seen: (seen.destination, seen.destination)),
    "protocol": (Kind.PROTOCOL, lambda seen: (seen.protocol, seen.protocol)),
    "nexthdr": (Kind.PROTOCOL, lambda seen: (seen.protocol, seen.protocol)),
    "version": (Kind.NUMBER, lambda seen: (seen.version, seen.version)),
    "ttl": (Kind.NUMBER, _ttl),
    "hoplimit": (Kind.NUMBER, _ttl),
    "frag-off": (Kind.NUMBER, lambda _: (0, 0)),
}


def _of_transport(protocol: str, name: str) -> Field:
    reads: dict[str, Callable[[Seen], Value | Answer]] = {
        "dport": lambda seen: seen.ports or Answer.UNKNOWN,  # th reads other bytes of an advert
        "sport": lambda seen: seen.source_ports or Answer.UNKNOWN,
        "flags": lambda _: (fields.SYN, fields.SYN),
    }
    read = reads.get(name, _differs)
    number = NUMBERS.get(protocol)
    return Field(
        Kind.FLAGS if (protocol, name) == ("tcp", "flags") else Kind.NUMBER,
        lambda seen, _: read(seen) if number in (None, seen.protocol) else Answer.NO,
    )


def _masked(field: Field, masks: list[Any]) -> Field:
    """A field's bits; an address of which only some are looked at becomes a number."""
    try:
        mask = 2 ** BITS[6] - 1
        for each in masks:
            mask &= number_of(each)
    except (ValueError, KeyError, TypeError):
        return UNKNOWN

    def read(seen: Seen, state: State) -> Value | Answer:
        value = field.read(seen, state)
        if isinstance(value, str):
            return Answer.UNKNOWN
        if isinstance(value, tuple):
            low, high = value
            if value == STRANGER:
                return value
            return (low & mask, low & mask) if low == high else Answer.SOME
        return value

    return Field(field.kind, read)


_OF_CLIENT = {"tcp option", "osf", "numgen", "jhash", "symhash"}
_KINDS: dict[str, Callable[[dict[str, Any]], Field]] = {
    "payload": _payload,
    "meta": _meta,
    "ct": _ct,
    "fib": _fib,
    "exthdr": _extension,
}
