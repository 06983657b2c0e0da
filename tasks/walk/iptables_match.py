"""The conditions of iptables' rules: what each option of a match asks of a packet."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tasks.walk import fields
from tasks.walk.answer import Answer, Span, any_of, yes
from tasks.walk.chain import From
from tasks.walk.fields import Test
from tasks.walk.packet import NUMBERS, Seen, State, Tracked

Condition = Test | From

_ALL_PORTS = (0, 65535)
_ALL_BITS = 0xFFFFFFFF


def _protocol(value: str, _version: int) -> Test:
    name = value.lower()
    if name in ("all", "0"):
        return fields.constant(Answer.YES)
    return fields.of_protocols([int(name) if name.isdigit() else NUMBERS.get(name)])


def _sources(value: str, version: int) -> Condition:
    base, mask = fields.network(value, version)
    span = fields.span_of(base, mask, version)
    if span is None:
        return lambda _seen, state: fields.masked(state.source, base, mask)
    return From(version, (span,))


def _destinations(value: str, version: int) -> Condition:
    base, mask = fields.network(value, version)
    span = fields.span_of(base, mask, version)
    if span is None:
        return lambda seen, _: fields.masked((seen.destination, seen.destination), base, mask)
    return fields.of_destination([span])


def _between(value: str, version: int) -> Span:
    first, _, last = value.partition("-")
    low, _ = fields.network(first, version)
    high, _ = fields.network(last or first, version)
    return low, high


def _interface(value: str, _version: int) -> Test:
    return lambda seen, _state: fields.interface_is(seen.interface, value, "+")


def _ports(value: str) -> list[Span]:
    """``80``, ``80:90``, ``:90``, ``80:``, and several with commas."""
    found = []
    for word in value.split(","):
        first, colon, last = word.partition(":")
        low = int(first or _ALL_PORTS[0])
        found.append((low, int(last or _ALL_PORTS[1]) if colon else low))
    return found


def _either_port(value: str, _version: int) -> Test:
    to, source = fields.of_ports(_ports(value)), fields.of_source_ports(_ports(value))
    return lambda seen, state: any_of((to(seen, state), source(seen, state)))


def _state(value: str, _version: int) -> Test:
    names = value.lower().split(",")

    def holds(_seen: Seen, state: State) -> Answer:
        return yes(state.tracked.value in names)

    return holds


def marked(value: str) -> tuple[int, int]:
    """``0x50/0xff``: a value and its mask.

    Raises:
        ValueError: it is none.
    """
    number, _, mask = value.partition("/")
    return int(number, 0), int(mask, 0) if mask else _ALL_BITS


def _mark(value: str, _version: int) -> Test:
    wanted, mask = marked(value)
    return lambda _seen, state: fields.of_mark(state.mark, wanted, mask)


def has_connection(_seen: Seen, state: State) -> Answer:
    """Whether conntrack has made it part of a connection."""
    return yes(state.tracked is Tracked.NEW)


def _ct_direction(value: str, _version: int) -> Test:
    is_first = yes(value == "ORIGINAL")
    return lambda _seen, state: is_first if state.tracked is Tracked.NEW else Answer.UNKNOWN


def _ct_mark(value: str, _version: int) -> Test:
    wanted, mask = marked(value)
    return lambda _seen, state: fields.of_mark(state.ct_mark, wanted, mask)


def _type_of_destination(value: str, version: int) -> Test:
    """A VIP is the router's own."""
    names = set(value.split(","))
    vip, of_many = _is_of("LOCAL", names, version), _is_of("MULTICAST", names, version)
    return lambda seen, _state: yes(of_many if seen.multicast else vip)


def _type_of_source(value: str, version: int) -> Test:
    return fields.constant(yes(_is_of("UNICAST", set(value.split(",")), version)))


def _is_of(kind: str, names: set[str], version: int) -> bool:
    """Whether addrtype takes an address for one of some kinds (match_type, match_type6 there).

    In IPv4 an address has one kind. In IPv6 the router's own is UNICAST too, and kinds add up.
    """
    if version == 4:  # noqa: PLR2004
        return kind in names
    if "UNSPEC" in names or ("MULTICAST" if kind != "MULTICAST" else "UNICAST") in names:
        return False
    by_route = names & {"LOCAL", "ANYCAST", "UNREACHABLE"}
    return not by_route or (kind == "LOCAL" and "LOCAL" in names)


def _packet_type(value: str, _version: int) -> Test:
    return lambda seen, _state: yes(value == ("multicast" if seen.multicast else "unicast"))


def _ttl(value: str, _version: int) -> Test:
    is_full = yes(int(value) == fields.ADVERT_TTL)
    return lambda seen, _state: is_full if seen.is_advert else Answer.SOME


def _flags(value: str, _version: int) -> Test:
    """``--tcp-flags MASK SET``, here with a space between."""
    mask, wanted = (_bits(names) for names in value.split())
    found = yes(fields.SYN & mask == wanted)
    return lambda seen, _state: found if seen.protocol == NUMBERS["tcp"] else Answer.NO


def _bits(names: str) -> int:
    if names in ("ALL", "NONE"):
        return 0x3F if names == "ALL" else 0
    return sum(fields.FLAGS[name.lower()] for name in names.split(","))


def _in_set(value: str, _version: int) -> Test:
    """``--match-set NAME src,dst``: what is in a set is not observed."""
    by_source = set(value.rsplit(maxsplit=1)[-1].split(",")) == {"src"}
    return fields.of_certain_sources if by_source else fields.constant(Answer.UNKNOWN)


def _listed(_value: str, _version: int) -> Test:
    """What recent asks: whether its source has been seen before."""
    return fields.of_certain_sources


Reader = Callable[[str, int], Condition]


def _always(answer: Answer) -> Reader:
    return lambda _value, _version: fields.constant(answer)


_YES, _NO = map(_always, (Answer.YES, Answer.NO))

OPTIONS: Mapping[tuple[str, str], tuple[int, Reader]] = {
    ("", "-p"): (1, _protocol),
    ("", "-s"): (1, _sources),
    ("", "-d"): (1, _destinations),
    ("", "-i"): (1, _interface),
    ("", "-o"): (1, _NO),
    ("", "-f"): (0, _NO),
    ("", "--dport"): (1, lambda value, _version: fields.of_ports(_ports(value))),
    ("", "--dports"): (1, lambda value, _version: fields.of_ports(_ports(value))),
    ("", "--sport"): (1, lambda value, _version: fields.of_source_ports(_ports(value))),
    ("", "--sports"): (1, lambda value, _version: fields.of_source_ports(_ports(value))),
    ("multiport", "--ports"): (1, _either_port),
    ("", "--tcp-flags"): (2, _flags),
    ("", "--syn"): (0, lambda _value, _version: _flags("FIN,SYN,RST,ACK SYN", 0)),
    ("", "--comment"): (1, _YES),
    ("state", "--state"): (1, _state),
    ("conntrack", "--ctstate"): (1, _state),
    ("conntrack", "--ctdir"): (1, _ct_direction),
    ("mark", "--mark"): (1, _mark),
    ("connmark", "--mark"): (1, _ct_mark),
    ("addrtype", "--dst-type"): (1, _type_of_destination),
    ("addrtype", "--src-type"): (1, _type_of_source),
    ("pkttype", "--pkt-type"): (1, _packet_type),
    ("ttl", "--ttl-eq"): (1, _ttl),
    ("hl", "--hl-eq"): (1, _ttl),
    ("iprange", "--src-range"): (1, lambda value, v: From(v, (_between(value, v),))),
    ("iprange", "--dst-range"): (
        1,
        lambda value, v: fields.of_destination([_between(value, v)]),
    ),
    ("set", "--match-set"): (2, _in_set),
    ("mac", "--mac-source"): (1, lambda _value, _version: fields.of_certain_sources),
    ("recent", "--set"): (0, _YES),
    **dict.fromkeys(
        (("recent", name) for name in ("--rcheck", "--update", "--remove")), (0, _listed)
    ),
    ("rpfilter", "--invert"): (0, _NO),
}
"""By match and option: how many words follow, and what reads them. Without a match: of any."""

LONG = {
    "--protocol": "-p", "--proto": "-p", "--source": "-s", "--src": "-s", "--destination": "-d",
    "--dst": "-d", "--in-interface": "-i", "--out-interface": "-o", "--fragment": "-f",
    "--destination-port": "--dport", "--destination-ports": "--dports", "--source-port": "--sport",
    "--source-ports": "--sports", "--match": "-m", "--jump": "-j", "--goto": "-g",
}  # fmt: skip

OF_SOME = {
    "limit", "hashlimit", "connlimit", "connrate", "connbytes", "statistic", "quota", "time",
    "length", "dscp", "tos", "ecn", "ttl", "hl", "physdev", "cpu", "tcpmss", "realm", "geoip",
    "policy",
}  # fmt: skip
"""Matches that tell apart who sends, how often, when, or what; never one VIP from another."""

OF_CONNECTIONS = {"connmark"}
"""Matches that a packet without a connection never passes, negated or not (connmark_mt)."""

OF_ALL = {"tcp", "udp", "sctp", "multiport", "comment", "state", "conntrack", "mark"}
OF_ALL |= {"addrtype", "mac", "pkttype", "iprange", "set", "recent", "rpfilter"}
"""Matches that ask nothing by themselves, but for their options."""

OF_NONE = {"icmp", "icmp6", "icmpv6", "esp", "dccp", "udplite"}
"""Matches of other protocols."""
