"""What routers filter with, as sets of rules that a story can compare."""

from __future__ import annotations

from xml.etree import ElementTree

from lab.topology import Kind
from tests.lab.rollout.fleet import Fleet

SAVED = {
    Kind.IPTABLES_DEBIAN: {4: "/etc/iptables/rules.v4", 6: "/etc/iptables/rules.v6"},
    Kind.IPTABLES_RHEL: {4: "/etc/sysconfig/iptables", 6: "/etc/sysconfig/ip6tables"},
}
ZONE_FILE = "/etc/firewalld/zones/public.xml"


def kind_of(fleet: Fleet, router: str) -> Kind:
    return fleet.lab.router(router).site.kind


def saved_path(fleet: Fleet, router: str, version: int = 4) -> str:
    """The file that the router's rules of one family are loaded from at boot."""
    return SAVED[kind_of(fleet, router)][version]


def running(fleet: Fleet, router: str) -> list[str]:
    """What the router filters with now: rich rules, or the ``-A`` lines of both families."""
    if kind_of(fleet, router) is Kind.FIREWALLD:
        return sorted(fleet.sh(router, "firewall-cmd --zone=public --list-rich-rules").splitlines())
    dumps = fleet.sh(router, "iptables-save; ip6tables-save")
    return sorted(line for line in dumps.splitlines() if line.startswith("-A "))


def saved(fleet: Fleet, router: str) -> list[str]:
    """The same, as it will be loaded at boot."""
    if kind_of(fleet, router) is Kind.FIREWALLD:
        command = "firewall-cmd --permanent --zone=public --list-rich-rules"
        return sorted(fleet.sh(router, command).splitlines())
    files = [fleet.read(router, saved_path(fleet, router, version)) for version in (4, 6)]
    return sorted(line for line in "".join(files).splitlines() if line.startswith("-A "))


def other_elements(zone_file: str) -> list[str]:
    """All of a zone's file but its rich rules; firewalld writes them in an order of its own."""
    zone = ElementTree.fromstring(zone_file)  # noqa: S314 - a file that this test has made
    return sorted(
        ElementTree.tostring(each, encoding="unicode").strip()
        for each in zone
        if each.tag != "rule"
    )
