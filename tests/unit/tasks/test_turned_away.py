"""What is said of a rule that turns packets away, by where it stands."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from inventory.desired import Service, ServicePorts
from inventory.rules import PortRange, Protocol
from tasks.checks.turned_away import hint
from tasks.walk import Packet, Verdict

VIP = ip_address("198.51.100.10")
PACKETS = [Packet(VIP, Protocol.TCP, PortRange(10000, 20000))]
ACCEPT = "accept: true for it in the inventory, then lvsfleet rollout --limit fra1"


def said(place: str, by: str, *, accept: bool = False, path: str = "") -> str:
    ports = (ServicePorts(Protocol.TCP, PortRange(10000, 20000)),)
    service = Service("ftp", vips=(VIP,), ports=ports, mark=21, accept=accept)
    return hint("fra1", service, PACKETS, Verdict(False, 21, by, place, path=path))


@pytest.mark.parametrize(
    ("place", "by"),
    [
        ("iptables' chain INPUT of table filter", "policy DROP"),
        (
            "iptables' chain INPUT of table filter",
            "-A INPUT -j REJECT --reject-with icmp-port-unreachable",
        ),
        ("firewalld's zone public", "reject with icmpx admin-prohibited"),
    ],
)
def test_what_nobody_lets_in_is_let_in_by_the_inventory(place: str, by: str) -> None:
    assert said(place, by).startswith(ACCEPT)
    assert ACCEPT not in said(place, by, accept=True)  # it is, and that did not help


@pytest.mark.parametrize(
    ("place", "by", "path", "way"),
    [
        (
            "iptables' chain INPUT of table filter",
            f"-A INPUT -d {VIP}/32 -j DROP",
            "",
            f"iptables -t filter -D INPUT -d {VIP}/32 -j DROP; and where",
        ),
        (
            "ip6tables' chain PREROUTING of table raw",
            "-A PREROUTING -j DROP",
            "",
            "ip6tables -t raw -D PREROUTING -j DROP; and where",
        ),
        (
            "iptables' chain INPUT of table mangle",
            "policy DROP",
            "",
            f"iptables -t mangle -I INPUT -d {VIP} -p tcp --dport 10000:20000 -j ACCEPT",
        ),
        (
            "nftables' chain in of table inet site",
            "policy drop",
            "inet site in",
            f"nft insert rule inet site in ip daddr {VIP} tcp dport 10000-20000 accept;",
        ),
        ("firewalld's zone public", "tcp dport 10000-20000 drop", "", "take it out of firewalld"),
        ("", "", "", "No accept of lvsfleet's overrules that"),
    ],
)
def test_else_it_is_what_to_do_there(place: str, by: str, path: str, way: str) -> None:
    assert way in said(place, by, path=path)
