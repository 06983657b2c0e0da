"""What comes after the first rollout: the same again, and an inventory that changes."""

from __future__ import annotations

import pytest

from tests.lab.rollout.fleet import Fleet, differences
from tests.lab.rollout.rules import running, saved, saved_path

BACKUPS = ("ams2", "fra2", "lon2")


@pytest.fixture(scope="module")
def done(fleet_of_module: Fleet) -> Fleet:
    """Three routers that have had their first rollout."""
    fleet_of_module.fresh(*BACKUPS)
    answer = fleet_of_module.rollout(*BACKUPS)
    assert answer.code == 0, answer
    return fleet_of_module


@pytest.fixture
def fleet(fleet: Fleet, done: Fleet) -> Fleet:
    """An unchanged inventory, and the routers brought to it."""
    answer = fleet.rollout(*BACKUPS)
    assert answer.code == 0, answer
    assert done.lab is fleet.lab
    return fleet


def test_a_second_rollout_touches_nothing_and_says_so(fleet: Fleet) -> None:
    before = {router: fleet.state(router) for router in BACKUPS}

    answer = fleet.rollout(*BACKUPS)

    assert answer.code == 0
    assert set(answer.statuses.values()) == {"unchanged"}
    assert all(not answer.changes(router) for router in BACKUPS)
    for router in BACKUPS:
        assert f"{router}: unchanged" in answer.stderr
        assert differences(before[router], fleet.state(router)) == {}


def test_a_dry_run_touches_nothing_and_says_what_the_rollout_then_does(fleet: Fleet) -> None:
    fleet.fresh(*BACKUPS)
    before = {router: fleet.state(router) for router in BACKUPS}

    planned = fleet.rollout(*BACKUPS, options=["--dry-run"])

    assert planned.code == 3
    assert set(planned.statuses.values()) == {"planned"}
    for router in BACKUPS:
        assert differences(before[router], fleet.state(router)) == {}
    changed = fleet.rollout(*BACKUPS)
    for router in BACKUPS:
        assert planned.changes(router)
        assert changed.changes(router) == planned.changes(router)
    again = fleet.rollout(*BACKUPS, options=["--dry-run"])
    assert again.code == 0
    assert set(again.statuses.values()) == {"unchanged"}


def test_a_service_that_goes_from_the_inventory_goes_from_the_routers(fleet: Fleet) -> None:
    sites = {router: fleet.lab.router(router).site for router in BACKUPS}
    before = {router: running(fleet, router) for router in BACKUPS}
    for site in sites.values():
        del fleet.services(site.name)["ftp"]

    answer = fleet.rollout(*BACKUPS)

    assert answer.code == 0, answer
    for router, site in sites.items():
        left = [rule for rule in before[router] if str(site.ftp) not in rule]
        assert len(left) < len(before[router])
        assert running(fleet, router) == left
        assert not [rule for rule in saved(fleet, router) if str(site.ftp) in rule]
        assert {op for op, _ in answer.changes(router)} == {"remove"}


def test_a_new_mark_and_a_new_port_replace_what_was(fleet: Fleet) -> None:
    for router in BACKUPS:
        web = fleet.services(fleet.lab.router(router).site.name)["web"]
        web.update(mark=8080, ports=["80/tcp", "443/tcp", "8443/tcp"])

    answer = fleet.rollout(*BACKUPS)

    assert answer.code == 0, answer
    for router in BACKUPS:
        web4, web6 = fleet.lab.router(router).site.web
        for rules in (running(fleet, router), saved(fleet, router)):
            marks = [rule for rule in rules if f"{web4}/32" in rule or f"{web6}/128" in rule]
            if router == "ams2":
                assert len(marks) == 6
                assert all("mark set=8080" in rule for rule in marks)
            else:
                assert len(marks) == 2
                assert all(
                    rule.endswith("--dports 80,443,8443 -j MARK --set-xmark 0x1f90/0xffffffff")
                    for rule in marks
                )


def test_null_takes_a_groups_service_from_the_routers_that_say_so(fleet: Fleet) -> None:
    web = f"{fleet.lab.router('fra2').site.web[0]}/32"
    assert any(web in rule for rule in running(fleet, "fra2"))
    for router in ("fra1", "fra2"):  # a pair has the same services, or the inventory is refused
        fleet.services(router)["web"] = None

    answer = fleet.rollout("fra2", "lon2")

    assert answer.statuses == {"fra2": "changed", "lon2": "unchanged"}, answer
    assert not any(web in rule for rule in running(fleet, "fra2"))
    assert web not in fleet.read("fra2", saved_path(fleet, "fra2"))


def test_without_any_service_the_routers_are_as_they_were_found(fleet: Fleet) -> None:
    fleet.fresh(*BACKUPS)
    found = {router: (running(fleet, router), saved(fleet, router)) for router in BACKUPS}
    assert fleet.rollout(*BACKUPS).code == 0
    for router in BACKUPS:
        data = fleet.data(fleet.lab.router(router).site.name)
        data["services"] = {}
        data["vrrp"] = {"accept": False}

    answer = fleet.rollout(*BACKUPS)

    assert answer.code == 0, answer
    for router in BACKUPS:
        assert (running(fleet, router), saved(fleet, router)) == found[router]
        assert "LVSFLEET" not in fleet.sh(router, "nft list ruleset")
