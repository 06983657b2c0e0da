"""A fleet is changed in waves by the roles of the moment, and stops where they are not right."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from lab.status import Role
from tests.lab.fleet.runs import ALL, QUICKLY, Going, Runs, contents, untouched
from tests.lab.rollout.fleet import AT_ONCE, Fleet, differences
from tests.lab.rollout.traffic import roles

WAVES = [{"ams2"}, {"fra2", "lon2"}, {"ams1", "fra1", "lon1"}]
FAILS = "exit 13"
HELD_UP = """\
[ -e /run/tried ] || { true >/run/tried; exec "$real" "$@"; }
true >/run/held-up
while [ -e /run/held-up ]; do sleep 0.1; done
exec "$real" "$@"
"""
"""What makes the change waits until it may go on; before it lvsfleet tries whether it can."""


@contextmanager
def vrrp_blocked(fleet: Fleet, *routers: str) -> Iterator[None]:
    """The routers do not hear each other, so that each takes itself for the MASTER."""
    for router in routers:
        fleet.sh(
            router,
            "nft add table inet deaf &&"
            " nft add chain inet deaf in '{ type filter hook input priority -300; }' &&"
            " nft add rule inet deaf in meta l4proto 112 drop",
        )
    try:
        end = time.monotonic() + 60
        while any(roles(fleet.lab)[router] is not Role.MASTER for router in routers):
            assert time.monotonic() < end
            time.sleep(0.1)
        yield
    finally:
        for router in routers:
            fleet.sh(router, "nft delete table inet deaf")
        fleet.settle(*routers)


def test_a_canary_then_the_backups_then_the_masters(fleet: Fleet, runs: Runs) -> None:
    fleet.fresh(*ALL)
    before = {router: fleet.state(router) for router in ALL}
    masters = roles(fleet.lab)

    planned = fleet.run("rollout", "--dry-run")
    assert planned.code == 3
    for line in ("  1  ams2, the canary", "  2  fra2, lon2", "  3  ams1, fra1, lon1"):
        assert line in planned.stdout.splitlines(), planned.stdout
    assert untouched(before, fleet)

    answer = fleet.rollout(options=QUICKLY)

    assert answer.code == 0, answer
    assert answer.statuses == dict.fromkeys(ALL, "changed")
    run = runs.of(answer)
    assert runs.waves(run) == WAVES
    spans = {router: runs.span(run, router) for router in ALL}
    for first, then in pairwise(WAVES):
        assert max(spans[router][1] for router in first) < min(spans[r][0] for r in then)
    assert roles(fleet.lab) == masters
    assert fleet.rollout(options=()).statuses == dict.fromkeys(ALL, "unchanged")


def test_the_roles_are_those_of_the_moment_and_a_batch_is_a_limit(fleet: Fleet, runs: Runs) -> None:
    fleet.fresh(*ALL)
    fleet.sh("fra1", "systemctl stop keepalived")
    fleet.settle("fra1")
    try:
        answer = fleet.rollout(options=(*QUICKLY, "--batch", "1"))
    finally:
        fleet.sh("fra1", "systemctl start keepalived")
        fleet.settle("fra1")

    assert answer.code == 0, answer
    order = [{"ams2"}, {"fra1"}, {"lon2"}, {"ams1"}, {"fra2"}, {"lon1"}]
    assert runs.waves(runs.of(answer)) == order


def test_when_the_canary_fails_nobody_else_is_touched_and_it_can_be_resumed(
    fleet: Fleet, runs: Runs
) -> None:
    fleet.fresh(*ALL)
    fleet.program("ams2", "busctl", f'case "$*" in *addRichRule*) {FAILS} ;; esac\nexec $real "$@"')
    others = [router for router in ALL if router != "ams2"]
    before = {router: fleet.state(router) for router in others}

    answer = fleet.rollout(options=QUICKLY)

    assert answer.code == 1, answer
    assert answer.statuses == {**dict.fromkeys(others, "skipped"), "ams2": "reverted"}
    assert untouched(before, fleet)
    run = runs.of(answer)
    assert run.stopped == "the canary ams2 failed"

    fleet.sh("ams2", "rm /usr/local/sbin/busctl")
    resumed = fleet.run("resume", run.id, "--format", "json")
    assert resumed.code == 0, resumed
    assert resumed.statuses == dict.fromkeys(ALL, "changed")
    assert runs.of(resumed).command == "resume"
    assert runs.of(resumed).options["settle"] == 2
    again = fleet.run("resume", runs.of(resumed).id)
    assert (again.code, "Nothing is left to do" in again.stdout) == (0, True)


def test_one_router_of_six_is_down_and_holds_back_only_its_cluster(
    fleet: Fleet, runs: Runs
) -> None:
    fleet.fresh(*ALL)
    before = {"fra1": fleet.state("fra1")}
    others = [router for router in ALL if not router.startswith("fra")]
    with fleet.down("fra2"):
        answer = fleet.rollout(options=QUICKLY)

        assert answer.code == 1, answer
        held = {"fra1": "skipped", "fra2": "failed"}
        assert answer.statuses == {**dict.fromkeys(others, "changed"), **held}
        assert answer.error("fra2")[0] == "unreachable"
        assert answer.error("fra1")[0] == "cluster"
        assert untouched(before, fleet)
        alone = fleet.rollout("fra1", options=QUICKLY)
        assert (alone.code, alone.statuses) == (1, {"fra1": "skipped"}), alone
        assert "fra2 could not be asked" in alone.error("fra1")[1]
        assert untouched(before, fleet)

        said_so = fleet.rollout("fra1", options=(*QUICKLY, "--on-failure", "continue"))
        assert (said_so.code, said_so.statuses) == (0, {"fra1": "changed"}), said_so

    resumed = fleet.run("resume", runs.of(answer).id, "--format", "json")
    assert resumed.code == 0, resumed
    assert resumed.statuses == {"fra1": "unchanged", "fra2": "changed"}


def test_a_cluster_with_two_masters_is_left_alone_while_others_go_on(fleet: Fleet) -> None:
    fleet.fresh(*ALL)
    with vrrp_blocked(fleet, "lon1", "lon2"):
        before = {router: fleet.state(router) for router in ("lon1", "lon2")}
        answer = fleet.rollout(options=QUICKLY)

        assert answer.code == 1, answer
        done = dict.fromkeys(("ams1", "ams2", "fra1", "fra2"), "changed")
        assert answer.statuses == {**done, "lon1": "failed", "lon2": "failed"}, answer
        for router in ("lon1", "lon2"):
            kind, message = answer.error(router)
            assert kind == "cluster"
            assert "lon1 and lon2 are both MASTER" in message
        assert untouched(before, fleet)


def test_at_once_mends_a_cluster_that_the_packet_filter_has_split(fleet: Fleet) -> None:
    pair = ("ams1", "ams2")
    fleet.fresh(*pair)
    for router in pair:
        fleet.sh(
            router,
            "firewall-cmd --permanent --list-rich-rules | grep vrrp | while read -r rule; do"
            ' firewall-cmd --permanent --remove-rich-rule="$rule"; done; firewall-cmd --reload',
        )
    end = time.monotonic() + 60
    while [roles(fleet.lab)[router] for router in pair] != [Role.MASTER] * 2:
        assert time.monotonic() < end, fleet.sh("ams1", "firewall-cmd --list-all")
        time.sleep(0.1)

    refused = fleet.rollout(*pair, options=QUICKLY)
    assert refused.code == 1, refused
    assert {refused.error(router)[0] for router in pair} == {"cluster"}

    answer = fleet.rollout(*pair, options=AT_ONCE)
    assert answer.code == 0, answer
    fleet.settle(*pair)
    assert [roles(fleet.lab)[router] for router in pair] == [Role.MASTER, Role.BACKUP]


@pytest.mark.parametrize("late", [False, True], ids=["while-pausing", "in-the-wave"])
def test_a_vip_that_moves_stops_the_run(fleet: Fleet, runs: Runs, late: bool) -> None:
    """keepalived stops on a MASTER: between two waves, or on a router that is just changed."""
    fleet.fresh(*ALL)
    if late:
        fleet.program("fra1", "iptables-restore", 'systemctl stop keepalived\nexec "$real" "$@"')
        answer = fleet.rollout(options=QUICKLY)
    else:
        with Going(fleet, "rollout", "--format", "json", *QUICKLY, "--pause", "15") as going:
            going.wait_for("Pausing")
            fleet.sh("fra1", "systemctl stop keepalived")
            answer = going.end()
    run = runs.of(answer)
    moved = fleet.state("fra1")
    fleet.sh("fra1", "rm -f /usr/local/sbin/iptables-restore; systemctl start keepalived")
    fleet.settle("fra1")

    assert answer.code == 1, answer
    assert "198.51.100" in run.stopped
    assert "is held by" in run.stopped
    if late:
        assert answer.statuses["fra1"] == "reverted"
        assert "keepalived stopped" in answer.error("fra1")[1]
        assert "LVSFLEET" not in moved["iptables"]
    else:
        others = [router for router in ALL if router != "ams2"]
        assert answer.statuses == {**dict.fromkeys(others, "skipped"), "ams2": "changed"}


def test_what_was_changed_is_put_back_when_one_fails(fleet: Fleet, runs: Runs) -> None:
    fleet.fresh(*ALL)
    before = {router: contents(fleet, router) for router in ALL}
    fleet.program(
        "lon1", "iptables-restore", f'case "$*" in *--test*) {FAILS} ;; esac\nexec $real "$@"'
    )

    answer = fleet.rollout(options=(*QUICKLY, "--on-failure", "rollback"))

    fleet.sh("lon1", "rm /usr/local/sbin/iptables-restore")
    assert answer.code == 1, answer
    assert answer.statuses == dict.fromkeys(ALL, "reverted")
    for router in ALL:
        assert differences(before[router], contents(fleet, router)) == {}, router
    first, second = (runs.read(name) for name in runs.names())
    assert first.id == runs.of(answer).id
    assert first.stopped == f"lon1 failed; run {second.id} put back what had been changed"
    assert (second.command, second.options["of"]) == ("rollback", first.id)
    began = {router: runs.span(second, router) for router in second.routers}
    order = sorted(began, key=lambda router: began[router][0])
    assert order == ["fra1", "ams1", "lon2", "fra2", "ams2"]
    for one, other in pairwise(order):
        assert began[one][1] < began[other][0]


def test_asked_to_stop_between_waves_and_resumed(fleet: Fleet, runs: Runs) -> None:
    fleet.fresh(*ALL)
    with Going(fleet, "rollout", *QUICKLY, "--pause", "60") as going:
        going.wait_for("Pausing")
        going.process.send_signal(signal.SIGINT)
        answer = going.end()
    assert answer.code == 130
    (name,) = runs.names()
    assert f"Interrupted: `lvsfleet resume {name}` goes on" in answer.stdout
    assert "6 routers: 1 changed, 5 skipped" in answer.stdout

    # The inventory says something else by now: that was not planned, so nobody has seen it.
    fleet.services("fra")["web"]["ports"].append("8080/tcp")
    resumed = fleet.run("resume", name, "--format", "json", "--pause", "0", "--limit", "fra,ams")
    assert resumed.code == 1, resumed
    assert resumed.statuses == {"ams1": "changed", "fra1": "failed", "fra2": "failed"}
    kind, message = resumed.error("fra1")
    assert kind == "changed-since"
    assert "8080" in message

    last = runs.names()[-1]
    forced = fleet.run("resume", last, "--format", "json", "--force")
    assert forced.code == 0, forced
    assert forced.statuses == {"fra1": "changed", "fra2": "changed"}
    assert fleet.rollout(options=()).statuses == {
        **dict.fromkeys(ALL, "unchanged"),
        "lon1": "changed",
        "lon2": "changed",
    }


def test_killed_and_resumed(fleet: Fleet, runs: Runs) -> None:
    fleet.fresh(*ALL)
    wave = ("fra2", "lon2")
    for router in wave:
        fleet.program(router, "iptables-restore", HELD_UP)
    with Going(fleet, "rollout", *QUICKLY) as going:
        for router in wave:
            while not fleet.sh(router, "ls /run/held-up", check=False):
                assert going.process.poll() is None, going.end()
                time.sleep(0.1)
        going.process.kill()
        assert going.end().code == -signal.SIGKILL
    (name,) = runs.names()
    assert {each.name for each in runs.read(name).open} == set(wave)
    end = time.monotonic() + 120
    for router in wave:
        fleet.sh(router, "rm /usr/local/sbin/iptables-restore /run/held-up")
        # What the router's timer starts, without waiting for it.
        fleet.sh(router, f"systemctl start lvsfleet-{name}.service")
        while fleet.sh(router, "ls /run/lvsfleet.lock", check=False):
            assert time.monotonic() < end, router
            time.sleep(0.2)

    resumed = fleet.run("resume", name, "--format", "json")

    assert resumed.code == 0, resumed
    assert "ams2" not in resumed.statuses
    assert set(resumed.statuses.values()) <= {"changed", "unchanged"}
    assert fleet.rollout(options=()).statuses == dict.fromkeys(ALL, "unchanged")
