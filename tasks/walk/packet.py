"""A packet on its way to a VIP, and what rules see of it and have done to it so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from inventory.rules import Address, PortRange, Protocol, RouterProtocol
from tasks.walk.answer import Span, Spans

if TYPE_CHECKING:
    from tasks.walk.chain import Chain, Rule

NUMBERS = {"tcp": 6, "udp": 17, "sctp": 132, "vrrp": 112, "ah": 51}
"""IP protocols; the names are those of /etc/protocols."""

BITS = {4: 32, 6: 128}
_CLIENT_PORTS = (1024, 65535)
_LINK_LOCAL = (0xFE80 << 112, (0xFEC0 << 112) - 1)
"""Where adverts in IPv6 come from (RFC 9568, 5.1.2.2)."""


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a connection, from outside; VRRP's and AH's are the routers' adverts.

    Attributes:
        destination: a VIP, taken to be held; of an advert 224.0.0.18, ff02::12 or a unicast peer's.
        protocol: how it is sent.
        port: where to, or all ports of a range; None for VRRP and AH.
        source: who sends it; None for a client somewhere, to which the router has a route.
        interface: where it arrives; None for any of the router's but the loopback.
    """

    destination: Address
    protocol: Protocol | RouterProtocol
    port: int | PortRange | None = None
    source: Address | None = None
    interface: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rule can see of a packet on one interface.

    Attributes:
        version: 4 or 6.
        protocol: its number.
        destination: an address as a number.
        ports: the destination ports; None where the protocol has none.
        interface: where it arrives; None where that is not known.
        multicast: it is for many.
    """

    version: int
    protocol: int
    destination: int
    ports: Span | None
    interface: str | None
    multicast: bool

    @property
    def source_ports(self) -> Span | None:
        """The ports that it may come from."""
        return _CLIENT_PORTS if self.ports else None

    @property
    def is_advert(self) -> bool:
        """A router sends it, to its peer; keepalived gives it the TTL 255 (RFC 9568, 5.1.1.3)."""
        return self.ports is None


def seen_on(packet: Packet, interfaces: Iterable[str]) -> list[Seen]:
    """The packet as it may arrive: once for each interface that it may come by.

    AH in IPv6 is an extension header that no filter takes for a protocol (ip6tables(8): "-p ah"
    never matches); keepalived sends it in IPv4 only.

    Args:
        packet: the packet.
        interfaces: those of the router.
    """
    version = packet.destination.version
    ports: Span | None = None
    if isinstance(packet.port, PortRange):
        ports = (packet.port.first, packet.port.last)
    elif packet.port is not None:
        ports = (packet.port, packet.port)
    names: list[str | None] = [packet.interface]
    if packet.interface is None:
        names = [name for name in interfaces if name != "lo"] or [None]
    return [
        Seen(
            version,
            -1 if version == 6 and packet.protocol == "ah" else NUMBERS[packet.protocol.value],  # noqa: PLR2004
            int(packet.destination),
            ports,
            name,
            packet.destination.is_multicast,
        )
        for name in names
    ]


def sources_of(packet: Packet) -> Span:
    """Who may have sent it; adverts to all routers come from link-local addresses in IPv6."""
    if packet.source is not None:
        return int(packet.source), int(packet.source)
    if packet.destination.version == 6 and packet.destination.is_multicast:  # noqa: PLR2004
        return _LINK_LOCAL
    return 0, 2 ** BITS[packet.destination.version] - 1


class Tracked(Enum):
    """What conntrack makes of it, by the name that rules have for that."""

    NOT_YET = "invalid"
    """Before conntrack has seen it; both languages then call it invalid."""
    NEW = "new"
    UNTRACKED = "untracked"


class Doubt(Enum):
    """Why something cannot be said."""

    NONE = ""
    SOME = "it differs, by who sends, how often, or to which port"
    UNKNOWN = "a rule is not understood"


Said = tuple["Chain", "Rule | None"]
"""A rule in its chain; None for the chain's policy."""


@dataclass(frozen=True, slots=True)
class State:
    """What has happened to a packet so far.

    Attributes:
        sources: who may have sent it so that it came here, as numbers.
        mark: its firewall mark; None where that is not known.
        ct_mark: its connection's.
        tracked: what conntrack makes of it.
        zones: firewalld's zones that it came through.
        accept: the last rule at input that let it in; None for none.
        doubt: why it may not have come here.
        doubted: the rule for that.
    """

    sources: Spans
    mark: int | None = 0
    ct_mark: int | None = 0
    tracked: Tracked = Tracked.NOT_YET
    zones: tuple[str, ...] = ()
    accept: Said | None = None
    doubt: Doubt = Doubt.NONE
    doubted: Said | None = None

    @property
    def source(self) -> Span:
        """One span with all who may have sent it."""
        return self.sources[0][0], self.sources[-1][1]

    def untracked(self) -> State:
        """The same behind a rule that says so; too late once conntrack has seen it."""
        if self.tracked is not Tracked.NOT_YET:
            return self
        return replace(self, tracked=Tracked.UNTRACKED)

    @property
    def key(self) -> object:
        """What later rules can tell apart, but for who sends."""
        return self.mark, self.ct_mark, self.tracked, self.zones

    def doubting(self, doubt: Doubt, said: Said) -> State:
        """The same where some rule has made it uncertain; the worse of two doubts stays."""
        if self.doubt is Doubt.UNKNOWN or self.doubt is doubt:
            return self
        return replace(self, doubt=doubt, doubted=said)
