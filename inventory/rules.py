"""The vocabulary: what a packet filter does for LVS, in one canonical form.

A rule is compared by value, never by text: the packet filters accept many spellings of one rule
(``80``, ``0x50``; ``192.0.2.1``, ``192.0.2.1/32``) and print yet others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address

MAX_MARK = 2**32 - 1
"""IPVS compares the whole 32-bit mark, without a mask; 0 means "no mark"."""

MAX_PORT = 65535


class Protocol(StrEnum):
    """A transport protocol that IPVS balances and whose ports a packet filter can match."""

    TCP = "tcp"
    UDP = "udp"
    SCTP = "sctp"


class RouterProtocol(StrEnum):
    """A protocol that the routers of a cluster speak to each other, by its name in /etc/protocols.

    IP protocol 112 carries VRRP; 51 carries it where keepalived says ``auth_type AH``.
    """

    VRRP = "vrrp"
    AH = "ah"


@dataclass(frozen=True, slots=True, order=True)
class PortRange:
    """Ports ``first`` to ``last``, both included; 1 to 65535.

    Raises:
        ValueError: the range is empty or leaves 1..65535.
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 1 <= self.first <= self.last <= MAX_PORT:
            raise ValueError(f"no port range: {self.first}-{self.last}")

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"

    def overlaps(self, other: PortRange) -> bool:
        """Whether some port is in both."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class Mark:
    """Packets to ``vip``:``ports`` get the firewall mark ``mark`` (1 to 2³²−1)."""

    vip: Address
    protocol: Protocol
    ports: PortRange
    mark: int

    def __post_init__(self) -> None:
        if not 1 <= self.mark <= MAX_MARK:
            raise ValueError(f"no firewall mark: {self.mark}")


@dataclass(frozen=True, slots=True)
class Accept:
    """Packets to ``vip``:``ports`` are let in (IPVS schedules after the filter's INPUT)."""

    vip: Address
    protocol: Protocol
    ports: PortRange


@dataclass(frozen=True, slots=True)
class AcceptProtocol:
    """Packets of ``protocol`` are let in, IPv4 and IPv6, from anywhere."""

    protocol: RouterProtocol


Rule = Mark | Accept | AcceptProtocol
PortRule = Mark | Accept


_Lane = tuple[int, int, int, str]


def _lane(rule: PortRule) -> _Lane:
    """What two rules must share so that their ports may be added up; also the order of a listing.

    An accept has mark 0 here, so it comes first and never shares a lane with a mark.
    """
    mark = rule.mark if isinstance(rule, Mark) else 0
    return (mark, rule.vip.version, int(rule.vip), rule.protocol.value)


def _with_ports(rule: PortRule, ports: PortRange) -> PortRule:
    if isinstance(rule, Mark):
        return Mark(rule.vip, rule.protocol, ports, rule.mark)
    return Accept(rule.vip, rule.protocol, ports)


def merge_ports(ranges: Iterable[PortRange]) -> tuple[PortRange, ...]:
    """The same ports in the fewest ranges, ascending: overlapping and adjacent ones become one."""
    merged: list[PortRange] = []
    for ports in sorted(ranges):
        if merged and ports.first <= merged[-1].last + 1:
            merged[-1] = PortRange(merged[-1].first, max(merged[-1].last, ports.last))
        else:
            merged.append(ports)
    return tuple(merged)


def subtract_ports(
    ranges: Iterable[PortRange], taken: Iterable[PortRange]
) -> tuple[PortRange, ...]:
    """The ports of ``ranges`` that are in none of ``taken``, in the fewest ranges, ascending."""
    left = list(merge_ports(ranges))
    for hole in merge_ports(taken):
        rest: list[PortRange] = []
        for ports in left:
            if not ports.overlaps(hole):
                rest.append(ports)
                continue
            if ports.first < hole.first:
                rest.append(PortRange(ports.first, hole.first - 1))
            if hole.last < ports.last:
                rest.append(PortRange(hole.last + 1, ports.last))
        left = rest
    return tuple(left)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A set of rules in canonical form: what one packet does decides equality, not how it was cut.

    Build it with `Ruleset.of`. Adjacent and overlapping ports of one VIP, protocol and mark are
    one range, so ``80`` and ``81`` equal ``80-81``. Iterating gives a stable, readable order:
    protocols first, then accepts by address, then marks by number.
    """

    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> Ruleset:
        """The canonical set that does what ``rules`` do together."""
        whole: list[AcceptProtocol] = []
        by_lane: dict[_Lane, list[PortRule]] = {}
        for rule in rules:
            if isinstance(rule, AcceptProtocol):
                if rule not in whole:
                    whole.append(rule)
            else:
                by_lane.setdefault(_lane(rule), []).append(rule)
        whole.sort(key=lambda rule: rule.protocol.value, reverse=True)
        merged: list[Rule] = [*whole]
        for _, lane in sorted(by_lane.items()):
            merged += (_with_ports(lane[0], p) for p in merge_ports(r.ports for r in lane))
        return cls(tuple(merged))

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __len__(self) -> int:
        return len(self.rules)

    def __or__(self, other: Ruleset) -> Ruleset:
        return Ruleset.of((*self.rules, *other.rules))

    def __sub__(self, other: Ruleset) -> Ruleset:
        """What ``self`` does that ``other`` does not; port by port."""
        taken: dict[_Lane, list[PortRange]] = {}
        for rule in other.rules:
            if not isinstance(rule, AcceptProtocol):
                taken.setdefault(_lane(rule), []).append(rule.ports)
        left: list[Rule] = []
        for rule in self.rules:
            if isinstance(rule, AcceptProtocol):
                if rule not in other.rules:
                    left.append(rule)
                continue
            holes = taken.get(_lane(rule), ())
            left += (_with_ports(rule, p) for p in subtract_ports((rule.ports,), holes))
        return Ruleset.of(left)

    def covers(self, other: Ruleset) -> bool:
        """Whether everything that ``other`` does is done by ``self`` too."""
        return not (other - self)

    def overlaps(self, rule: PortRule) -> bool:
        """Whether some packet that ``rule`` is about gets the same treatment here."""
        lane = _lane(rule)
        return any(
            not isinstance(own, AcceptProtocol)
            and _lane(own) == lane
            and own.ports.overlaps(rule.ports)
            for own in self.rules
        )

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The mark rules, in order."""
        return tuple(rule for rule in self.rules if isinstance(rule, Mark))

    def of_family(self, version: int) -> Ruleset:
        """The rules that concern IP ``version`` (4 or 6); protocols concern both."""
        return Ruleset(
            tuple(r for r in self if isinstance(r, AcceptProtocol) or r.vip.version == version)
        )
