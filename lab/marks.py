"""What a packet to a VIP gets: sent from the site's client, counted at the MASTER."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab.fleet import Lab
from lab.packets import Address, Probe, Protocol
from lab.status import Role
from lab.topology import Site


@dataclass(frozen=True, slots=True)
class Arrival:
    """What became of one packet.

    Attributes:
        router: where it arrived; the site's MASTER.
        address: the VIP it was sent to.
        port: where to.
        protocol: how.
        mark: the mark it arrived with, 0 for none; None where it did not arrive.
        accepted: whether every filter let it in.
    """

    router: str
    address: Address
    port: int
    protocol: Protocol
    mark: int | None
    accepted: bool


def arrivals(lab: Lab) -> list[Arrival]:
    """Send one packet to each port of the lab's services, and to one port beside them."""
    masters = {each.cluster: each.router for each in lab.status() if each.role is Role.MASTER}
    sites = [site for site in lab.topology.sites if site.name in masters]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda site: list(_of_site(lab, site, masters[site.name])), sites)
        return [arrival for site in found for arrival in site]


def _targets(site: Site) -> Iterator[tuple[Address, int, Protocol]]:
    for vip in site.web:
        for port in (80, 443, 81):
            yield vip, port, "tcp"
    for port in (21, 10000, 20000):
        yield site.ftp, port, "tcp"
    for vip in site.dns:
        yield vip, 53, "udp"


def _of_site(lab: Lab, site: Site, router: str) -> Iterator[Arrival]:
    with Probe(lab, router) as probe:
        for address, port, protocol in _targets(site):
            marks = probe.sent(site.name, address, port, protocol)
            accepted = any(
                (flow.address, flow.port, flow.protocol) == (address, port, protocol)
                for flow in probe.read().accepted
            )
            yield Arrival(router, address, port, protocol, next(iter(marks), None), accepted)
