"""Each fault is found, and only it; where a rollout can mend it, a rollout does."""

from __future__ import annotations

import copy
import json
import shlex
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tasks.checks.catalog import CATALOG
from tests.lab.compliance import balancing
from tests.lab.compliance.faults import FAULTS, OF_NFTABLES, Fault
from tests.lab.rollout.fleet import Answer, Fleet
from tests.lab.rollout.traffic import roles, wait_for_masters

SEVERE = {"error", "warning"}
SECONDS = 120.0


def check(fleet: Fleet, *options: str, code: int | None = None) -> dict[str, Any]:
    """The routers of a compliance report, from a moment at which no VIP moved.

    On a machine that stalls, a BACKUP may be MASTER for a moment.
    """
    answer = at_rest(fleet, lambda: fleet.run("compliance", "--format", "json", *options))
    if code is not None:
        assert answer.code == code, answer
    routers: dict[str, Any] = json.loads(answer.stdout)["routers"]
    return routers


def status(fleet: Fleet, cluster: str) -> dict[str, Any]:
    """The routers of a status report, from a moment at which the first one was its MASTER."""

    def ask() -> Answer:
        wait_for_masters(fleet.lab, f"{cluster}1")
        return fleet.run("status", "--limit", cluster, "--format", "json")

    answer = at_rest(fleet, ask)
    assert answer.code == 0, answer
    return answer.routers


def at_rest(fleet: Fleet, ask: Callable[[], Answer]) -> Answer:
    """Ask again where a VIP has moved meanwhile."""
    deadline = time.monotonic() + SECONDS
    while True:
        before = roles(fleet.lab)
        answer = ask()
        now = roles(fleet.lab)
        if now == before:
            return answer
        assert time.monotonic() < deadline, now


def found(routers: dict[str, Any]) -> dict[str, set[str]]:
    """The ids of what counts, by router; routers without are left out."""
    ids = {
        name: {
            each["id"]
            for each in router["findings"]
            if each["severity"] in SEVERE and each["waiver"] is None
        }
        for name, router in routers.items()
    }
    return {name: those for name, those in ids.items() if those}


@pytest.fixture(scope="module")
def healthy(fleet_of_module: Fleet) -> Fleet:
    """Routers as new after a rollout."""
    fleet = fleet_of_module
    fleet.fresh(*(router.name for router in fleet.lab.topology.routers))
    answer = fleet.rollout()
    assert answer.code == 0, answer
    return fleet


@pytest.fixture(scope="module")
def healthy_others(others: Fleet) -> Fleet:
    """Likewise with nftables and iptables-legacy."""
    answer = others.rollout()
    assert answer.code == 0, answer
    return others


def test_a_healthy_fleet_has_no_finding_that_counts(healthy: Fleet) -> None:
    assert found(check(healthy, code=0)) == {}


def test_so_have_the_other_kinds(healthy_others: Fleet) -> None:
    assert found(check(healthy_others, code=0)) == {}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_is_found_and_only_it(healthy: Fleet, fault: Fault) -> None:
    story(healthy, fault)


@pytest.mark.parametrize("fault", OF_NFTABLES, ids=str)
def test_a_fault_with_nftables_is_found_and_only_it(healthy_others: Fleet, fault: Fault) -> None:
    story(healthy_others, fault)


def story(fleet: Fleet, fault: Fault) -> None:
    cluster = str(fleet.lab.router(fault.router).site.name)
    data = fleet.data(cluster)
    before = copy.deepcopy(data)
    if fault.begins:
        rolled_out(fleet, cluster, fault.begins)
    for router in fault.routers:
        fleet.sh(router, fault.script)
    try:
        routers = check(fleet, "--limit", cluster, code=3)
        wanted = {name: {fault.check} | fault.besides for name in (fault.router, *fault.others)}
        assert found(routers) == wanted, routers
        if fault.by_rollout:
            where = cluster if fault.says else fault.router
            rolled_out(fleet, where, fault.says)
            assert found(check(fleet, "--limit", cluster, code=0)) == {}
    finally:
        data.clear()
        data.update(before)
        if fault.undo:
            for router in fault.routers:
                fleet.sh(router, fault.undo)
            fleet.settle(fault.router)
        if fault.begins or fault.says:
            rolled_out(fleet, cluster, {})
    if fault.undo:
        assert found(check(fleet, "--limit", cluster, code=0)) == {}


def rolled_out(fleet: Fleet, where: str, says: Mapping[str, Any]) -> None:
    """Say something of a cluster in the inventory, and bring its routers there."""
    if says:
        merge(fleet.data(where), says)
    answer = fleet.rollout(where)
    assert answer.code == 0, answer


def merge(data: dict[str, Any], says: Mapping[str, Any]) -> None:
    """Put words into an inventory's data, beside what is there."""
    for key, value in says.items():
        if isinstance(value, Mapping) and isinstance(data.get(key), dict):
            merge(data[key], value)
        else:
            data[key] = copy.deepcopy(value)


def test_every_check_that_a_rollout_mends_is_mended_by_one_here() -> None:
    """The stories above and those of a router that balances go through all of them."""
    mended = {fault.check for fault in (*FAULTS, *OF_NFTABLES) if fault.by_rollout}
    mended |= {fault.check for fault in balancing.FAULTS if fault.says}
    assert mended == {info.id for info in CATALOG.values() if info.rollout}


def test_every_check_of_a_router_is_brought_about_by_hand() -> None:
    """But for what cannot be a fault of a router, or is told of elsewhere."""
    brought = {fault.check for fault in (*FAULTS, *OF_NFTABLES, *balancing.FAULTS)}
    elsewhere = {"LVS007", "LVS014", "LVS015", "LVS016", "LVS017", "LVS018", "LVS043", "LVS062"}
    elsewhere |= {"LVS070", "LVS071", "LVS072"}  # of a VIP that moves
    assert brought == CATALOG.keys() - elsewhere


def test_what_a_rollout_would_change_is_told_with_the_finding(healthy: Fleet) -> None:
    healthy.sh("lon2", "ip6tables -t mangle -F LVSFLEET-MARK")
    (finding, *_) = check(healthy, "--limit", "lon2", "--only", "LVS003")["lon2"]["findings"]
    planned = healthy.run(*shlex.split(finding["hint"])[1:], "--dry-run", "--format", "json")
    told = {(each["op"], each["rule"]) for each in planned.routers["lon2"]["changes"]}
    assert {(each["op"], each["rule"]) for each in finding["changes"]} <= told
    assert finding["hint"] == f"lvsfleet rollout --inventory {healthy.folder} --limit lon2"
    assert healthy.rollout("lon2").code == 0


def test_nothing_is_changed_by_looking(healthy: Fleet) -> None:
    before = {name: healthy.state(name) for name in ("ams1", "fra1", "lon1")}
    check(healthy, code=0)
    assert healthy.run("status").code == 0
    assert {name: healthy.state(name) for name in before} == before


def test_a_router_that_is_not_reached_is_never_compliant(healthy: Fleet) -> None:
    healthy.hosts["fra2"]["port"] = 9  # which it turns away at once
    try:
        routers = check(healthy, "--limit", "fra", code=1)
        assert {n: each["status"] for n, each in routers.items()} == {
            "fra1": "compliant",
            "fra2": "unreachable",
        }
        assert routers["fra2"]["error"]["kind"] == "unreachable"
        # Outside of the selection nothing else tells of it.
        assert found(check(healthy, "--limit", "fra1", code=3)) == {"fra1": {"LVS043"}}
    finally:
        del healthy.hosts["fra2"]["port"]


def test_a_waived_finding_does_not_count_until_its_day_is_over(healthy: Fleet) -> None:
    line = "-d 203.0.113.99 -p tcp --dport 80 -j MARK --set-mark 9"
    healthy.sh("fra2", f"iptables -t mangle -A PREROUTING {line}")
    waiver = {"id": "LVS004", "reason": "Ann's test", "until": "2999-12-31"}
    data = healthy.data("fra")
    try:
        data["waivers"] = [waiver]
        router = check(healthy, "--limit", "fra2", code=0)["fra2"]
        assert router["status"] == "compliant"
        (told,) = (each for each in router["findings"] if each["id"] == "LVS004")
        assert told["waiver"] == {"reason": "Ann's test", "until": "2999-12-31"}
        data["waivers"] = [{**waiver, "until": "2020-12-31"}]
        assert found(check(healthy, "--limit", "fra2", code=3)) == {"fra2": {"LVS004", "LVS062"}}
    finally:
        del data["waivers"]
        healthy.sh("fra2", f"iptables -t mangle -D PREROUTING {line}")


def test_status_tells_roles_holders_and_drift(healthy: Fleet) -> None:
    healthy.sh("fra2", "ip6tables -t mangle -F LVSFLEET-MARK")
    routers = status(healthy, "fra")
    assert {name: each["role"] for name, each in routers.items()} == {
        "fra1": "MASTER",
        "fra2": "BACKUP",
    }
    assert len(routers["fra1"]["holds"]) == 5
    assert routers["fra2"]["holds"] == []
    assert routers["fra1"]["drift"] == {"add": 0, "remove": 0}
    assert routers["fra2"]["drift"]["add"] > 0
    assert routers["fra1"]["services"]["web"]["mark"] == 80
    assert healthy.rollout("fra2").code == 0
