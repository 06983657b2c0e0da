"""Checks of a whole cluster, of waivers, of the registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from ipaddress import ip_address

import pytest

from inventory.desired import Desired
from inventory.rules import Address
from inventory.waiver import Waiver
from tasks.checks.catalog import CATALOG
from tasks.checks.catalog.keepalived import LVS038
from tasks.checks.cluster import Cluster, check
from tasks.checks.info import CheckInfo
from tasks.checks.ours import stale_lock
from tasks.checks.subject import Subject
from tasks.checks.waivers import waive
from tasks.inspection import Inspection
from tasks.keepalived.config import (
    Config,
    Fwmark,
    RealServer,
    VirtualAddress,
    VirtualServer,
    VrrpInstance,
)
from tasks.keepalived.lines import Place
from tasks.observe import Observed, parse_units
from tasks.sections import Section
from tests.unit.tasks.test_checks import service

VIP, OTHER = ip_address("198.51.100.10"), ip_address("198.51.100.11")
PLACE = Place("keepalived.conf", 1)
WEB = service("web", {"vips": ["198.51.100.10"], "ports": ["80/tcp"], "mark": 80})


def config(*vips: Address, server: str = "10.0.0.1") -> Config:
    addresses = tuple(VirtualAddress(vip, 24, None, None, False, PLACE) for vip in vips)
    instance = VrrpInstance("fra", "eth1", "BACKUP", 51, False, addresses, PLACE)
    balanced = VirtualServer(
        (Fwmark(80),),
        None,
        "rr",
        "DR",
        "",
        None,
        (RealServer(ip_address(server), None, PLACE),),
        "",
        PLACE,
    )
    return Config((instance,), (balanced,))


def member(name: str, *held: Address, told: Config | None = None) -> Subject:
    observed = Observed(parse_units(""), frozenset(held), (), None, {})
    desired = Desired(name, cluster="fra", services=(WEB,))
    return Subject(desired, Inspection(observed, told or config(VIP)))


def cluster(*members: Subject, silent: tuple[str, ...] = ()) -> Cluster:
    by_name = {each.desired.router: each for each in members}
    return Cluster("fra", by_name, silent, frozenset(by_name))


def found(of: Cluster) -> list[tuple[str, str]]:
    return [(router, finding.id) for router, finding in check(of)]


def test_one_master() -> None:
    assert found(cluster(member("fra1", VIP), member("fra2"))) == []


def test_two_masters_are_told_of_on_both() -> None:
    both = cluster(member("fra1", VIP), member("fra2", VIP), member("fra3"))
    assert found(both) == [("fra1", "LVS040"), ("fra2", "LVS040")]


def test_no_master() -> None:
    assert found(cluster(member("fra1"), member("fra2"))) == [
        ("fra1", "LVS040"),
        ("fra2", "LVS040"),
    ]


def test_whoever_was_not_asked_may_be_the_master() -> None:
    assert found(cluster(member("fra1"), silent=("fra2",))) == [("fra1", "LVS043")]
    selected = replace(
        cluster(member("fra1"), silent=("fra2",)), selected=frozenset({"fra1", "fra2"})
    )
    assert found(selected) == []


def test_a_vip_that_nobody_knows_is_another_check() -> None:
    nobody = cluster(member("fra1", told=config(OTHER)), member("fra2", told=config(OTHER)))
    assert found(nobody) == []


@pytest.mark.parametrize("told", [config(VIP, OTHER), config(VIP, server="10.0.0.2")])
def test_routers_that_differ(told: Config) -> None:
    unlike = cluster(member("fra1", VIP), member("fra2", told=told))
    assert found(unlike) == [("fra1", "LVS041"), ("fra2", "LVS041")]


def test_only_selected_routers_are_told_of() -> None:
    both = replace(cluster(member("fra1", VIP), member("fra2", VIP)), selected=frozenset({"fra2"}))
    assert found(both) == [("fra2", "LVS040")]


TODAY = date(2026, 11, 23)


def test_a_waiver_is_for_its_check_and_its_service_until_its_day() -> None:
    finding = LVS038.finding("no persistence", service="web")
    of_web = Waiver("LVS038", "stateless", TODAY, "web")
    assert waive([finding], [of_web], today=TODAY) == (replace(finding, waiver=of_web),)
    for other in (replace(of_web, id="LVS037"), replace(of_web, service="ftp")):
        assert waive([finding], [other], today=TODAY) == (finding,)
    of_all = replace(of_web, service=None)
    assert waive([finding], [of_all], today=TODAY)[0].waiver == of_all


def test_a_waiver_that_is_over_is_a_finding_and_waives_nothing() -> None:
    finding = LVS038.finding("no persistence", service="web")
    over = Waiver("LVS038", "stateless", date(2026, 11, 22), "web")
    kept, told = waive([finding], [over], today=TODAY)
    assert kept == finding
    assert told.id == "LVS062"
    assert told.counts


@pytest.mark.parametrize(
    ("age", "leftovers", "ids"),
    [(59, (), []), (61, (), ["LVS061"]), (61, ("r armed",), []), (61, ("r unseen",), ["LVS061"])],
)
def test_a_lock_is_stale_when_its_run_has_nothing_to_do(
    age: int, leftovers: tuple[str, ...], ids: list[str]
) -> None:
    now = {"now": Section(f"{1_700_000_000 + age}\n", 0)}
    lock = "r 1700000000 ann@desk"
    observed = Observed(parse_units(""), frozenset(), leftovers, lock, now)
    assert [each.id for each in stale_lock(observed)] == ids


@pytest.mark.parametrize("info", CATALOG.values(), ids=lambda info: info.id)
def test_every_check_says_what_why_and_how(info: CheckInfo) -> None:
    assert info.title
    assert not info.title.endswith(".")
    assert info.why.endswith(".")
    assert info.mend
    assert all(text.isprintable() for text in (info.title, info.why, info.mend))
