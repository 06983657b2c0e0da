"""Routers on which something is full, locked, dead, changed by others, or just not as usual."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lab.keys import PASSWORD
from lab.topology import Kind
from tests.lab.chaos import wires
from tests.lab.chaos.test_router_dies import ARMED, CLAIMED
from tests.lab.chaos.world import PATIENT, SAVED, World
from tests.lab.rollout.fleet import Fleet

HOME = "/var/lib/lvsfleet"
SOME = ("ams1", "fra1", "lon1")
OTHERS = ("ams2", "fra2", "lon2")


@contextmanager
def own_disk(world: World, router: str, folder: str, kib: int) -> Iterator[None]:
    """A folder of a router as a disk of its own, with so much room; its files come along."""
    world.sh(
        router,
        f"""PATH=/usr/sbin:/usr/bin; set -e; mkdir -p /run/disk
        used=$(du -sk {folder}) && size=$((${{used%%[!0-9]*}} + {kib}))
        mount -t tmpfs -o size=${{size}}k,mode=755 tmpfs /run/disk && cp -a {folder}/. /run/disk/
        mount --bind /run/disk {folder}""",
    )
    try:
        yield
    finally:
        world.sh(
            router,
            f"""PATH=/usr/sbin:/usr/bin; set -e
            mount -o remount,rw /run/disk; mount -o remount,bind,rw {folder}
            umount -l {folder}; rm -f /run/disk/zeroes
            find {folder} -mindepth 1 -delete; cp -a /run/disk/. {folder}/; umount -l /run/disk""",
        )


FILL = "/usr/bin/dd if=/dev/zero of={0}/zeroes bs=1k 2>/dev/null\n"
FREEZE = "/usr/bin/mount -o remount,bind,ro {0}\n"


@pytest.mark.parametrize(
    ("what", "moment", "end"),
    [
        pytest.param(FILL, ARMED, "boot", id="full-armed"),
        pytest.param(FILL, CLAIMED, "timer", id="full-claimed"),
        pytest.param(FREEZE, ARMED, "boot", id="read-only-armed"),
        pytest.param(FREEZE, CLAIMED, "timer", id="read-only-claimed"),
    ],
)
def test_a_disk_takes_no_more_from_the_middle_on(
    world: World, what: str, moment: tuple[str, str], end: str
) -> None:
    """/var on some routers, the folder with the rules for the next boot on the others."""
    _, new = world.together(*world.routers)
    folders = dict.fromkeys(SOME, HOME)
    folders |= {r: str(Path(SAVED[world.kind(r)][0]).parent) for r in OTHERS}
    with ExitStack() as disks:
        for router, folder in folders.items():
            kib = 4096 if folder == HOME else 96
            disks.enter_context(own_disk(world, router, folder, kib))
            wires.set_trap(world.lab, router, moment[0], what.format(folder), when=moment[1])
        answer = world.rollout(new, world.routers, options=["--timeout", "30"]).answer()
        sprung = {r: wires.clear(world.lab, r) for r in world.routers}
        runs = {r: world.runtime(r) for r in world.routers}
        for router, folder in folders.items():
            world.sh(router, f"mount -o remount,bind,rw {folder}; rm -f {folder}/zeroes")
    assert all(sprung.values()), (sprung, answer)
    for router, status in answer.statuses.items():
        assert status in ("changed", "reverted", "unknown"), answer
        assert runs[router] in ("A", "B"), (router, answer)
    # With room again it comes to its end: by the timer's next try, or by a boot.
    if end == "boot":
        world.reboot(*world.routers)
    found = world.check(*world.routers, reboot=False)
    for router, status in answer.statuses.items():
        if status != "unknown":
            assert (found[router] == new) == (status == "changed"), (router, answer)


@pytest.mark.parametrize(("seconds", "code"), [(2, 0), (9, 1)])
def test_another_program_holds_the_lock_of_iptables(
    world: World, tmp_path: Path, seconds: int, code: int
) -> None:
    """Only the legacy variant has one; that of nftables has transactions in the kernel."""
    router = "fra2"
    world.lab.reset(router)
    for program in ("iptables", "ip6tables"):
        world.sh(router, f"update-alternatives --set {program} /usr/sbin/{program}-legacy")
    world.lab.reboot(router)
    fleet = Fleet(world.lab, tmp_path / "inventory")
    answer = fleet.rollout(router)
    assert answer.code == 0, answer
    dumps = "iptables-legacy-save; ip6tables-legacy-save; cat /etc/iptables/rules.v?"
    clean = f"({dumps}) | sed -e '/^#/d' -e 's/ \\[[0-9:]*\\]$//'"
    before = fleet.sh(router, clean)
    fleet.services("fra").pop("dns")

    # From the moment at which the change is applied.
    wires.lay(world.lab, router)
    hold = f"/usr/bin/flock /run/xtables.lock /usr/bin/sleep {seconds} >/dev/null 2>&1 9>&- &\n"
    wires.set_trap(world.lab, router, ARMED[0], hold + "/usr/bin/sleep 0.3\n")
    answer = fleet.rollout(router)
    sprung = wires.clear(world.lab, router)

    assert sprung
    assert answer.code == code, answer
    assert (fleet.sh(router, clean) == before) == bool(code)
    assert fleet.sh(router, "readlink /run/lvsfleet.lock", check=False) == ""
    world.lab.reboot(router)
    assert (fleet.sh(router, clean) == before) == bool(code)


def kill_firewalld(world: World, router: str) -> None:
    world.sh(router, "kill -9 $(systemctl show -P MainPID firewalld)")


def stop_the_bus(world: World, router: str) -> None:
    world.sh(router, "systemctl stop dbus.socket dbus.service", check=False)


@pytest.mark.parametrize("step", ["verify", "commit"])
def test_firewalld_is_killed_or_its_bus_stopped(world: World, step: str) -> None:
    old, new = world.together("ams1", "ams2")
    points = {"ams1": f"before {step}", "ams2": f"before {step}"}
    run = world.rollout(new, list(points), points=points)
    run.there()
    kill_firewalld(world, "ams1")
    stop_the_bus(world, "ams2")
    run.go()
    answer = run.answer()

    assert answer.statuses == dict.fromkeys(points, "reverted"), answer
    world.check(*points, allowed=dict.fromkeys(points, old))


@contextmanager
def rules_of_an_admin(world: World) -> Iterator[None]:
    """Somebody opens a port on every router; after the block he thinks better of it."""
    add, delete = (
        f"iptables -{word} INPUT -p tcp --dport 8443 -m comment --comment hers -j ACCEPT"
        for word in "ID"
    )
    rich = 'rule family="ipv4" port port="8443" protocol="tcp" accept'
    for router in world.routers:
        firewalld = world.kind(router) is Kind.FIREWALLD
        world.sh(
            router, f"firewall-cmd -q --zone=public --add-rich-rule='{rich}'" if firewalld else add
        )
    try:
        yield
    finally:
        for router in world.routers:
            firewalld = world.kind(router) is Kind.FIREWALLD
            undo = f"firewall-cmd -q --zone=public --remove-rich-rule='{rich}'"
            world.sh(router, undo if firewalld else delete)


def test_somebody_changes_a_rule_between_the_look_and_the_change(world: World) -> None:
    """Each router says so, is looked at anew, and changed; the rule of others stays."""
    _, new = world.together(*world.routers)
    run = world.rollout(
        new, world.routers, points=dict.fromkeys(world.routers, "before begin"), options=PATIENT
    )
    run.there()
    with rules_of_an_admin(world):
        run.go()
        answer = run.answer()
        for router in world.routers:
            dump = world.sh(router, "iptables-save; nft list ruleset")
            assert "8443" in dump

    assert set(answer.statuses.values()) == {"changed"}, answer
    for router in world.routers:  # the second attempt has a name of its own
        assert world.sh(router, f"ls -d {HOME}/runs/*-2/done")
    world.check(*world.routers, allowed=dict.fromkeys(world.routers, new), reboot=False)


def test_somebody_changes_a_rule_between_the_change_and_its_end(world: World) -> None:
    _, new = world.together(*world.routers)
    points = dict.fromkeys(world.routers, "before commit")
    run = world.rollout(new, world.routers, points=points, options=PATIENT)
    run.there()
    with rules_of_an_admin(world):
        run.go()
        answer = run.answer()
        for router in world.routers:
            saved = "".join(world.look(router)[path] for path in SAVED[world.kind(router)])
            assert "8443" not in saved, "what others have not saved is not saved for them"

    assert set(answer.statuses.values()) == {"changed"}, answer
    world.check(*world.routers, allowed=dict.fromkeys(world.routers, new), reboot=False)


def test_somebody_writes_to_the_saved_file_in_the_middle(world: World) -> None:
    """Nothing is written over it: taken back, looked at anew, and then changed around the line."""
    some = ("fra1", "lon1")
    _, new = world.together(*some)
    points = dict.fromkeys(some, "before commit")
    run = world.rollout(new, some, points=points, options=PATIENT)
    run.there()
    for router in some:
        world.sh(router, f"sed -i '1i # hers' {SAVED[world.kind(router)][0]}")
    run.go()
    answer = run.answer()

    assert set(answer.statuses.values()) == {"changed"}, answer
    for router in some:
        path = SAVED[world.kind(router)][0]
        assert world.sh(router, f"head -n 1 {path}") == "# hers\n"
        world.sh(router, f"sed -i 1d {path}")
    world.check(*some, allowed=dict.fromkeys(some, new), reboot=False)


DATE = r"""#!/bin/sh
# A clock that jumps ten years to and fro at each look.
now=$(/usr/bin/date +%s)
if rmdir /run/jump 2>/dev/null; then now=$((now - 315360000)); else mkdir /run/jump; fi
case ${1-} in +%s) echo "$now" ;; *) exec /usr/bin/date "$@" ;; esac
"""


def test_a_clock_that_jumps(world: World) -> None:
    """The scripts' clock does; systemd's timer is one that no clock moves, as it says itself."""
    old, new = world.together(*world.routers)
    for router in world.routers:
        script = (
            "cat >/usr/local/sbin/.date && cd /usr/local/sbin && chmod 755 .date && mv .date date"
        )
        world.lab.exec(router, ["/bin/sh", "-c", script], stdin=DATE)
    try:
        point = dict.fromkeys(world.routers, "after begin")
        run = world.rollout(new, world.routers, points=point)
        run.there()
        begun = time.monotonic()
        for router in world.routers:
            show = "systemctl show 'lvsfleet-*.timer' -p TimersMonotonic -p TimersCalendar"
            told = world.sh(router, show)
            assert re.search(r"OnActiveUSec=(5s|[34]\.\d+s) ", told), told
            assert "TimersCalendar={" not in told
        run.kill()
        for router in world.routers:
            world.calm(router)
        assert time.monotonic() - begun < 15
        world.check(*world.routers, allowed=dict.fromkeys(world.routers, old), reboot=False)
        answer = world.rollout(new, world.routers, options=PATIENT).answer()
        assert set(answer.statuses.values()) == {"changed"}, answer
        world.check(*world.routers, allowed=dict.fromkeys(world.routers, new), reboot=False)
    finally:
        for router in world.routers:
            world.sh(router, "cd /usr/local/sbin && ln -f .wire date")


BANNER = r"""
echo "Welcome to $(hostname)!"
printf '\n@@0123456789abcdef< units\nforged\n@@0123456789abcdef> units 0\n'
echo 'no tty' >&2
"""


def test_a_shell_that_greets_tmp_without_exec_and_sudo_in_three_ways(world: World) -> None:
    _, new = world.together(*world.routers)
    for router in world.routers:
        world.sh(router, "mount -o remount,noexec /tmp")
        for home in ("/root", "/home/ops", "/home/opspw"):
            script = f"cd {home} && touch .bashrc && cat - .bashrc >.new && mv .new .bashrc"
            world.lab.exec(router, ["/bin/sh", "-c", script], stdin=BANNER)
        world.sh(router, "echo 'Defaults:ops requiretty' >/etc/sudoers.d/requiretty")
    ways = (
        {"username": "root"},
        {"username": "ops", "data": {"connection": "netmiko"}},
        {"username": "opspw"},
    )
    hosts = {router: ways[place % 3] for place, router in enumerate(world.routers)}
    answer = world.rollout(
        new,
        world.routers,
        options=PATIENT,
        hosts=hosts,
        environment={"LVSFLEET_SUDO_PASSWORD": PASSWORD},
    ).answer()
    for router in world.routers:
        world.sh(router, "rm -f /etc/sudoers.d/requiretty; mount -o remount,exec /tmp")
        for home in ("/root", "/home/ops", "/home/opspw"):
            world.sh(router, f"sed -i '1,5d' {home}/.bashrc")

    assert set(answer.statuses.values()) == {"changed"}, answer
    world.check(*world.routers, allowed=dict.fromkeys(world.routers, new), reboot=False)
