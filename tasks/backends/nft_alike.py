"""Which packets the tables of others cannot tell apart, so that one of them stands for all.

Thousands of services are let in one by one, and what others turn away names a few addresses and
ports at most.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from inventory.rules import PortRange
from tasks.backends.nft_sides import Side
from tasks.walk import Packet

_BITWISE = {"&", "|", "^", "<<", ">>"}


@dataclass(frozen=True, slots=True)
class Alike:
    """The numbers that rules name, ascending: between two of them all packets are alike.

    Attributes:
        cuts: where something begins or ends; None where a rule looks at single bits.
    """

    cuts: tuple[int, ...] | None

    @classmethod
    def of(cls, side: Side) -> Alike:
        """Those of the tables of others."""
        if side.iptables:  # their rules are text
            return cls(None)
        rules = [
            rule for chains in side.tables.values() for c in chains.values() for rule in c.rules
        ]
        found = set(_cuts([*rules, *side.maps.values()]))
        return cls(None if -1 in found else tuple(sorted(found)))

    def key(self, packet: Packet, mark: int) -> object:
        """The same for packets that no rule tells apart; ``mark`` is the one that it has."""
        if self.cuts is None:
            return packet, mark
        vip = packet.destination
        address, number = (bisect_right(self.cuts, each) for each in (int(vip), mark))
        ports: object = packet.port
        if isinstance(packet.port, PortRange):
            first, last = (
                bisect_right(self.cuts, each) for each in (packet.port.first, packet.port.last)
            )
            ports = first if first == last else packet.port
        many = vip.is_multicast
        return vip.version, many, packet.protocol, address, ports, number, mark != 0


def _cuts(value: Any) -> Iterator[int]:
    """Where each number or address in some rules begins, and where it ends; -1 for bits."""
    if isinstance(value, dict):
        if value.keys() & _BITWISE:
            yield -1
        if isinstance(value.get("prefix"), dict):
            yield from _of_prefix(value["prefix"])
        for each in value.values():
            yield from _cuts(each)
    elif isinstance(value, str):
        number = _address(value)
        yield from () if number is None else (number, number + 1)
    elif isinstance(value, int):
        yield from (value, value + 1)
    elif isinstance(value, Iterable):
        for each in value:
            yield from _cuts(each)


def _of_prefix(prefix: dict[str, Any]) -> Iterator[int]:
    try:
        net = ip_network(f"{prefix.get('addr')}/{prefix.get('len')}", strict=False)
    except ValueError:
        yield -1
        return
    yield from (int(net.network_address), int(net.broadcast_address) + 1)


def _address(text: str) -> int | None:
    try:
        return int(ip_address(text))
    except ValueError:
        return None
