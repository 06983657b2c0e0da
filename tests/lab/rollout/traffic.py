"""Packets of every kind that a site's clients send, and what becomes of each on a router."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from lab.fleet import Lab
from lab.packets import Counts, Probe, Protocol, send
from lab.status import Role, role
from lab.topology import Site

_ARRIVE_SECONDS = 30.0
_AGAIN_SECONDS = 1.0
_AT_ONCE = 6


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a connection to one of a site's VIPs."""

    address: IPv4Address | IPv6Address
    port: int
    protocol: Protocol = "tcp"

    def __str__(self) -> str:
        return f"{self.address} {self.port}/{self.protocol}"


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one packet on the router.

    Attributes:
        mark: what it was marked with; 0 is "not at all".
        let_in: it got past the packet filter, to where IPVS takes it.
    """

    mark: int
    let_in: bool


def fates(lab: Lab, router: str, packets: Iterable[Packet]) -> dict[Packet, Fate]:
    """Send each of the packets from the client of the router's site, until it arrives there.

    On a machine that stalls, a BACKUP may have the VIPs for a moment. A packet that never arrives
    at the router has no fate.
    """
    site = lab.router(router).site
    wanted = list(packets)

    def transmit(packet: Packet) -> None:
        send(lab, site.name, packet.address, packet.port, packet.protocol)

    deadline = time.monotonic() + _ARRIVE_SECONDS
    with Probe(lab, router) as probe, ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(transmit, wanted))
        sent = time.monotonic()
        while True:
            found = _found(probe.read(), wanted)
            now = time.monotonic()
            if len(found) == len(wanted) or now > deadline:
                return found
            if now - sent > _AGAIN_SECONDS:
                list(pool.map(transmit, (packet for packet in wanted if packet not in found)))
                sent = time.monotonic()
            time.sleep(0.02)


def _found(counts: Counts, wanted: Iterable[Packet]) -> dict[Packet, Fate]:
    marks = {Packet(f.address, f.port, f.protocol): f.mark for f in counts.marked}  # type: ignore[arg-type]
    entered = {(f.address, f.port, f.protocol) for f in counts.accepted}
    return {
        packet: Fate(marks[packet], (packet.address, packet.port, packet.protocol) in entered)
        for packet in wanted
        if packet in marks
    }


def unmarked(site: Site) -> dict[Packet, Fate]:
    """What becomes of the packets without lvsfleet: the site lets the web in, nothing is marked."""
    return {
        packet: Fate(0, packet.port in (80, 443) and packet.protocol == "tcp")
        for packet in marked(site)
    }


def marked(site: Site) -> dict[Packet, Fate]:
    """What becomes of them after a rollout of the lab's own inventory."""
    web4, web6 = site.web
    dns4, dns6 = site.dns
    ftp = site.ftp
    in_, out = True, False
    return {
        Packet(web4, 80): Fate(80, in_),
        Packet(web4, 443): Fate(80, in_),
        Packet(web4, 81): Fate(0, out),
        Packet(web6, 80): Fate(80, in_),
        Packet(web6, 443): Fate(80, in_),
        Packet(web6, 81): Fate(0, out),
        Packet(web4, 80, "udp"): Fate(0, out),
        Packet(ftp, 21): Fate(21, in_),
        Packet(ftp, 9999): Fate(0, out),
        Packet(ftp, 10000): Fate(21, in_),
        Packet(ftp, 15000): Fate(21, in_),
        Packet(ftp, 20000): Fate(21, in_),
        Packet(ftp, 20001): Fate(0, out),
        Packet(ftp, 80): Fate(0, in_),
        Packet(dns4, 53): Fate(53, in_),
        Packet(dns4, 53, "udp"): Fate(53, in_),
        Packet(dns4, 54, "udp"): Fate(0, out),
        Packet(dns6, 53): Fate(53, in_),
        Packet(dns6, 53, "udp"): Fate(53, in_),
        Packet(dns6, 54, "udp"): Fate(0, out),
        Packet(web4, 53, "udp"): Fate(0, out),
    }


def roles(lab: Lab) -> Mapping[str, Role]:
    """What VRRP made of each router."""
    return {each.name: role(each, lab.names) for each in lab.topology.routers}


def wait_for_masters(lab: Lab, *routers: str, seconds: float = 60.0) -> None:
    """Wait until each of the routers holds the VIPs of its site; fails when one does not."""
    deadline = time.monotonic() + seconds
    while True:
        now = roles(lab)
        if all(now[name] is Role.MASTER for name in routers):
            return
        assert time.monotonic() < deadline, f"after {seconds:.0f} s: {now}"
        time.sleep(0.1)


@contextmanager
def no_takeover(lab: Lab, *masters: str) -> Iterator[None]:
    """While the block runs, nobody can take the VIPs over from these routers.

    A machine that stalls would make a BACKUP do so for a moment, and packets would pay for that.
    """
    sites = {lab.router(name).site for name in masters}
    others = [each.name for each in lab.topology.routers if each.site in sites and each.place]
    for name in others:
        lab.exec(name, ["systemctl", "stop", "keepalived"])
    wait_for_masters(lab, *masters)
    try:
        yield
    finally:
        for name in others:
            lab.exec(name, ["systemctl", "start", "keepalived"])
