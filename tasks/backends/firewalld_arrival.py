"""Which zone of firewalld a VIP's packets come by, so that no mark stands where nobody passes.

firewalld looks a packet's zone up by its source first, then by the interface that it arrives on,
else takes the default zone. A VIP arrives on the interface whose network contains it, on a BACKUP,
which does not hold it, as well. Where that is not known nothing is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv6Interface, ip_interface, ip_network

from inventory.rules import Address
from tasks.checks.catalog.ways_in import LVS022
from tasks.errors import PassedBy
from tasks.outcome import Finding, Severity

_Network = IPv4Interface | IPv6Interface


@dataclass(frozen=True, slots=True)
class Bindings:
    """What decides a packet's zone on one router.

    Attributes:
        default: the zone of an interface that is bound to none.
        active: by zone its ``interfaces`` and ``sources``, as the daemon has them.
        networks: each address of an interface with its prefix, loopback left out.
    """

    default: str
    active: Mapping[str, Mapping[str, Sequence[str]]]
    networks: tuple[tuple[str, _Network], ...]

    def zone_of(self, interface: str) -> str:
        """The zone of an interface; a name in a zone may end in a wildcard."""
        for zone, bound in self.active.items():
            for name in bound.get("interfaces", ()):
                if name == interface or (
                    name[-1:] in {"+", "*"} and interface.startswith(name[:-1])
                ):
                    return zone
        return self.default

    def local(self, vip: Address) -> list[tuple[str, _Network]]:
        """The narrowest networks with the VIP in them, each with its interface."""
        found = [
            (interface, network)
            for interface, network in self.networks
            if vip in network.network and network.network.prefixlen < vip.max_prefixlen
        ]
        narrowest = max((each.network.prefixlen for _, each in found), default=0)
        return [each for each in found if each[1].network.prefixlen == narrowest]


def networks(printed: str) -> tuple[tuple[str, _Network], ...]:
    """What ``ip -o addr show`` printed, by interface, without loopback; what is odd is left out."""
    found: list[tuple[str, _Network]] = []
    for line in printed.splitlines():
        match line.split():
            case [_, name, "inet" | "inet6", address, *_] if name != "lo":
                try:
                    found.append((name.partition("@")[0], ip_interface(address)))
                except ValueError:
                    continue
    return tuple(found)


def arrivals(vips: Iterable[Address], ours: str, bindings: Bindings) -> Iterator[Finding]:
    """Whether the VIPs' packets come by the zone with our rules.

    Args:
        vips: of the services.
        ours: that zone.
        bindings: the router's.

    Raises:
        PassedBy: those of a VIP do not; both zones are named, and what binds them.
    """
    wanted = tuple(dict.fromkeys(vips))
    bound = bindings.active.get(ours, {}).get("sources", ())
    for vip in wanted:
        if not any(_covers(source, vip) for source in bound):
            yield from _by_interface(vip, ours, bindings, chosen=bool(bound))
    for zone, group in bindings.active.items():
        for source in group.get("sources", ()) if zone != ours else ():
            yield from _by_source(wanted, source, zone, ours, bindings)


def _by_interface(
    vip: Address, ours: str, bindings: Bindings, *, chosen: bool
) -> Iterator[Finding]:
    local = dict.fromkeys(name for name, _ in bindings.local(vip))
    names = list(local or dict.fromkeys(name for name, _ in bindings.networks))
    zones = {name: bindings.zone_of(name) for name in names}
    if not zones or set(zones.values()) == {ours}:
        return
    told = ", ".join(f"{name} is in zone {zone}" for name, zone in zones.items())
    if ours not in zones.values() and not chosen:
        arrives = f"arrives on {' or '.join(names)}"
        raise PassedBy(
            f"VIP {vip} {arrives}: {told}, and the rules would be in zone {ours}, where its packets"
            " do not come by and stay unmarked",
            _way_out(next(iter(zones.values()))),
        )
    if ours not in zones.values():
        message = f"VIP {vip} is marked for the sources of zone {ours} only: {told}"
        yield LVS022.finding(message, _way_out(next(iter(zones.values()))), severity=Severity.INFO)
    else:
        message = f"which interface VIP {vip} arrives on is not known: {told}"
        hint = f"Packets that do not come by zone {ours} stay unmarked; policy: NAME marks them all"
        yield LVS022.finding(message, hint, severity=Severity.INFO)


def _by_source(
    vips: Sequence[Address], source: str, zone: str, ours: str, bindings: Bindings
) -> Iterator[Finding]:
    """A source that another zone has: an error where all who are near the VIP come from it."""
    for vip in vips:
        near = [network for _, network in bindings.local(vip)]
        if _covers(source, vip) or (near and all(_contains(source, each) for each in near)):
            raise PassedBy(
                f"VIP {vip}: packets from source {source} are in zone {zone}, and the rules would"
                f" be in zone {ours}, where they do not come by and stay unmarked",
                _way_out(zone),
            )
    if any(_may_reach(source, vip) for vip in vips):
        yield LVS022.finding(
            f"packets from source {source} are in zone {zone}: to the VIPs they stay unmarked,"
            f" since the rules are in zone {ours}",
            "If clients come from there, say policy: NAME, which marks whatever zone they come by",
            severity=Severity.INFO,
        )


def _way_out(zone: str) -> str:
    return (
        f"Say zone: {zone} in the inventory, or policy: lvsfleet, which holds in every zone"
        " (firewalld 0.9 or newer)"
    )


def _covers(source: str, vip: Address) -> bool:
    """Whether everybody who can send to the VIP is in the source."""
    try:
        network = ip_network(source, strict=False)
    except ValueError:
        return False
    return network.version == vip.version and network.prefixlen == 0


def _contains(source: str, local: _Network) -> bool:
    try:
        network = ip_network(source, strict=False)
    except ValueError:
        return False
    first, last = local.network.network_address, local.network.broadcast_address
    return network.version == local.version and first in network and last in network


def _may_reach(source: str, vip: Address) -> bool:
    try:
        return ip_network(source, strict=False).version == vip.version
    except ValueError:
        return True  # a MAC, or an ipset
