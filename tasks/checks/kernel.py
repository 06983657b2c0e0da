"""The kernel: forwarding, IPVS, FTP's helper, and other software that writes into the mark."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inventory.rules import Protocol
from tasks.checks.catalog.kernel import LVS050, LVS051, LVS052, LVS053
from tasks.checks.subject import Subject
from tasks.checks.virtual_servers import families
from tasks.inspection import FORWARDING
from tasks.outcome import Finding, Severity

_FTP = 21
_UNPRIVILEGED = 1024
_SYSCTL = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
_SOFTWARE = {
    "kube-proxy": (r"KUBE-", 0x0000C000),
    "Calico": (r"cali-", 0xFFFF0000),
    "Tailscale": (r"ts-", 0x00FF0000),
    "Cilium": (r"CILIUM_", 0x00000F00),
    "Antrea": (r"ANTREA-", 0x00180000),
}
"""The chains of software that marks packets, and the bits that it does so by if not told others."""


def forwarding(subject: Subject) -> Iterator[Finding]:
    """Whether answers of real servers get through."""
    config = subject.inspection.keepalived
    needed: dict[int, str] = {}
    for server in config.virtual_servers if config else ():
        for mark in server.marks:
            for method in server.methods & {"NAT", "TUN"}:
                for version in families(server, mark):
                    if needed.get(version) != "NAT":
                        needed[version] = method
    for version, method in sorted(needed.items()):
        value = subject.inspection.kernel.get(FORWARDING[version])
        if value == "0":
            yield LVS050.finding(
                f"{_SYSCTL[version]} is 0, and keepalived.conf has virtual servers with {method}",
                f"sysctl -w {_SYSCTL[version]}=1, and the same in /etc/sysctl.d/",
                severity=None if method == "NAT" else Severity.WARNING,
            )


def ipvs(subject: Subject) -> Iterator[Finding]:
    """Whether the kernel has IPVS where it is asked for."""
    config = subject.inspection.keepalived
    if config and config.virtual_servers and subject.inspection.kernel.get("ip_vs") == "no":
        yield LVS051.finding(
            "keepalived.conf has virtual servers, and ip_vs is not loaded",
            "modprobe ip_vs && systemctl restart keepalived; ip_vs in /etc/modules-load.d/",
        )


def ftp(subject: Subject) -> Iterator[Finding]:
    """Whether FTP's data connections find their session."""
    if subject.inspection.kernel.get("ip_vs_ftp") == "yes":
        return
    for service in subject.desired.services:
        ports = [each.ports for each in service.ports if each.protocol is Protocol.TCP]
        control = any(each.first <= _FTP <= each.last for each in ports)
        passive = any(each.last >= _UNPRIVILEGED for each in ports)
        if control and not passive:
            yield LVS052.finding(
                f"service {service.name} has port 21 but no passive range, and ip_vs_ftp is not"
                " loaded",
                "Add the real servers' passive range, e.g. 10000-20000/tcp, to the service",
                service=service.name,
            )


def others(subject: Subject) -> Iterator[Finding]:
    """Software that is known to mark packets, where its bits are in our marks."""
    observed = subject.observed
    names = ("iptables:4", "iptables:6", "iptables-legacy:4", "iptables-nft:4", "nft:ruleset")
    text = "\n".join(observed.text(name) or "" for name in names)
    for software, (prefix, bits) in _SOFTWARE.items():
        # The regular expression alone would go through all of firewalld's rules for each of them.
        chain = prefix in text and re.search(
            rf'(?:^:|"chain": ?"){prefix}[\w-]*', text, re.MULTILINE
        )
        if not chain:
            continue
        hit = [each for each in subject.desired.services if each.mark & bits]
        said = f"{software} is at work ({chain[0].lstrip(':').rpartition(chr(34))[2]})"
        if hit:
            each = hit[0]
            yield LVS053.finding(
                f"{said} and writes the bits {bits:#010x} of marks; service {each.name} has mark"
                f" {each.mark:#x}",
                f"Give the services marks without the bits {bits:#010x}",
            )
        else:
            yield LVS053.finding(
                f"{said} and writes the bits {bits:#010x} of marks, which no service has",
                "A packet that it marks and that goes to a VIP meets no virtual server",
                severity=Severity.INFO,
            )
