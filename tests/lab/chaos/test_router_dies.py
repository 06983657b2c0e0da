"""The router loses its power, or a script on it is killed, at commands all along the protocol.

The lab cuts the power of a router by ending all of its processes: what the kernel has in its cache
survives that, so whether a file was synced in time is not shown here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from fnmatch import fnmatchcase

import pytest

from inventory.errors import LvsfleetError
from lab.container import BOOT_SECONDS, Container
from lab.topology import Kind
from tests.lab.chaos import wires
from tests.lab.chaos.controller import Controller, wait_for
from tests.lab.chaos.world import PATIENCE, PATIENT, World, each

# Moments that decide something: a command, and whether it is before or after it.
ARMED = ("sync /var/lib/lvsfleet/runs/*-????", "before")
CLAIMING = ("mv */armed */claimed", "before")
CLAIMED = ("mv */armed */claimed", "after")
OVER = ("mv */claimed */done", "before")
UNLOCKING = ("rm -f /run/lvsfleet.lock", "before")
APPLYING = {
    Kind.FIREWALLD: ("busctl call *.zone removeRichRule ss public *", "before"),
    Kind.IPTABLES_DEBIAN: ("ip6tables-restore -w 5 --noflush", "after"),
    Kind.IPTABLES_RHEL: ("ip6tables-restore -w 5 --noflush", "after"),
}
SAVING = {
    Kind.FIREWALLD: ("busctl call *.config.zone removeRichRule s rule *", "before"),
    Kind.IPTABLES_DEBIAN: ("mv -f -- /etc/*6.lvsfleet *", "before"),
    Kind.IPTABLES_RHEL: ("mv -f -- /etc/*/ip6tables.lvsfleet *", "before"),
}
SAVED_AT_BOOT = {
    Kind.FIREWALLD: "sync /etc/firewalld/zones",
    Kind.IPTABLES_DEBIAN: "sync /etc/iptables",
    Kind.IPTABLES_RHEL: "sync /etc/sysconfig",
}
REVERTING = ("mv */armed */reverting", "after")
UNDONE = ("mv */reverting */reverted", "before")

Moment = tuple[str | int, str]


def moments(world: World, first: str, second: str) -> dict[str, Moment]:
    """One moment for the first router of each kind, another one for the second."""
    named = {
        "armed": ARMED,
        "claiming": CLAIMING,
        "claimed": CLAIMED,
        "over": OVER,
        "unlocking": UNLOCKING,
    }
    found: dict[str, Moment] = {}
    for place, router in enumerate(world.routers):
        name = (first, second)[place % 2]
        kind = world.kind(router)
        moment = {"applying": APPLYING, "saving": SAVING}.get(name, {}).get(kind)
        found[router] = moment or named[name]
    return found


def power_cut(
    world: World, at: dict[str, Moment], *options: str
) -> tuple[Controller, str, str, set[str]]:
    """A rollout in which each router loses its power at a moment of its own."""
    old, new = world.together(*at)
    for router, (command, when) in at.items():
        wires.set_trap(world.lab, router, command, wires.POWER, when=when)
    run = world.rollout(new, list(at), options=options)
    left = set(at)

    def cut() -> bool:
        dark = [router for router in left if wires.tripped(world.lab, router)]
        if dark:
            left.difference_update(dark)
            world.lab.stop(*dark)
        # Where the controller has ended, a timer may still come to the moment.
        ended = run.process.poll() is not None
        return not left or (ended and not dark and not any(map(world.remains, left)))

    wait_for(cut, PATIENCE)
    run.kill()
    dark = set(at) - left
    world.lab.start(*dark)
    each(world.loaded, dark)
    return run, old, new, dark


NAMED = (
    ("armed", "saving"),
    ("applying", "over"),
    ("claiming", "unlocking"),
    ("saving", "claimed"),
)


@pytest.mark.parametrize(("first", "second"), NAMED)
def test_power_cut(world: World, first: str, second: str) -> None:
    at = moments(world, first, second)
    _, old, new, dark = power_cut(world, at, *PATIENT)

    assert dark == set(at)
    early = ("armed", "applying", "claiming")
    ends = {
        router: old if (first, second)[place % 2] in early else new
        for place, router in enumerate(at)
    }
    world.check(*at, allowed=ends, reboot=False)


def strewn(world: World, number: int, rounds: int) -> dict[str, int]:
    """Numbers of commands, spread over all that a rollout calls, others in each round."""
    first, last = 5, 95
    routers = world.routers
    step = (last - first) / (len(routers) * rounds)
    return {
        router: round(first + step * (place * rounds + number))
        for place, router in enumerate(routers[number % 6 :] + routers[: number % 6])
    }


@pytest.mark.parametrize("number", range(3))
def test_power_cut_anywhere(world: World, number: int) -> None:
    at: dict[str, Moment] = {r: (n, "before") for r, n in strewn(world, number, 3).items()}
    power_cut(world, at, "--timeout", "15")
    world.check(*at, reboot=False)


@pytest.mark.parametrize("number", range(2))
def test_a_script_is_killed_anywhere(world: World, number: int) -> None:
    """As by the kernel when it is out of memory; the controller goes on and sees it."""
    _, new = world.together(*world.routers)
    for router, command in strewn(world, number, 2).items():
        wires.set_trap(world.lab, router, command, wires.KILL, when="after")

    answer = world.rollout(new, world.routers).answer()

    found = world.check(*world.routers, reboot=False)
    for router, status in answer.statuses.items():
        assert status in ("changed", "failed", "reverted"), answer
        assert (found[router] == new) == (status == "changed"), answer


@pytest.mark.parametrize(("first", "second"), [("saving", "claimed"), ("over", "unlocking")])
def test_a_commit_is_killed_and_so_is_the_controller(world: World, first: str, second: str) -> None:
    """Nobody is left but the timer, which finishes what was claimed."""
    at = moments(world, first, second)
    _, new = world.together(*at)
    for router, (command, when) in at.items():
        wires.set_trap(world.lab, router, command, ">/var/tripped\n" + wires.KILL, when=when)
    points = dict.fromkeys(at, "sent commit")
    run = world.rollout(new, list(at), points=points, options=PATIENT)
    wait_for(lambda: all(wires.tripped(world.lab, router) for router in at), PATIENCE)
    run.kill()
    each(world.hasten, at)

    world.check(*at, allowed=dict.fromkeys(at, new), reboot=False)


@pytest.mark.parametrize("moments_", [(REVERTING, UNDONE)])
def test_the_timer_s_own_revert_is_killed(world: World, moments_: Sequence[Moment]) -> None:
    """The change is applied, its controller dies, and so does the script that takes it back."""
    old, new = world.together(*world.routers)
    for place, router in enumerate(world.routers):
        command, when = moments_[place % 2]
        wires.set_trap(world.lab, router, command, wires.KILL_STEP, when=when)

    answer = world.rollout(
        new, world.routers, points=dict.fromkeys(world.routers, "after begin"), action="kill"
    ).answer()

    assert answer.code == -9
    world.check(*world.routers, allowed=dict.fromkeys(world.routers, old), reboot=False)


def test_the_power_goes_again_while_a_boot_finishes_the_change(world: World) -> None:
    some = world.routers[::2]
    at = {r: SAVING[world.kind(r)] for r in some}
    _, new = world.together(*some)
    for router, (command, when) in at.items():
        wires.set_trap(world.lab, router, command, wires.POWER, when=when)
    run = world.rollout(new, some, options=PATIENT)
    wait_for(lambda: all(wires.tripped(world.lab, router) for router in some), PATIENCE)
    world.lab.stop(*some)
    run.kill()
    for router in some:
        wires.set_trap_offline(world.lab, router, SAVED_AT_BOOT[world.kind(router)], wires.POWER)

    def boot_and_fail(router: str) -> None:
        with contextlib.suppress(LvsfleetError):
            world.lab.start(router)

    def cut(router: str) -> None:
        wait_for(lambda: wires.tripped(world.lab, router), BOOT_SECONDS)
        Container(world.lab.router(router), world.lab.names).stop()

    for router in some:  # one at a time: only one may change the lab
        each(lambda do: do(router), [boot_and_fail, cut])  # noqa: B023 - it ends in here
    world.lab.start(*some)
    each(world.loaded, some)

    world.check(*some, allowed=dict.fromkeys(some, new), reboot=False)


def recovered(world: World, router: str) -> bool:
    """Whether the recovery has run to its end; the target that wants it does not wait for that."""
    show = "systemctl show -P ExecMainExitTimestampMonotonic lvsfleet-recover.service"
    return world.sh(router, show).strip() not in ("", "0")


def test_systemd_is_reloaded_in_the_middle_and_starts_something(world: World) -> None:
    """As `systemctl isolate` or `default` do: the recovery is wanted by sysinit.target."""
    _, new = world.together(*world.routers)
    points = dict.fromkeys(world.routers, "after begin")
    run = world.rollout(new, world.routers, points=points, options=PATIENT)
    run.there()
    for router in world.routers:
        world.sh(router, "systemctl daemon-reload; systemctl start sysinit.target")
    each(lambda router: wait_for(lambda: recovered(world, router), 60), world.routers)
    run.go()
    answer = run.answer()

    assert set(answer.statuses.values()) == {"changed"}, answer
    world.check(*world.routers, allowed=dict.fromkeys(world.routers, new), reboot=False)


def test_what_must_outlast_a_power_cut_is_synced_in_time(world: World) -> None:
    """The lab keeps what was written and not synced; so the order of the commands is looked at."""
    _, new = world.together(*world.routers)
    for router in world.routers:
        wires.set_trap(world.lab, router, "never", "")
    answer = world.rollout(new, world.routers, options=PATIENT).answer()
    assert answer.code == 0, answer

    for router in world.routers:
        kind = world.kind(router)
        saved = {
            Kind.FIREWALLD: ["sync /etc/firewalld/zones/public.xml", "sync /etc/firewalld/zones"],
            Kind.IPTABLES_DEBIAN: [
                "mv -f -- /etc/iptables/rules.v6.lvsfleet *",
                "sync /etc/iptables",
            ],
            Kind.IPTABLES_RHEL: [
                "mv -f -- /etc/sysconfig/ip6tables.lvsfleet *",
                "sync /etc/sysconfig",
            ],
        }[kind]
        in_order(
            wires.log(world.lab, router),
            "cp * *before*",  # the snapshot
            "sync /etc/systemd/system/sysinit.target.wants",  # the recovery
            "sync ",  # all that it needs
            "systemd-run *",  # the timer
            ARMED[0],
            APPLYING[kind][0],
            "mv */armed */claimed",
            ARMED[0],
            *saved,
            "mv */claimed */done",
            ARMED[0],
            "rm -f */lvsfleet-recover.service",
            UNLOCKING[0],
        )
        wires.clear(world.lab, router)


def in_order(commands: Sequence[str], *patterns: str) -> None:
    """Each pattern has a command, behind that of the one before."""
    left = iter(commands)
    for pattern in patterns:
        assert any(fnmatchcase(each, pattern) for each in left), f"no {pattern!r} in its place"
