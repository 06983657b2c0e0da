"""nftables and iptables-legacy: packets before a rollout, after it, after a boot, after a flush.

Each stage follows the one before it.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from lab.topology import Kind
from tests.lab.rollout.fleet import Fleet, wait_for_firewalld
from tests.lab.rollout.traffic import Fate, Packet, fates, marked, unmarked, wait_for_masters

KINDS = (Kind.NFTABLES, Kind.IPTABLES_LEGACY)
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
FIRST = {Kind.NFTABLES: "ams1", Kind.IPTABLES_LEGACY: "fra1"}
SECOND = {Kind.NFTABLES: "ams2", Kind.IPTABLES_LEGACY: "fra2"}
CLOSED = {54, 81, 111, 2049, 9999}
"""What the site's own table turns away on a router with nftables; all else it lets in."""

Seen = Mapping[Kind, Mapping[Packet, Fate]]


def expected(fleet: Fleet, kind: Kind, *, rolled_out: bool) -> dict[str, Fate]:
    site = fleet.site(kind)
    wanted = marked(site) if rolled_out else unmarked(site)
    wanted |= {
        Packet(vip, 2905, "sctp"): Fate(29 if rolled_out else 0, rolled_out) for vip in site.web
    }
    if kind is Kind.NFTABLES:
        wanted = {packet: Fate(f.mark, packet.port not in CLOSED) for packet, f in wanted.items()}
    return {str(packet): fate for packet, fate in wanted.items()}


def seen_by(fleet: Fleet, routers: Mapping[Kind, str]) -> Seen:
    found = {}
    for kind, router in routers.items():
        site = fleet.site(kind)
        packets = [*marked(site), *(Packet(vip, 2905, "sctp") for vip in site.web)]
        found[kind] = fates(fleet.lab, router, packets)
    return found


def readable(found: Mapping[Packet, Fate]) -> dict[str, Fate]:
    return {str(packet): fate for packet, fate in found.items()}


@pytest.fixture(scope="module")
def fleet(others: Fleet) -> Fleet:
    for kind in KINDS:
        vips = [str(vip) for vip in others.site(kind).web]
        service = {"vips": vips, "ports": ["2905/sctp"], "mark": 29, "accept": True}
        others.services(others.site(kind).name)["signalling"] = service
    return others


@pytest.fixture(scope="module")
def before(fleet: Fleet) -> Seen:
    return seen_by(fleet, FIRST)


@pytest.fixture(scope="module")
def after(fleet: Fleet, before: Seen) -> Seen:
    assert before
    answer = fleet.rollout()
    assert answer.code == 0, answer
    assert set(answer.statuses.values()) == {"changed"}
    again = fleet.rollout()
    assert set(again.statuses.values()) == {"unchanged"}
    return seen_by(fleet, FIRST)


@pytest.fixture(scope="module")
def after_reboot(fleet: Fleet, after: Seen) -> Seen:
    assert after
    fleet.reboot(*FIRST.values(), *SECOND.values())
    assert set(fleet.rollout().statuses.values()) == {"unchanged"}
    return seen_by(fleet, FIRST)


@pytest.fixture(scope="module")
def after_takeover(fleet: Fleet, after_reboot: Seen) -> Seen:
    assert after_reboot
    for router in FIRST.values():
        fleet.sh(router, "systemctl stop keepalived")
    wait_for_masters(fleet.lab, *SECOND.values())
    return seen_by(fleet, SECOND)


@EVERY_KIND
def test_nothing_is_marked_before_the_rollout(fleet: Fleet, kind: Kind, before: Seen) -> None:
    assert readable(before[kind]) == expected(fleet, kind, rolled_out=False)


@EVERY_KIND
def test_every_service_is_marked_and_nothing_else(fleet: Fleet, kind: Kind, after: Seen) -> None:
    assert readable(after[kind]) == expected(fleet, kind, rolled_out=True)


@EVERY_KIND
def test_the_marks_come_back_by_themselves_after_a_reboot(
    fleet: Fleet, kind: Kind, after_reboot: Seen
) -> None:
    assert readable(after_reboot[kind]) == expected(fleet, kind, rolled_out=True)


@EVERY_KIND
def test_the_other_router_marks_when_it_takes_the_vips_over(
    fleet: Fleet, kind: Kind, after_takeover: Seen
) -> None:
    assert readable(after_takeover[kind]) == expected(fleet, kind, rolled_out=True)


def test_only_the_variant_that_the_service_uses_is_changed(
    fleet: Fleet, after_takeover: Seen
) -> None:
    assert after_takeover
    assert "LVSFLEET-MARK" in fleet.sh("fra1", "iptables-legacy-save")
    assert "LVSFLEET" not in fleet.sh("fra1", "iptables-nft-save; nft list ruleset")


def test_rules_in_the_other_variant_are_told(fleet: Fleet, after_takeover: Seen) -> None:
    assert after_takeover
    fleet.sh("fra1", "iptables-nft -A INPUT -s 203.0.113.66 -j DROP")
    fleet.sh("ams1", "iptables-legacy -t mangle -A PREROUTING -s 203.0.113.66 -j MARK --set-mark 6")
    routers = fleet.rollout("fra1", "ams1").routers
    for router, words in (
        ("fra1", "iptables-nft has rules"),
        ("ams1", "iptables-legacy has rules"),
    ):
        assert routers[router]["status"] == "unchanged"
        (finding,) = [each for each in routers[router]["findings"] if each["id"] == "LVS013"]
        assert words in finding["message"]
    fleet.sh("fra1", "iptables-nft -F INPUT")
    fleet.sh("ams1", "iptables-legacy -t mangle -F")


FLUSHES = (
    "systemctl restart nftables",
    "systemctl reload nftables",
    "systemctl stop nftables",
    "systemctl start nftables",
    "systemctl daemon-reload",
    "systemctl restart lvsfleet-nftables",
    "systemctl reload lvsfleet-nftables",
    "systemctl stop lvsfleet-nftables",
    "systemctl start lvsfleet-nftables",
    "systemctl start firewalld",  # which stops nftables.service, and that flushes all
    "firewall-cmd --reload",
    "systemctl stop firewalld",
    "systemctl start nftables",
)

UNTIL_IT_HAS_DONE = 'while [ "$(systemctl list-jobs --no-legend)" ]; do sleep 0.05; done'
"""What starts one service and thereby stops another waits for the first alone."""


def test_whatever_flushes_all_tables_ours_is_there_when_it_has_done(
    fleet: Fleet, after_takeover: Seen
) -> None:
    assert after_takeover
    table = fleet.sh("ams1", "nft list table inet lvsfleet")
    for command in FLUSHES:
        fleet.sh("ams1", f"{command}; {UNTIL_IT_HAS_DONE}")
        assert fleet.sh("ams1", "nft list table inet lvsfleet", check=False) == table, command
    assert fleet.rollout("ams1").statuses == {"ams1": "unchanged"}


def test_a_boot_with_firewalld_beside(fleet: Fleet, after_takeover: Seen) -> None:
    assert after_takeover
    table = fleet.sh("ams1", "nft list table inet lvsfleet")
    fleet.sh("ams1", "systemctl disable nftables; systemctl enable firewalld")
    fleet.lab.reboot("ams1")
    assert fleet.sh("ams1", "systemctl is-active firewalld").strip() == "active"
    wait_for_firewalld(fleet.lab, "ams1")
    assert fleet.sh("ams1", "nft list table inet lvsfleet") == table
    kind, said = fleet.rollout("ams1").error("ams1")
    assert "firewalld's zone public (reject with icmpx admin-prohibited) turns away" in said
    fleet.sh("ams1", "firewall-cmd --add-protocol=vrrp")
    for service in fleet.services("ams").values():
        service["accept"] = False
    assert fleet.rollout("ams1").code == 0, kind
