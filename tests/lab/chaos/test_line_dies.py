"""The line to a router dies at every step, its sshd too; or it is slow, silent, or a stranger's."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.lab.chaos import lines, wires
from tests.lab.chaos.controller import wait_for
from tests.lab.chaos.test_controller_dies import dealt
from tests.lab.chaos.test_router_dies import ARMED, SAVED_AT_BOOT, SAVING
from tests.lab.chaos.world import PATIENCE, PATIENT, World, each

POINTS = (
    "sent begin",
    "after begin",
    "sent verify",
    "before commit",
    "sent commit",
    "after commit",
)
LEFT = {
    "changed": {"new"},
    "reverted": {"old"},
    "failed": {"old"},
    "unknown": {"old", "new"},
}
"""Where a router may be, by what the report says of it."""


def agree(world: World, statuses: dict[str, str], found: dict[str, str], new: str) -> None:
    """What was reported is what is there."""
    for router, status in statuses.items():
        assert ("new" if found[router] == new else "old") in LEFT[status], (router, status)
    assert world


@pytest.mark.parametrize("number", range(3))
def test_cut_for_good(world: World, number: int) -> None:
    """Until the routers have helped themselves; the line then comes back, to see what is told."""
    old, new = world.together(*world.routers)
    points = dealt(POINTS, world, number)
    run = world.rollout(new, world.routers, points=points, options=["--timeout", "15"])
    run.there()
    lines.cut(world.lab, *world.routers)
    try:
        run.go()
        alone = dict(zip(world.routers, each(world.rest, world.routers), strict=True))
    finally:
        lines.mend(world.lab, *world.routers)
    answer = run.answer()

    for router, point in points.items():
        if point not in ("sent commit", "after commit"):
            assert alone[router] == old, (router, point)
    found = world.check(*world.routers, reboot=number == 0)
    agree(world, answer.statuses, found, new)


def test_cut_for_a_moment(world: World) -> None:
    """Shorter than the patience of both sides: the change is made, or taken back, and told so."""
    old, new = world.together(*world.routers)
    points = dealt(POINTS, world, 1)
    run = world.rollout(new, world.routers, points=points, options=["--confirm-timeout", "20"])
    run.there()
    lines.cut(world.lab, *world.routers)
    run.go()
    time.sleep(3)
    lines.mend(world.lab, *world.routers)
    answer = run.answer()

    assert set(answer.statuses.values()) <= {"changed", "reverted"}, answer
    found = world.check(*world.routers, reboot=False)
    agree(world, answer.statuses, found, new)
    assert old


def test_sshd_is_killed_while_the_change_is_applied(world: World) -> None:
    """The script goes on without it, and a new sshd lets the controller see that."""
    _, new = world.together(*world.routers)
    for router in world.routers:
        wires.set_trap(world.lab, router, ARMED[0], wires.WAIT)
    run = world.rollout(new, world.routers)
    left = set(world.routers)

    def killed() -> bool:
        for router in sorted(left):
            if wires.tripped(world.lab, router):
                lines.end_sshd(world.lab, router)
                wires.go_on(world.lab, router)
                left.discard(router)
        return not left

    wait_for(killed, 120)
    answer = run.answer()

    assert set(answer.statuses.values()) <= {"reverted", "unknown"}, answer
    found = world.check(*world.routers, reboot=False)
    agree(world, answer.statuses, found, new)


def through(port: int, known: Path, **extras: Any) -> dict[str, Any]:
    """What the inventory says of a router that is reached over a `lines.Line`."""
    more = {"known_hosts_files": [str(known)], "agent": False, "ssh_config_file": False, **extras}
    options = {"lvsfleet": {"extras": more}}
    return {"hostname": "127.0.0.1", "port": port, "connection_options": options}


@pytest.fixture
def known(world: World, tmp_path: Path) -> Path:
    """The host key of the first router, under the name that it has at the end of a line."""
    return known_key(world, world.routers[0], tmp_path)


def known_key(world: World, router: str, folder: Path) -> Path:
    """A file with the host key of a router, under any name."""
    address = str(world.lab.router(router).management)
    text = (world.lab.names.state / "known_hosts").read_text()
    keys = [line.split()[1:3] for line in text.splitlines() if address in line.split()[0]]
    path = folder / f"known_hosts-{router}"
    path.write_text("".join(f"* {' '.join(key)}\n" for key in keys))
    return path


def key_of(world: World) -> dict[str, list[str]]:
    return {"key_files": [str(world.lab.names.state / "id_ed25519")]}


@pytest.mark.parametrize(("passes", "pace"), [(30, 0.0), (None, 1.0)])
def test_a_banner_and_then_nothing_or_a_byte_a_second(
    world: World, known: Path, passes: int | None, pace: float
) -> None:
    router = world.routers[0]
    old = world.where(router)
    with lines.line(world.lab, router) as way:
        way.passes, way.pace = passes, pace
        host = through(way.port, known, connect_timeout=2, **key_of(world))
        begun = time.monotonic()
        answer = world.rollout(
            world.other(router), [router], hosts={router: host}, options=["--timeout", "8"]
        ).answer()

    assert answer.code == 1, answer
    assert answer.statuses == {router: "failed"}
    assert answer.error(router)[0] in ("unreachable", "deadline")
    assert time.monotonic() - begun < 60  # all of its bytes would take longer
    world.check(router, allowed={router: old}, reboot=False)


@pytest.mark.parametrize("point", ["sent begin", "after begin", "sent commit"])
def test_a_line_falls_silent_in_the_middle(world: World, known: Path, point: str) -> None:
    """Connections are still made, and greeted; nothing more comes through any of them."""
    router = world.routers[0]
    new = world.other(router)
    old = world.where(router)
    with lines.line(world.lab, router) as way:
        host = through(way.port, known, connect_timeout=3, **key_of(world))
        run = world.rollout(
            new, [router], hosts={router: host}, points={router: point}, options=["--timeout", "10"]
        )
        run.there()
        way.passes = 0
        run.go()
        alone = world.rest(router)
        way.passes = None
        answer = run.answer()

    if point != "sent commit":
        assert alone == old
    found = world.check(router, reboot=False)
    agree(world, answer.statuses, found, new)


def test_the_controller_is_back_before_a_boot_is_done(world: World, tmp_path: Path) -> None:
    """It would take back what the boot is just saving: both at once, that would be a mixture."""
    some = world.routers[::2]
    _, new = world.together(*some)
    with ExitStack() as stack:
        ways = [stack.enter_context(lines.line(world.lab, router)) for router in some]
        hosts = {
            router: through(way.port, known_key(world, router, tmp_path), **key_of(world))
            for router, way in zip(some, ways, strict=True)
        }
        for router in some:
            command, when = SAVING[world.kind(router)]
            wires.set_trap(world.lab, router, command, wires.POWER, when=when)
        run = world.rollout(new, some, hosts=hosts, options=PATIENT)
        wait_for(lambda: all(wires.tripped(world.lab, router) for router in some), PATIENCE)
        world.lab.stop(*some)
        for router in some:
            wires.set_trap_offline(world.lab, router, SAVED_AT_BOOT[world.kind(router)], wires.WAIT)
        for way in ways:
            way.drop()
        with ThreadPoolExecutor(1) as beside:
            booted = beside.submit(world.lab.start, *some)
            try:
                # A look at what the boot still has to do, and another one: it waits for that.
                each(lambda r: wait_for(lambda: looks_at_boot(world, r) > 1, PATIENCE), some)
                for router in some:
                    assert "claimed" in world.sh(router, "ls /var/lib/lvsfleet/runs/*")
            finally:
                for router in some:
                    wires.go_on(world.lab, router)
            booted.result()
        answer = run.answer()

    assert answer.statuses == dict.fromkeys(some, "reverted"), answer
    found = world.check(*some)
    agree(world, answer.statuses, found, new)


def looks_at_boot(world: World, router: str) -> int:
    """How often a script on the router has asked what its boot still has to do."""
    if not wires.tripped(world.lab, router):
        return 0
    return sum(line.startswith("systemctl list-jobs ") for line in wires.log(world.lab, router))


class SshdJournal:
    """What a router's sshd writes to the journal from now on.

    By sshd's own name: of a process that has ended the journal may not know the unit any more.
    """

    def __init__(self, world: World, router: str) -> None:
        last = world.sh(router, "journalctl -q -n 1 -o cat --show-cursor")
        self.since = last.rpartition("-- cursor: ")[2].strip()
        self.world, self.router = world, router

    def count(self, words: str) -> int:
        """How many lines have these words."""
        script = f"journalctl -q -o cat -t sshd --after-cursor='{self.since}'"
        return sum(words in line for line in self.world.sh(self.router, script).splitlines())


def test_a_wrong_host_key_is_met_once(world: World, known: Path) -> None:
    router = world.routers[0]
    old = world.where(router)
    kind, key = known.read_text().split()[1:3]
    known.write_text(f"* {kind} {key[:-12]}{'A' if key[-12] != 'A' else 'B'}{key[-11:]}\n")
    with lines.line(world.lab, router) as way:
        host = through(way.port, known, **key_of(world))
        answer = world.rollout(world.other(router), [router], hosts={router: host}).answer()

        assert answer.error(router)[0] == "host-key", answer
        assert way.connections == 1
    world.check(router, allowed={router: old}, reboot=False)


def test_a_wrong_password_is_tried_once(world: World, known: Path) -> None:
    router = world.routers[0]
    old = world.where(router)
    journal = SshdJournal(world, router)
    with lines.line(world.lab, router) as way:
        host = {**through(way.port, known, key_files=[]), "username": "opspw"}
        answer = world.rollout(
            world.other(router),
            [router],
            hosts={router: host},
            environment={"LVSFLEET_PASSWORD": "not-the-one"},
        ).answer()

        assert answer.error(router)[0] == "authentication", answer
        assert way.connections == 1
    wait_for(lambda: journal.count("closed by authenticating user opspw"), 60)  # its last word
    assert journal.count("Failed password for opspw") == 1
    assert "not-the-one" not in answer.stdout + answer.stderr
    world.check(router, allowed={router: old}, reboot=False)


DROPS_WHAT_HAS_MARK_22 = """nft -f - <<'END'
table inet hand {
    chain in { type filter hook input priority -10; meta mark 22 counter drop; }
}
END
"""


def its_own_door(world: World, router: str) -> dict[str, Any]:
    """The cluster's own addresses as VIPs, and their port for SSH."""
    site = world.lab.router(router).site
    pair = [str(each.management) for each in world.lab.topology.routers if each.site == site]
    return {"vips": pair, "ports": ["22/tcp"], "mark": 22}


def test_a_service_shuts_out_ssh(world: World, tmp_path: Path) -> None:
    """A VIP that is the router's own address, port 22, with a mark that somebody's rule drops.

    The inventory refuses a VIP that it knows for a router's own address, so there is a line here.
    """
    old, new = world.together(*world.routers)
    with ExitStack() as stack:
        for router in world.routers:
            world.sh(router, DROPS_WHAT_HAS_MARK_22)
            stack.callback(world.sh, router, "nft delete table inet hand", check=False)
        hosts = {}
        for router in world.routers:
            way = stack.enter_context(lines.line(world.lab, router))
            known = known_key(world, router, tmp_path)
            door = {"data": {"services": {"door": its_own_door(world, router)}}}
            hosts[router] = {**through(way.port, known, **key_of(world)), **door}
        answer = world.rollout(new, world.routers, hosts=hosts).answer()
        for router in world.routers:
            world.calm(router)
            assert "counter packets 0 " not in world.sh(router, "nft list table inet hand")
    assert set(answer.statuses.values()) == {"reverted"}, answer
    world.check(*world.routers, allowed=dict.fromkeys(world.routers, old), reboot=False)
