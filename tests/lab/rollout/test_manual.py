"""The example of the manual: VRRP let in; one VIP, ports 80 and 443, marked 80."""

from __future__ import annotations

from collections import Counter

import pytest

from lab.topology import Kind
from tests.lab.rollout.fleet import Fleet
from tests.lab.rollout.rules import ZONE_FILE, other_elements, running, saved

ROUTERS = {Kind.FIREWALLD: "ams2", Kind.IPTABLES_DEBIAN: "fra2", Kind.IPTABLES_RHEL: "lon2"}


@pytest.fixture
def example(fleet: Fleet) -> Fleet:
    """An inventory that says what the manual does."""
    for site in fleet.lab.topology.sites:
        data = fleet.data(site.name)
        data["services"] = {
            "web": {"vips": [str(site.web[0])], "ports": ["80/tcp", "443/tcp"], "mark": 80}
        }
        data["vrrp"] = {"accept": True}
    fleet.fresh(*ROUTERS.values())
    return fleet


def new(before: list[str], after: list[str]) -> list[str]:
    """The rules that came; fails when one went."""
    assert not Counter(before) - Counter(after)
    return sorted((Counter(after) - Counter(before)).elements())


def test_the_router_has_the_manuals_rules_and_no_other(example: Fleet) -> None:
    fleet = example
    before = {router: (running(fleet, router), saved(fleet, router)) for router in ROUTERS.values()}
    zone_before = other_elements(fleet.read("ams2", ZONE_FILE))

    answer = fleet.rollout(*ROUTERS.values())

    assert answer.code == 0, answer
    came = {
        router: (new(was, running(fleet, router)), new(stored, saved(fleet, router)))
        for router, (was, stored) in before.items()
    }
    vip = fleet.site(Kind.FIREWALLD).web[0]
    to_vip = f'rule family="ipv4" destination address="{vip}/32"'
    rich = [
        f'{to_vip} port port="443" protocol="tcp" mark set=80',
        f'{to_vip} port port="80" protocol="tcp" mark set=80',
        'rule protocol value="vrrp" accept',
    ]
    assert came["ams2"] == (rich, rich)
    assert other_elements(fleet.read("ams2", ZONE_FILE)) == zone_before
    for kind in (Kind.IPTABLES_DEBIAN, Kind.IPTABLES_RHEL):
        lines = in_chains(str(fleet.site(kind).web[0]))
        assert came[ROUTERS[kind]] == (lines, lines)


def in_chains(vip: str) -> list[str]:
    """What the manual's three rules are on iptables; VRRP is let in for both families."""
    mark = f"-A LVSFLEET-MARK -d {vip}/32 -p tcp -m multiport --dports 80,443 -j MARK"
    return sorted(
        [
            "-A INPUT -j LVSFLEET-IN",
            "-A INPUT -j LVSFLEET-IN",
            "-A LVSFLEET-IN -p vrrp -j ACCEPT",
            "-A LVSFLEET-IN -p vrrp -j ACCEPT",
            "-A PREROUTING -j LVSFLEET-MARK",
            f"{mark} --set-xmark 0x50/0xffffffff",
        ]
    )
