"""What goes wrong in the middle of a move: it ends with all as it was, on both routers and in the
inventory, and with one MASTER at every moment.

Three clusters have a fault each at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from lab.topology import Kind
from tests.lab.chaos import lines
from tests.lab.chaos.controller import Controller, wait_for
from tests.lab.chaos.world import each
from tests.lab.rollout.fleet import Answer
from tests.lab.vip.cluster import CONF, SECONDS, Cluster
from tests.lab.vip.watch import watched

Fault = Callable[[Cluster], None]

SOON = ("--confirm-timeout", "30")
"""Routers left alone are back in 30 s; a busy machine may need half of it to come to the point."""


def move(cluster: Cluster, *options: str, **more: object) -> Controller:
    """The web's VIP moves, or was to."""
    old, new = (str(vip) for vip in (cluster.site.web[0], cluster.site.at(20)[0]))
    return cluster.vip("move", "web", old, new, *options, **more)  # type: ignore[arg-type]


@contextmanager
def ends_as_before(cluster: Cluster) -> Iterator[None]:
    """Whatever the block does, in the end all is as it was, and meanwhile there was one MASTER."""
    before = cluster.state()
    vips = (cluster.site.web[0], cluster.site.at(20)[0])
    with watched(cluster.fleet.lab, cluster.site, vips) as seen:
        yield
        cluster.calm()
    cluster.is_as(before)
    for version in (4, 6):
        assert seen.masters(version).keys() == {1}, (cluster.site.name, seen.masters(version))
    for vip in (cluster.site.ftp, *cluster.site.dns):
        assert seen.holders(vip).keys() == {1}
        assert seen.lost(vip) == 0
    assert seen.unmarked().keys().isdisjoint(map(str, vips))


def killed(first: str, second: str) -> Fault:
    """The controller is killed when each of the routers is at its point."""

    def fault(cluster: Cluster) -> None:
        points = dict(zip(cluster.routers, (first, second), strict=True))
        answer = move(cluster, points=points, action="kill").answer()
        assert answer.code == -9, answer

    return fault


def left_to_their_timers(cluster: Cluster) -> None:
    """Nobody reaches them any more when all is there and nothing is confirmed."""
    lab, routers = cluster.fleet.lab, cluster.routers
    run = move(cluster, points=dict.fromkeys(routers, "before commit"))
    run.there()
    old, new = str(cluster.site.web[0]), str(cluster.site.at(20)[0])
    assert any(new in cluster.held(name) for name in routers)
    lines.cut(lab, *routers)
    try:
        run.kill()
        assert cluster.timers_fire() == list(routers)
        wait_for(lambda: any(old in cluster.held(name) for name in routers), SECONDS)
        wait_for(lambda: not cluster.at_work(), SECONDS)
    finally:
        lines.mend(lab, *routers)


def keepalived_refuses(cluster: Cluster) -> None:
    """The BACKUP is the first that does anything, and it is the last then."""
    (other, router), new = cluster.routers, cluster.site.at(20)[0]
    test = f"*--config-test*) if grep -q {new}/ {CONF}; then echo '(Line 27) no'; exit 5; fi ;;"
    with program(cluster, router, "keepalived", f'case "$*" in {test} esac'):
        answer = move(cluster).answer()
    assert answer.code == 1, answer
    assert "(Line 27) no" in answer.error(router)[1]
    assert answer.statuses == {router: "reverted", other: "skipped"}, answer


def one_is_unreachable(cluster: Cluster) -> None:
    lab, router = cluster.fleet.lab, cluster.routers[1]
    lines.cut(lab, router)
    try:
        answer = move(cluster, "--now").answer()
    finally:
        lines.mend(lab, router)
    assert answer.code == 1, answer
    assert answer.statuses[router] == "failed"
    assert answer.statuses[cluster.routers[0]] == "skipped"


def cut_off_between_stages(cluster: Cluster) -> None:
    """The MASTER cannot be told; the other one waits for it with what it takes back."""
    lab, (router, other) = cluster.fleet.lab, cluster.routers
    run = move(cluster, "--now", *SOON, points={router: "after follow"})
    run.there()
    lines.cut(lab, router)
    lines.end_sshd(lab, router)
    run.go()
    try:
        new = str(cluster.site.at(20)[0])
        wait_for(lambda: new not in cluster.held(router), SECONDS)
    finally:
        lines.mend(lab, router)
    answer = run.answer()
    assert answer.code == 1, answer
    assert answer.statuses == {router: "reverted", other: "reverted"}, answer


def reload_hangs(cluster: Cluster) -> None:
    """The other router must not stay alone with what it lists."""
    answer = reload_does(cluster, "exec sleep 60")
    assert answer.code == 1, answer
    assert set(answer.statuses.values()) <= {"reverted"}, answer


def reload_fails(cluster: Cluster) -> None:
    answer = reload_does(cluster, "echo 'Job for keepalived failed.'; exit 1")
    assert answer.code == 1, answer
    assert set(answer.statuses.values()) == {"reverted"}, answer
    assert "Job for keepalived failed" in answer.error(cluster.routers[1])[1]


def reload_does(cluster: Cluster, instead: str) -> Answer:
    """Once, on the BACKUP."""
    router = cluster.routers[1]
    once = f"'reload keepalived') if rmdir /run/once 2>/dev/null; then {instead}; fi ;;"
    cluster.fleet.sh(router, "mkdir -p /run/once")
    with program(cluster, router, "systemctl", f'case "$*" in {once} esac'):
        answer = move(cluster).answer()
    assert "once" not in cluster.fleet.sh(router, "ls /run")
    return answer


@contextmanager
def program(cluster: Cluster, router: str, name: str, script: str) -> Iterator[None]:
    """Put lines before a program of the router's."""
    cluster.fleet.program(router, name, f'{script}\nexec "$real" "$@"')
    try:
        yield
    finally:
        cluster.fleet.sh(router, f"rm -f /usr/local/sbin/{name}")


ROUNDS: Mapping[str, tuple[Fault, Fault, Fault]] = {
    "the controller is killed": (
        killed("before reread", "before reread"),
        killed("after reread", "before reread"),
        left_to_their_timers,
    ),
    "a router does not follow": (reload_hangs, reload_fails, cut_off_between_stages),
    "it does not come to the end": (
        keepalived_refuses,
        one_is_unreachable,
        killed("before advance", "before advance"),
    ),
}


@pytest.mark.parametrize("name", ROUNDS)
def test_ends_as_it_began(usual: dict[Kind, Cluster], name: str) -> None:
    faults = dict(zip(usual.values(), ROUNDS[name], strict=True))

    def one(cluster: Cluster) -> None:
        with ends_as_before(cluster):
            faults[cluster](cluster)

    each(one, usual.values())


def test_others_do_not_go_with_a_primary_address(usual: dict[Kind, Cluster]) -> None:
    """Where the VIPs alone are in their network, the first one has the others for secondaries."""
    cluster = usual[Kind.IPTABLES_RHEL]
    site, fleet = cluster.site, cluster.fleet
    (backup, master), lab = reversed(cluster.routers), fleet.lab
    others = (site.ftp, site.dns[0])
    for router in (backup, master):
        own, number = lab.router(router).addresses[0], router[-1]
        fleet.sh(
            router,
            f"""set -e
            systemctl stop keepalived
            ip addr add 10.9.9.{number}/24 dev eth1
            ip addr del {own}/24 dev eth1
            ip route add {site.at(200)[0]}/32 dev eth1
            systemctl start keepalived""",
        )
    lab.settle(site.name, seconds=SECONDS)
    assert str(others[0]) in cluster.held(master)
    before = cluster.state()

    answer = move(cluster).answer()

    assert answer.code == 1, answer
    kind, message = answer.error(master)
    assert kind == "preflight"
    assert all(str(vip) in message for vip in others)
    cluster.is_as(before)

    for router in (backup, master):
        fleet.sh(router, "sysctl -w net.ipv4.conf.eth1.promote_secondaries=1")
    with watched(lab, site, (site.web[0], site.at(20)[0])) as seen:
        answer = move(cluster).answer()
        assert answer.code == 0, answer
    assert all(seen.lost(vip) == 0 and seen.holders(vip).keys() == {1} for vip in others)
    assert seen.served(site.at(20)[0])[0] <= seen.served(site.web[0])[1]
    lab.reboot(*cluster.routers)  # the addresses of others are in no file
