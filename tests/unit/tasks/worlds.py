"""Strategies for what a router may be asked to become, and for what others have put on it."""

from __future__ import annotations

from ipaddress import ip_address

from hypothesis import strategies as st

from inventory.desired import Backend, Desired, Service, ServicePorts, Vrrp
from inventory.rules import Address
from tests.strategies import disjoint_ports, vrrps

VIPS = [ip_address(text) for text in ("198.51.100.10", "198.51.100.11", "2001:db8:2::10")]
MARKS = (21, 53, 80)


@st.composite
def crowded_states(draw: st.DrawFn, backend: Backend, zone: str | None = None) -> Desired:
    """Desired states so near each other that they share VIPs, ports and marks."""
    left: list[Address] = draw(st.permutations(VIPS))
    services = []
    for name, mark in zip("abc", draw(st.permutations(MARKS)), strict=True):
        vips, left = left[: (n := draw(st.integers(0, len(left))))], left[n:]
        if vips:
            ports: tuple[ServicePorts, ...] = draw(disjoint_ports(most=12))
            services.append(Service(name, tuple(vips), ports, mark, draw(st.booleans())))
    vrrp: Vrrp = draw(vrrps)
    return Desired("r1", backend=backend, zone=zone, services=tuple(services), vrrp=vrrp)


MANGLE_LINES = (
    "-A PREROUTING -d 203.0.113.7/32 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x7/0xffffffff",
    "-A PREROUTING -s 192.0.2.0/24 -j MARK --set-xmark 0x10/0x10",
    '-A PREROUTING -i eth9 -m comment --comment "a \\"b\\" c" -j ACCEPT',
    "-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff",
    "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
    "-A POSTROUTING -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff",
)
FILTER_LINES = (
    "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd",
    "-A INPUT -p tcp -m tcp --dport 22 -m comment --comment operators -j ACCEPT",
    "-A INPUT -i lo -j ACCEPT",
    "-A f2b-sshd -s 203.0.113.66/32 -j REJECT --reject-with icmp-port-unreachable",
)
LAST_LINES = (
    "-A INPUT -j REJECT --reject-with icmp-host-prohibited",
    '-A INPUT -m comment --comment "the rest" -j DROP',
    "-A INPUT -p udp -j LOG",
)


@st.composite
def saved_files(draw: st.DrawFn) -> str:
    """A file as Debian or a person has it, without anything of ours."""
    mangle = draw(st.lists(st.sampled_from(MANGLE_LINES), unique=True))
    rest = draw(st.lists(st.sampled_from(FILTER_LINES), unique=True))
    rest += draw(st.lists(st.sampled_from(LAST_LINES), max_size=1))
    counted = "[12:34] " if draw(st.booleans()) else ""
    parts = ["# Kept by hand.\n"]
    tables = {
        "mangle": [":PREROUTING ACCEPT [1:2]", ":INPUT ACCEPT [0:0]", *mangle],
        "filter": [":INPUT ACCEPT [0:0]", ":f2b-sshd - [0:0]", *rest],
    }
    for name in draw(st.lists(st.sampled_from(["mangle", "filter"]), unique=True)):
        lines = [counted + line if line.startswith("-A") else line for line in tables[name]]
        if draw(st.booleans()):
            lines.insert(2, "# a remark")
        parts.append("".join(f"{line}\n" for line in (f"*{name}", *lines, "COMMIT")))
    return "".join(parts)


FOREIGN_RICH = (
    'rule family="ipv4" destination address="203.0.113.7" port port="80" protocol="tcp" mark set=7',
    'rule family="ipv4" source address="192.0.2.0/24" accept',
    'rule family="ipv4" destination address="198.51.100.10" service name="http" mark set=9',
    'rule priority="-3" family="ipv6" source address="fe80::/10" protocol value="vrrp" accept',
    'rule family="ipv4" source address="203.0.113.66" reject type="icmp-port-unreachable"',
)
