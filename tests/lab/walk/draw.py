"""What random rule sets and packets are drawn from, so that they concern each other."""

from __future__ import annotations

from random import Random

from inventory.rules import Address, Protocol, RouterProtocol
from tasks.walk import Packet
from tests.lab.walk.bench import Bench

PORTS = (21, 25, 53, 80, 81, 443, 1024, 8080, 10000, 15000, 20000)
"""Nobody listens on them: what follows an answered SYN is not of a new connection."""
MARKS = (0, 1, 21, 0x50, 0x150, 0xAA03)
MASKS = ("0xffffffff", "0xff", "0xff00", "0xf0")


class Draw:
    """Draws by chance, for one family of one router."""

    def __init__(self, chance: Random, bench: Bench, version: int) -> None:
        self.chance, self.version = chance, version
        self.destinations = [a for a in bench.addresses if a.version == version]
        self.sources = [a for a in bench.sources if a.version == version]

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def hosts(self, pool: list[Address]) -> str:
        """An address, or a network with some of them."""
        address = self.chance.choice(pool)
        bits = address.max_prefixlen
        length = self.chance.choice((bits, bits, bits - 1, bits - 2, bits - 3, bits - 8, 0))
        number = int(address) >> (bits - length) << (bits - length)
        return f"{type(address)(number)}/{length}"

    def between(self, pool: list[Address]) -> str:
        first, last = sorted(self.chance.choices(pool, k=2))
        return f"{first}-{last}"

    def port(self) -> int:
        return self.chance.choice(PORTS)

    def ports(self, colon: str) -> str:
        first, last = sorted((self.port(), self.port()))
        return str(first) if first == last or self.often(0.5) else f"{first}{colon}{last}"

    def mark(self) -> int:
        return self.chance.choice(MARKS)


def packets(chance: Random, bench: Bench, count: int) -> list[Packet]:
    """Packets of all kinds, no two to the same port of one address."""
    found: dict[object, Packet] = {}
    while len(found) < count:
        destination = chance.choice(bench.addresses)
        version = destination.version
        source = chance.choice([a for a in bench.sources if a.version == version])
        adverts = [RouterProtocol.VRRP] if version == 6 else list(RouterProtocol)  # no AH in VRRPv3
        protocol: Protocol | RouterProtocol = chance.choice(
            (Protocol.TCP,) * 5 + (Protocol.UDP,) * 3 + (Protocol.SCTP, *adverts)
        )
        port = chance.choice(PORTS) if isinstance(protocol, Protocol) else None
        packet = Packet(destination, protocol, port, source, "eth1")
        found[destination, protocol, port] = packet
    return list(found.values())
