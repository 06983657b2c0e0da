"""A router's marks move to another packet filter: in one change, and no packet pays for it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lab.steady import steady
from tests.lab.rollout.fleet import CONTINUE, Fleet
from tests.lab.rollout.traffic import no_takeover

OURS = {
    "firewalld": "cat /var/lib/lvsfleet/owned; grep mark /etc/firewalld/zones/*.xml;"
    " firewall-cmd --zone=public --list-rich-rules",
    "iptables": "iptables-save; ip6tables-save;"
    " cat /etc/sysconfig/ip*tables /etc/iptables/rules.v?",
    "nftables": "nft list table inet lvsfleet;"
    " ls /etc/lvsfleet /etc/systemd/system | grep lvsfleet",
}
NEEDLE = {"firewalld": "mark", "iptables": "LVSFLEET", "nftables": "lvsfleet"}
OWN = {"ams1": "firewalld", "fra1": "iptables", "lon1": "iptables"}


def has(fleet: Fleet, router: str) -> set[str]:
    """The packet filters that have something of ours on a router, running or saved."""
    return {
        name
        for name, script in OURS.items()
        if NEEDLE[name] in fleet.sh(router, f"{{ {script}; }} 2>/dev/null", check=False)
    }


def keep_in(fleet: Fleet, backend: str | None) -> None:
    """The inventory says so; None is what each had."""
    for router, own in OWN.items():
        data = fleet.data(fleet.lab.router(router).site.name)
        data["backend"] = backend or own
        data.pop("zone", None)


@pytest.fixture
def fleet(fleet: Fleet) -> Iterator[Fleet]:
    """Routers as new, with their marks where their inventory has them."""
    fleet.lab.reset(*OWN)
    with no_takeover(fleet.lab, *OWN):
        fleet.settle(*OWN)
        for router in OWN:  # what accepts is the site's own in this story
            site = fleet.lab.router(router).site.name
            for service in fleet.services(site).values():
                service["accept"] = False
            fleet.data(site)["vrrp"] = {"accept": False}
        answer = fleet.rollout(*OWN)
        assert answer.code == 0, answer
        yield fleet


def test_there_and_back(fleet: Fleet) -> None:
    for backend in ("nftables", None):
        keep_in(fleet, backend)
        with steady(fleet.lab, OWN) as seen:
            answer = fleet.rollout(*OWN)
            assert answer.statuses == dict.fromkeys(OWN, "changed"), answer
        assert all(each.pays_nothing(80) for each in seen.values()), seen
        for router, own in OWN.items():
            assert has(fleet, router) == {backend or own}
        assert fleet.rollout(*OWN).statuses == dict.fromkeys(OWN, "unchanged")
        fleet.reboot(*OWN)
        for router, own in OWN.items():
            assert has(fleet, router) == {backend or own}
        assert fleet.rollout(*OWN).statuses == dict.fromkeys(OWN, "unchanged")


def test_a_rollback_brings_it_back(fleet: Fleet) -> None:
    before = {router: fleet.state(router) for router in OWN}
    keep_in(fleet, "nftables")
    answer = fleet.rollout(*OWN)
    assert answer.code == 0, answer
    run = json.loads(answer.stdout)["run"]
    answer = fleet.run("rollback", run, "--now", "--format", "json")
    assert answer.statuses == dict.fromkeys(OWN, "changed"), answer
    for router, own in OWN.items():
        assert has(fleet, router) == {own}
        for part in ("iptables", "ip6tables"):
            assert fleet.state(router)[part] == before[router][part]


def test_what_cannot_be_saved_is_taken_back_in_both(fleet: Fleet) -> None:
    before = {router: fleet.state(router) for router in OWN}
    keep_in(fleet, "nftables")
    for router in OWN:
        fleet.sh(router, "touch /etc/lvsfleet")  # where its folder is to be
    with steady(fleet.lab, OWN) as seen:
        answer = fleet.rollout(*OWN, options=CONTINUE)
    assert answer.statuses == dict.fromkeys(OWN, "reverted"), answer
    assert all(each.pays_nothing(80) for each in seen.values()), seen
    fleet.reboot(*OWN)
    for router, own in OWN.items():
        fleet.sh(router, "rm /etc/lvsfleet")
        assert has(fleet, router) == {own}
        for part in ("iptables", "ip6tables"):
            assert fleet.state(router)[part] == before[router][part]
