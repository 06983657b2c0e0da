"""What a keepalived configuration says, as values: VRRP instances, virtual servers, groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from inventory.rules import Address
from tasks.keepalived.lines import Place, Problem


@dataclass(frozen=True, slots=True)
class VirtualAddress:
    """An address that a VRRP instance holds while it is MASTER.

    Attributes:
        address: without its prefix.
        prefix: its length.
        device: the interface; None is the instance's own.
        label: e.g. ``eth1:0``; None without.
        excluded: from the adverts (``virtual_ipaddress_excluded``).
        place: where it stands.
    """

    address: Address
    prefix: int
    device: str | None
    label: str | None
    excluded: bool
    place: Place


@dataclass(frozen=True, slots=True)
class VrrpInstance:
    """One ``vrrp_instance``.

    Attributes:
        name: its name.
        interface: where it advertises; empty where it does not say.
        state: as it says, ``MASTER`` or ``BACKUP``; empty where it does not say.
        router_id: its ``virtual_router_id``; None where it does not say.
        ah: it says ``auth_type AH``, so its adverts travel in IP protocol 51.
        addresses: in the order in which they stand.
        place: where it begins.
    """

    name: str
    interface: str
    state: str
    router_id: int | None
    ah: bool
    addresses: tuple[VirtualAddress, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Fwmark:
    """A virtual server's packets, by their firewall mark.

    Attributes:
        mark: 1 to 2³²−1.
        version: 4 or 6 where it says so, as it must where real servers do not; else None.
    """

    mark: int
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A virtual server's packets, by address and port.

    Attributes:
        first: the first address.
        last: the last one; only a group's may be another.
        port: None is every port.
    """

    first: Address
    last: Address
    port: int | None


Target = Fwmark | Endpoint


@dataclass(frozen=True, slots=True)
class Group:
    """A ``virtual_server_group``: what several virtual servers may stand for."""

    name: str
    targets: tuple[Target, ...]
    place: Place
    comment: str = ""


@dataclass(frozen=True, slots=True)
class RealServer:
    """One ``real_server``.

    Attributes:
        address: where it is.
        port: the one that packets go to; None keeps the one that they came to.
        place: where it begins.
        method: as its virtual server's, where it has one of its own; else empty.
    """

    address: Address
    port: int | None
    place: Place
    method: str = ""


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """One ``virtual_server``.

    Attributes:
        targets: its packets; those of its group, where it names one.
        group: that name; None without.
        scheduler: e.g. ``rr``; empty where it does not say.
        method: ``NAT`` (also where it does not say), ``DR`` or ``TUN``.
        protocol: ``TCP``, ``UDP`` or ``SCTP``; empty where it does not say. A mark has none.
        persistence: seconds; None without.
        real_servers: in the order in which they stand.
        comment: what is remarked behind it, else right above it.
        place: where it begins.
        sorry: who answers while all of them are down; None without.
    """

    targets: tuple[Target, ...]
    group: str | None
    scheduler: str
    method: str
    protocol: str
    persistence: int | None
    real_servers: tuple[RealServer, ...]
    comment: str
    place: Place
    sorry: RealServer | None = None

    @property
    def marks(self) -> tuple[int, ...]:
        """The firewall marks among its targets, each once."""
        found = (each.mark for each in self.targets if isinstance(each, Fwmark))
        return tuple(dict.fromkeys(found))

    @property
    def methods(self) -> frozenset[str]:
        """How its real servers get their packets."""
        own = frozenset(each.method or self.method for each in self.real_servers)
        return own or frozenset({self.method})


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration.

    Attributes:
        instances: in the order in which they stand.
        virtual_servers: likewise.
        groups: by name.
        own_marks: with ``nftables_ipvs`` keepalived gives out marks from this number; else None.
        problems: what could not be read; all else was.
    """

    instances: tuple[VrrpInstance, ...] = ()
    virtual_servers: tuple[VirtualServer, ...] = ()
    groups: Mapping[str, Group] | None = None
    own_marks: int | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def addresses(self) -> Iterator[VirtualAddress]:
        """All addresses of all instances."""
        return (each for instance in self.instances for each in instance.addresses)
