"""How many connections live: counted by the script itself, from what the kernel lists."""

from __future__ import annotations

import subprocess
from ipaddress import ip_address
from pathlib import Path

import pytest

from inventory.desired import Service, ServicePorts
from inventory.rules import PortRange, Protocol
from tasks.live import Live, ask_live
from tasks.remote import script
from tasks.shell import Completed

PORTS = (
    ServicePorts(Protocol.TCP, PortRange(80, 80)),
    ServicePorts(Protocol.TCP, PortRange(10000, 20000)),
    ServicePorts(Protocol.UDP, PortRange(53, 53)),
)
VIP, SIX = ip_address("203.0.113.10"), ip_address("2001:db8:1::10")
SERVICE = Service("web", (VIP, SIX), PORTS, 80)

HEAD = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"
IPVS = f"""{HEAD}\
TCP C0A80001 9C40 CB00710A 0050 0A000001 0050 ESTABLISHED     899
TCP C0A80001 9C41 CB00710A 0050 0A000001 0050 FIN_WAIT        119
TCP C0A80001 9C42 CB00710A 0050 0A000001 0050 TIME_WAIT       100
TCP C0A80001 9C43 CB00710A 0051 0A000001 0051 ESTABLISHED     899
TCP C0A80001 9C44 CB00710B 0050 0A000001 0050 ESTABLISHED     899
TCP C0A80001 9C45 CB00710A 2EE0 0A000001 2EE0 ESTABLISHED     899
UDP C0A80001 9C46 CB00710A 0035 0A000001 0035 UDP             299
UDP C0A80001 9C47 CB00710A 0050 0A000001 0050 UDP             299
IP  C0A80001 0000 00000050 0000 0A000001 0000 NONE            299
TCP C0A80001 0000 CB00710A 0050 0A000001 0050 ESTABLISHED     299
TCP 2001:0db8:0001:0000:0000:0000:0000:0064 9C40 2001:0db8:0001:0000:0000:0000:0000:0010 0050 \
2001:0db8:0001:0000:0000:0000:0000:0065 0050 ESTABLISHED     899
"""
CONNTRACK = """\
ipv4     2 tcp      6 431999 ESTABLISHED src=192.0.2.1 dst=203.0.113.10 sport=40000 dport=80 \
src=203.0.113.10 dst=192.0.2.1 sport=80 dport=40000 [ASSURED] mark=0 use=2
ipv4     2 tcp      6 99 TIME_WAIT src=192.0.2.1 dst=203.0.113.10 sport=40001 dport=80 \
src=203.0.113.10 dst=192.0.2.1 sport=80 dport=40001 [ASSURED] mark=0 use=2
ipv4     2 tcp      6 431999 ESTABLISHED src=203.0.113.10 dst=192.0.2.1 sport=80 dport=80 \
src=192.0.2.1 dst=203.0.113.10 sport=80 dport=80 [ASSURED] mark=0 use=2
ipv4     2 udp      17 29 src=192.0.2.1 dst=203.0.113.10 sport=40000 dport=53 [UNREPLIED] \
src=203.0.113.10 dst=192.0.2.1 sport=53 dport=40000 mark=0 use=2
ipv6     10 tcp      6 431999 ESTABLISHED src=2001:0db8:0001:0000:0000:0000:0000:0064 \
dst=2001:0db8:0001:0000:0000:0000:0000:0010 sport=40000 dport=10000 \
src=2001:0db8:0001:0000:0000:0000:0000:0010 dst=2001:0db8:0001:0000:0000:0000:0000:0064 \
sport=10000 dport=40000 [ASSURED] mark=0 use=2
"""


class Router:
    """Runs scripts here, with these files in place of the kernel's."""

    def __init__(self, folder: Path, **tables: str) -> None:
        self.folder = folder
        for name, text in tables.items():
            (folder / name).write_text(text)

    def run(self, text: str, *args: str, stdin: str = "", deadline: float) -> Completed:
        """See `tasks.shell.Shell`."""
        here = text.replace("/proc/net/", f"{self.folder}/").replace("conntrack -L", "false -L")
        done = subprocess.run(
            ["sh", "-c", here, "sh", *args],
            input=stdin,
            text=True,
            capture_output=True,
            timeout=deadline,
            check=False,
        )
        return Completed(done.returncode, done.stdout, done.stderr)

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("tables", "vip", "count", "table"),
    [
        ({"ip_vs_conn": IPVS, "nf_conntrack": CONNTRACK}, VIP, 4, "ipvs"),
        ({"ip_vs_conn": IPVS}, SIX, 1, "ipvs"),
        ({"ip_vs_conn": HEAD}, VIP, 0, "ipvs"),
        ({"nf_conntrack": CONNTRACK}, VIP, 2, "conntrack"),
        ({"nf_conntrack": CONNTRACK}, SIX, 1, "conntrack"),
        ({"nf_conntrack": ""}, VIP, None, ""),
        ({}, VIP, None, ""),
    ],
)
def test_what_lives(
    tables: dict[str, str], vip: object, count: int | None, table: str, tmp_path: Path
) -> None:
    router = Router(tmp_path, **tables)
    address = VIP if vip == VIP else SIX
    assert ask_live(router, SERVICE, address, deadline=120) == Live(
        holds=False, count=count, table=table
    )


def test_who_holds_it(tmp_path: Path) -> None:
    router = Router(tmp_path, ip_vs_conn=IPVS)
    assert ask_live(router, SERVICE, ip_address("127.0.0.1"), deadline=120).holds


def test_ports_of_two_services_are_each_once(tmp_path: Path) -> None:
    assert "live" in script("live")
    lines = IPVS.splitlines(keepends=True)
    router = Router(tmp_path, ip_vs_conn="".join(lines[:2] * 3))
    assert ask_live(router, SERVICE, VIP, deadline=120).count == 3
