"""firewalld, and beside it the chains that Docker makes with iptables: neither knows of the other.

Each stage follows the one before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

import pytest
import yaml

from lab.packets import Flow, Probe, send
from lab.topology import Kind
from tests.lab.chaos.controller import wait_for
from tests.lab.conftest import OTHERS_NUMBER, reserved
from tests.lab.rollout.fleet import Fleet
from tests.lab.rollout.traffic import fates, marked

MASTER, BACKUP = ROUTERS = ("ams1", "ams2")
CONTAINER = ip_address("172.17.0.2")
DOCKERS = (
    "for each in iptables ip6tables; do $each-save; done | sed -e /^#/d -e 's/\\[[0-9:]*\\]$//'"
)
SAVED = (
    "cd /etc && sha256sum firewalld/zones/docker.xml firewalld/policies/docker-forwarding.xml"
    " firewalld/firewalld.conf; grep -rl DOCKER . || echo nothing of it is saved"
)
LOADED = "firewall-cmd --zone=docker --list-all; firewall-cmd --policy=docker-forwarding --list-all"


def theirs(fleet: Fleet) -> Mapping[str, str]:
    """All that is Docker's, running and saved, on each router."""
    return {
        f"{router} {script}": fleet.sh(router, script)
        for router in ROUTERS
        for script in (DOCKERS, SAVED, LOADED)
    }


def is_served(fleet: Fleet) -> None:
    """Services are marked and let in as on any router, and Docker's port goes to its container."""
    site = fleet.site(Kind.FIREWALLD_DOCKER)
    assert fates(fleet.lab, MASTER, marked(site)) == marked(site)
    with Probe(fleet.lab, MASTER) as probe:
        send(fleet.lab, site.name, site.web[0], 8088)
        wait_for(lambda: Flow(0, CONTAINER, "tcp", 80) in probe.read().marked, 20)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with reserved(OTHERS_NUMBER) as lab:
        lab.up(2, kinds=[Kind.FIREWALLD_DOCKER])
        fleet = Fleet(lab, tmp_path_factory.mktemp("docker") / "inventory").patient()
        fleet.data("ams")["backend"] = "auto"
        fleet.settle(*ROUTERS)
        yield fleet


@pytest.fixture(scope="module")
def before(fleet: Fleet) -> Mapping[str, str]:
    return theirs(fleet)


@pytest.fixture(scope="module")
def changed(fleet: Fleet, before: Mapping[str, str]) -> Fleet:
    assert all("DOCKER-USER" in text for what, text in before.items() if DOCKERS in what)
    answer = fleet.rollout()
    assert answer.code == 0, answer
    assert set(answer.statuses.values()) == {"changed"}
    for router in answer.routers.values():
        (why,) = [each["message"] for each in router["findings"]]
        assert "auto is firewalld: firewalld.service runs" in why
    return fleet


def test_a_rollout_leaves_them_as_they_are(changed: Fleet, before: Mapping[str, str]) -> None:
    assert theirs(changed) == before
    is_served(changed)


def test_nothing_is_wrong_on_such_a_router(changed: Fleet) -> None:
    answer = changed.run("compliance", "--format", "json")
    routers = json.loads(answer.stdout)["routers"]
    grave = {each["id"] for one in routers.values() for each in one["findings"]
             if each["severity"] in {"error", "warning"}}  # fmt: skip
    assert (answer.code, grave) == (0, set()), routers


def test_nobody_takes_them_for_marks(changed: Fleet, before: Mapping[str, str]) -> None:
    folder = changed.folder.parent / "site"
    answer = changed.run("adopt", "--output", str(folder))
    assert answer.code == 0, answer
    assert "DOCKER" not in answer.stdout
    written = yaml.safe_load((folder / "groups.yaml").read_text())["ams"]["data"]["services"]
    assert sorted(each["mark"] for each in written.values()) == [21, 53, 80]
    for foreign, option in (("refuse", ()), ("remove", ()), ("keep", ("--adopt",))):
        changed.data("ams")["foreign"] = foreign
        again = changed.rollout(options=("--now", *option))
        assert set(again.statuses.values()) == {"unchanged"}, again
    assert theirs(changed) == before


def test_a_policy_stands_beside_dockers(changed: Fleet, before: Mapping[str, str]) -> None:
    data = changed.data("ams")
    zone = data.pop("zone")
    data["policy"] = "lvsfleet"
    answer = changed.rollout()
    assert set(answer.statuses.values()) == {"changed"}, answer
    assert theirs(changed) == before
    is_served(changed)
    del data["policy"]
    data["zone"] = zone
    assert set(changed.rollout().statuses.values()) == {"changed"}
    assert theirs(changed) == before


def test_all_is_so_again_after_a_reboot(changed: Fleet, before: Mapping[str, str]) -> None:
    changed.reboot(*ROUTERS)
    assert theirs(changed) == before
    assert set(changed.rollout().statuses.values()) == {"unchanged"}
    is_served(changed)


def test_what_is_taken_away_is_not_theirs(changed: Fleet, before: Mapping[str, str]) -> None:
    changed.data("ams").update(services={}, vrrp={"accept": False})
    assert set(changed.rollout().statuses.values()) == {"changed"}
    assert theirs(changed) == before
