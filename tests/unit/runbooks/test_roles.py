from __future__ import annotations

import pytest

from runbooks.roles import Roles, roles_of
from tasks.standing import Instance, Standing, VrrpState
from tests.unit.runbooks.fleets import desired, standing, vip

AMS = [desired("ams1", "ams"), desired("ams2", "ams")]
VIP = "203.0.113.10"


def roles(**holding: bool | None) -> Roles:
    """Who holds the VIP; None could not be asked."""
    seen = {
        name: standing(*([VIP] if holds else ["192.0.2.1"]))
        for name, holds in holding.items()
        if holds is not None
    }
    return roles_of("ams", AMS, seen)


def test_one_master() -> None:
    found = roles(ams1=True, ams2=False)
    assert found.holders == {vip("ams"): ("ams1",)}
    assert (found.is_master("ams1"), found.is_master("ams2")) == (True, False)
    assert found.trouble == ""
    assert found.alive == {"ams1", "ams2"}


@pytest.mark.parametrize(
    ("holding", "trouble"),
    [
        ({"ams1": True, "ams2": True}, "ams1 and ams2 are both MASTER: each holds 203.0.113.10"),
        ({"ams1": False, "ams2": False}, "it has no MASTER: no router holds any of its VIPs"),
        (
            {"ams1": None, "ams2": False},
            "it has no MASTER: no router holds any of its VIPs, and ams1 could not be asked",
        ),
        ({"ams1": None, "ams2": True}, ""),
        ({"ams1": None, "ams2": None}, ""),
    ],
)
def test_what_is_wrong_is_said(holding: dict[str, bool | None], trouble: str) -> None:
    assert roles(**holding).trouble == trouble


def test_without_keepalived_there_are_no_roles() -> None:
    seen = {each.router: standing(keepalived=False) for each in AMS}
    assert roles_of("ams", AMS, seen).trouble == ""


def test_a_router_in_fault_could_not_take_over() -> None:
    fault = Instance("ams_v4", VrrpState.FAULT, 0.5)
    master = Instance("ams_v4", VrrpState.MASTER, 0.5)
    seen = {
        "ams1": Standing(frozenset({vip("ams")}), True, (master,)),
        "ams2": Standing(frozenset(), True, (fault,)),
    }
    found = roles_of("ams", AMS, seen)
    assert found.trouble == "ams2 could not take over: keepalived says FAULT"
    assert found.master_down == 2.0


def test_the_first_to_take_over_is_the_one_with_the_shortest_interval() -> None:
    """That one decides for how long two routers may list different VIPs."""
    slow = Instance("ams_v4", VrrpState.BACKUP, 3.0)
    quick = Instance("ams_v6", VrrpState.BACKUP, 0.5)
    seen = {
        "ams1": Standing(frozenset({vip("ams")}), True, (slow,)),
        "ams2": Standing(frozenset(), True, (slow, quick)),
    }
    found = roles_of("ams", AMS, seen)
    assert (found.soonest_down, found.master_down) == (2.0, 12.0)


def test_a_vip_that_is_not_configured_yet_is_no_trouble_beside_one_that_is() -> None:
    one, other = vip("ams"), vip("fra")
    assert Roles("ams", {one: ("ams1",), other: ()}, frozenset({"ams1"})).trouble == ""


@pytest.mark.parametrize(
    ("now", "moved"),
    [
        ({"ams1": True, "ams2": False}, ""),
        ({"ams1": True, "ams2": None}, ""),
        ({"ams1": False, "ams2": True}, "203.0.113.10 is held by ams2, and was by ams1"),
        ({"ams1": True, "ams2": True}, "203.0.113.10 is held by ams1 and ams2, and was by ams1"),
        ({"ams1": None, "ams2": False}, "203.0.113.10 is held by nobody, and was by ams1"),
    ],
)
def test_a_vip_that_moved(now: dict[str, bool | None], moved: str) -> None:
    assert roles(**now).moved_since(roles(ams1=True, ams2=False)) == moved
