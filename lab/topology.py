"""Which routers a lab has, what they are called and where they are: pure, no I/O.

Router number i is the same in every size of a lab, so a lab can grow. Everything a lab owns on
the host carries its number, so that several run side by side and ``down`` needs no memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from inventory.errors import LvsfleetError

STATE = Path("/var/lib/lvsfleet-lab")
LAST_LAB = 29
MAX_ROUTERS = 200
ROUTERS_PER_CLUSTER = 2


class Kind(StrEnum):
    """How a router filters packets and where its rules are saved."""

    FIREWALLD = "firewalld"
    IPTABLES_DEBIAN = "iptables-debian"
    IPTABLES_RHEL = "iptables-rhel"
    IPTABLES_LEGACY = "iptables-legacy"
    IPTABLES_IPVS = "iptables-ipvs"
    NFTABLES = "nftables"
    FIREWALLD_DOCKER = "firewalld-docker"

    @property
    def backend(self) -> str:
        """What the inventory calls it."""
        return self.value.partition("-")[0]

    @property
    def own_kernel(self) -> bool:
        """Whether its routers are machines with a kernel of their own, which has IPVS."""
        return self is Kind.IPTABLES_IPVS


USUAL_KINDS = (Kind.FIREWALLD, Kind.IPTABLES_DEBIAN, Kind.IPTABLES_RHEL)
"""Those of a lab that nobody asks for others, in turn."""

# Documentation ranges (RFC 5737) for the sites people look at; benchmark ones (RFC 2544) beyond.
_NAMED_SITES = (("ams", "203.0.113.0/24"), ("fra", "198.51.100.0/24"), ("lon", "192.0.2.0/24"))


@dataclass(frozen=True, slots=True)
class Site:
    """A cluster and the network it serves: one L2 segment with two routers and a client.

    Attributes:
        index: 0 for the first.
        name: the cluster's name; also that of the bridge in the lab's switch namespace.
        kind: what its routers filter with.
        network4: the site's IPv4 network.
        network6: the site's IPv6 network (RFC 3849).
    """

    index: int
    name: str
    kind: Kind
    network4: IPv4Network
    network6: IPv6Network

    def at(self, host: int) -> tuple[IPv4Address, IPv6Address]:
        """The site's addresses with this last part, written alike: .53 and ::53."""
        return self.network4[host], self.network6[int(str(host), 16)]

    @property
    def web(self) -> tuple[IPv4Address, IPv6Address]:
        """The VIPs of the web service."""
        return self.at(10)

    @property
    def ftp(self) -> IPv4Address:
        """The VIP of the FTP service."""
        return self.at(11)[0]

    @property
    def dns(self) -> tuple[IPv4Address, IPv6Address]:
        """The VIPs of the DNS service."""
        return self.at(53)

    @property
    def vips4(self) -> tuple[IPv4Address, ...]:
        """Its IPv4 VIPs."""
        return (self.web[0], self.ftp, self.dns[0])

    @property
    def vips6(self) -> tuple[IPv6Address, ...]:
        """Its IPv6 VIPs."""
        return (self.web[1], self.dns[1])

    @property
    def client(self) -> str:
        """The name of the namespace that sends to its VIPs."""
        return f"client-{self.name}"


@dataclass(frozen=True, slots=True)
class Router:
    """One router.

    Attributes:
        index: 0 for the first of the lab.
        name: its host name.
        site: its cluster.
        place: 0 for the MASTER by priority, 1 for its BACKUP.
        management: where sshd listens for the operator.
    """

    index: int
    name: str
    site: Site
    place: int
    management: IPv4Address

    @property
    def addresses(self) -> tuple[IPv4Address, IPv6Address]:
        """Its own addresses in the site's network."""
        return self.site.at(101 + self.place)

    @property
    def peer_addresses(self) -> tuple[IPv4Address, IPv6Address]:
        """Those of the cluster's other router."""
        return self.site.at(102 - self.place)


@dataclass(frozen=True, slots=True)
class Topology:
    """A whole lab on paper.

    Attributes:
        number: which lab, 0 to 29.
        routers: in order; two of each site follow each other.
    """

    number: int
    routers: tuple[Router, ...]

    @property
    def sites(self) -> tuple[Site, ...]:
        """Every site once, in order."""
        return tuple(dict.fromkeys(router.site for router in self.routers))

    @property
    def names(self) -> Names:
        """What the lab's things on the host are called."""
        return Names(self.number)


@dataclass(frozen=True, slots=True)
class Names:
    """What the things of lab ``number`` on the host are called, without knowing its routers."""

    number: int

    @property
    def base(self) -> str:
        """Its management bridge and its cgroup."""
        return f"lvslab{self.number}"

    @property
    def prefix(self) -> str:
        """How the names of its namespaces and of the host's interfaces begin."""
        return f"{self.base}-"

    def of(self, thing: str) -> str:
        """The namespace of a router, a client or the switch; of a router, also its interface."""
        return self.prefix + thing

    @property
    def switch(self) -> str:
        """The namespace with the sites' bridges."""
        return self.of("switch")

    @property
    def state(self) -> Path:
        """The folder with its keys and its routers' disks."""
        return STATE / str(self.number)

    @property
    def management(self) -> IPv4Network:
        """The network between the host and the routers' eth0."""
        return IPv4Network(f"198.18.{self.number}.0/24")

    @property
    def controller(self) -> IPv4Address:
        """The host's own address there."""
        return self.management[1]


def topology(number: int, routers: int, kinds: Sequence[Kind] = USUAL_KINDS) -> Topology:
    """Lay a lab out on paper.

    Args:
        number: which lab, 0 to 29.
        routers: how many; clusters of two, so an odd number leaves the last one alone.
        kinds: what the clusters filter with, in turn.

    Raises:
        LvsfleetError: a number out of range, or no kinds.
    """
    if not 0 <= number <= LAST_LAB:
        raise LvsfleetError(f"there is no lab {number}", f"labs are numbered 0 to {LAST_LAB}")
    if not 1 <= routers <= MAX_ROUTERS:
        raise LvsfleetError(f"a lab of {routers} routers", f"1 to {MAX_ROUTERS} are possible")
    if not kinds:
        raise LvsfleetError("a lab needs at least one kind of router", ", ".join(Kind))
    return Topology(number, tuple(_router(number, index, kinds) for index in range(routers)))


def _router(number: int, index: int, kinds: Sequence[Kind]) -> Router:
    cluster, place = divmod(index, ROUTERS_PER_CLUSTER)
    site = _site(cluster, kinds[cluster % len(kinds)])
    joint = "" if cluster < len(_NAMED_SITES) else "-"
    return Router(
        index=index,
        name=f"{site.name}{joint}{place + 1}",
        site=site,
        place=place,
        management=Names(number).management[11 + index],
    )


def _site(index: int, kind: Kind) -> Site:
    named = index < len(_NAMED_SITES)
    name, network4 = _NAMED_SITES[index] if named else (f"r{index + 1}", f"198.19.{index + 1}.0/24")
    network6 = IPv6Network(f"2001:db8:{index + 1:x}::/64")
    return Site(index, name, kind, IPv4Network(network4), network6)
