"""Routers on which something is full, locked, dead, changed by others, or just not as usual."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lab.keys import PASSWORD
from lab.topology import Kind
from tests.lab.chaos import wires
from tests.lab.chaos.controller import wait_for
from tests.lab.chaos.test_router_dies import ARMED, CLAIMED
from tests.lab.chaos.world import CONFIRM, PATIENCE, PATIENT, SAVED, World, each
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
        # A moment that is behind the confirmation is to come, however busy the machine is.
        confirm = "5" if moment is ARMED else "15"
        options = ["--timeout", "30", "--confirm-timeout", confirm]
        answer = world.rollout(new, world.routers, options=options).answer()
        sprung = {r: wires.clear(world.lab, r) for r in world.routers}
        each(lambda r: wait_for(lambda: world.runtime(r), PATIENCE), world.routers)
        for router, folder in folders.items():
            world.sh(router, f"mount -o remount,bind,rw {folder}; rm -f {folder}/zeroes")
    assert all(sprung.values()), (sprung, answer)
    for router, status in answer.statuses.items():
        assert status in ("changed", "reverted", "unknown"), (router, answer)
    # With room again it comes to its end: by the timer's next try, or by a boot.
    if end == "boot":
        world.reboot(*world.routers)
    found = world.check(*world.routers, reboot=False)
    for router, status in answer.statuses.items():
        if status != "unknown":
            assert (found[router] == new) == (status == "changed"), (router, answer)


# Until another attempt has waited for a second, or until the one after that: the undo.
HOLD = """PATH=/usr/sbin:/usr/bin
flock /run/xtables.lock timeout 120 sh -c '
    until [ "$(grep -c ^iptables-restore /var/trap/log)" -gt {0} ]; do sleep 0.1; done
    sleep 1' >/dev/null 2>&1 9>&- &
while flock -n /run/xtables.lock true; do sleep 0.05; done
"""


@pytest.mark.parametrize(("attempts", "code"), [(1, 0), (2, 1)])
def test_another_program_holds_the_lock_of_iptables(
    world: World, tmp_path: Path, attempts: int, code: int
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
    wires.set_trap(world.lab, router, ARMED[0], HOLD.format(attempts))
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
    rich_add, rich_delete = (
        f"firewall-cmd -q --zone=public --{word}-rich-rule='{rich}'" for word in ("add", "remove")
    )

    def everywhere(command: str, of_firewalld: str) -> None:
        each(
            lambda r: world.sh(r, of_firewalld if world.kind(r) is Kind.FIREWALLD else command),
            world.routers,
        )

    everywhere(add, rich_add)
    try:
        yield
    finally:
        everywhere(delete, rich_delete)


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


SHOW_THE_TIMER = """/usr/bin/systemctl show 'lvsfleet-*.timer' -p TimersMonotonic \\
    -p TimersCalendar >/var/trap/timer
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
        for router in world.routers:
            wires.set_trap(world.lab, router, "systemd-run *", SHOW_THE_TIMER, when="after")
        points = dict.fromkeys(world.routers, "after begin")
        run = world.rollout(new, world.routers, points=points, action="kill")
        assert run.answer().code == -9
        for router in world.routers:
            told = world.sh(router, "cat /var/trap/timer")
            seconds = re.search(r"OnActiveUSec=([\d.]+)s ", told)
            assert seconds, told
            assert 1 <= float(seconds[1]) <= CONFIRM
            assert "TimersCalendar={" not in told
            world.calm(router, within=60)  # not in ten years
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


@contextmanager
def strange_logins(world: World) -> Iterator[None]:
    """Every shell greets, /tmp runs nothing, and sudo wants a terminal of one user."""
    homes = "for home in /root /home/ops /home/opspw; do cd $home &&"
    spoil = f"""set -e; mount -o remount,noexec /tmp; cat >/run/greeting; {homes}
        touch .bashrc; cp -p .bashrc .was; cat /run/greeting .was >.bashrc; done
        echo 'Defaults:ops requiretty' >/etc/sudoers.d/requiretty"""
    mend = f"""rm -f /etc/sudoers.d/requiretty; mount -o remount,exec /tmp; {homes}
        if [ -e .was ]; then mv .was .bashrc; fi; done"""
    try:
        for router in world.routers:
            world.lab.exec(router, ["/bin/sh", "-c", spoil], stdin=BANNER)
        yield
    finally:
        for router in world.routers:
            world.sh(router, mend)


def test_a_shell_that_greets_tmp_without_exec_and_sudo_in_three_ways(world: World) -> None:
    _, new = world.together(*world.routers)
    ways = (
        {"username": "root"},
        {"username": "ops", "data": {"connection": "netmiko"}},
        {"username": "opspw"},
    )
    hosts = {router: ways[place % 3] for place, router in enumerate(world.routers)}
    with strange_logins(world):
        answer = world.rollout(
            new,
            world.routers,
            options=PATIENT,
            hosts=hosts,
            environment={"LVSFLEET_SUDO_PASSWORD": PASSWORD},
        ).answer()

    assert set(answer.statuses.values()) == {"changed"}, answer
    world.check(*world.routers, allowed=dict.fromkeys(world.routers, new), reboot=False)
