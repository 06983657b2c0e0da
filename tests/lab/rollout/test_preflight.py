"""Routers that are not ready for a change: each is refused in clear words, nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.rollout.fleet import CONTINUE, Fleet, differences
from tests.lab.rollout.rules import running

ROUTERS = ("ams2", "fra2", "lon2")
HOME = "/var/lib/lvsfleet"


@pytest.fixture
def fleet(fleet: Fleet) -> Fleet:
    fleet.fresh(*ROUTERS)
    return fleet


def refused(fleet: Fleet, *routers: str, code: int = 1) -> dict[str, tuple[str, str]]:
    """What a rollout is refused with, on routers that stay as they are."""
    before = {router: fleet.state(router) for router in routers}
    answer = fleet.rollout(*routers, options=CONTINUE)
    assert answer.code == code, answer
    assert answer.statuses == dict.fromkeys(routers, "failed"), answer
    for router in routers:
        differ = differences(before[router], fleet.state(router))
        differ.pop("snapshots", None)
        assert differ == {}, answer
    return {router: answer.error(router) for router in routers}


def test_a_packet_filter_that_does_not_run_is_not_started_unasked(fleet: Fleet) -> None:
    fleet.sh("ams2", "systemctl disable --now firewalld")
    fleet.sh("fra2", "systemctl disable --now netfilter-persistent")
    fleet.sh("lon2", "systemctl disable ip6tables")

    errors = refused(fleet, *ROUTERS)

    starts = {
        "ams2": ("start: true", "systemctl enable --now firewalld"),
        "fra2": ("systemctl enable --now netfilter-persistent",),
        "lon2": ("systemctl enable --now ip6tables",),
    }
    for router, words in starts.items():
        kind, message = errors[router]
        assert kind == "preflight"
        for word in words:
            assert word in message
    assert "is not enabled" in errors["lon2"][1]


def test_the_inventory_names_another_packet_filter_than_the_router_has(fleet: Fleet) -> None:
    fleet.data("ams")["backend"] = "iptables"
    del fleet.data("ams")["zone"]
    for site in ("fra", "lon"):
        fleet.data(site)["backend"] = "firewalld"
        fleet.data(site)["start"] = True

    errors = refused(fleet, *ROUTERS)

    assert errors["ams2"][0] == "conflict"
    assert "firewalld runs" in errors["ams2"][1]
    assert "backend: firewalld" in errors["ams2"][1]
    assert errors["fra2"][0] == "conflict"
    assert "disable --now netfilter-persistent" in errors["fra2"][1]
    assert errors["lon2"][0] == "conflict"
    assert "iptables.service runs" in errors["lon2"][1]


def test_a_zone_that_does_not_exist(fleet: Fleet) -> None:
    fleet.data("ams")["zone"] = "dmz2"

    (error,) = refused(fleet, "ams2").values()

    assert error[0] == "preflight"
    assert "no zone 'dmz2'" in error[1]
    assert "--new-zone=dmz2" in error[1]


def test_a_router_that_another_run_holds(fleet: Fleet) -> None:
    for router in ROUTERS:
        fleet.sh(router, "ln -s '20300101T000000Z-ams-1234 1893456000 ann@desk' /run/lvsfleet.lock")

    errors = refused(fleet, *ROUTERS, code=4)

    for kind, message in errors.values():
        assert kind == "locked"
        assert "ann@desk" in message
        assert "20300101T000000Z-ams-1234" in message

    for router in ROUTERS:
        fleet.sh(router, "rm /run/lvsfleet.lock")
    assert fleet.rollout(*ROUTERS).code == 0


@pytest.fixture(params=["full", "read-only"])
def no_room(request: pytest.FixtureRequest, fleet: Fleet) -> Iterator[str]:
    """No snapshot can be written to the routers' disks."""
    for router in ROUTERS:
        fleet.sh(router, f"mkdir -p {HOME} && mount -t tmpfs -o size=3m tmpfs {HOME}")
        if request.param == "full":
            fleet.sh(router, f"dd if=/dev/zero of={HOME}/zeroes bs=1M count=2 status=none")
        else:
            fleet.sh(router, f"mount -o remount,ro {HOME}")
    yield request.param
    for router in ROUTERS:
        fleet.sh(router, f"umount -l {HOME}")


def test_no_room_for_the_snapshot(fleet: Fleet, no_room: str) -> None:
    before = {router: running(fleet, router) for router in ROUTERS}

    errors = refused(fleet, *ROUTERS)

    for router, (kind, message) in errors.items():
        assert kind == "preflight"
        assert HOME in message
        assert ("KiB left" in message) == (no_room == "full")
        assert running(fleet, router) == before[router]


def test_a_kernel_that_takes_no_marks(fleet: Fleet) -> None:
    for router in ("fra2", "lon2"):
        for program in ("iptables-restore", "ip6tables-restore"):
            fleet.program(router, program, REFUSES_MARK)

    errors = refused(fleet, "fra2", "lon2")

    for kind, message in errors.values():
        assert kind == "preflight"
        assert "takes no marks" in message
        assert "No chain/target/match by that name" in message


REFUSES_MARK = """
read=$(cat)
case $read in
*'-j MARK'*) echo "iptables-restore: line 3 failed: No chain/target/match by that name." >&2
    exit 1 ;;
esac
printf '%s\\n' "$read" | "$real" "$@"
"""
