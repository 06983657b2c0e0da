"""The controller dies, is interrupted, loses its disk, or has a rival, at every step."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.chaos.world import PATIENT, World

STEPS = ("begin", "verify", "commit", "revert")
MOMENTS = ("before", "opened", "sent", "after")
POINTS = tuple(f"{moment} {step}" for step in STEPS for moment in MOMENTS)
"""Before a step, its script started but not its data sent, all sent but nothing read, after it."""

DECIDING = {"opened commit", "sent commit"}
"""Where a controller that dies cannot know what becomes of the change."""


def dealt(points: Sequence[str], world: World, number: int) -> dict[str, str]:
    """A point for each router, so that in as few rounds as can be each kind has been at each."""
    per_kind = [r for r in world.routers if world.kind(r) is world.kind(world.routers[0])]
    return {
        router: points[(number * len(per_kind) + place % len(per_kind)) % len(points)]
        for place, router in enumerate(world.routers)
    }


@pytest.mark.parametrize("number", range(len(POINTS) // 2))
def test_killed(world: World, number: int) -> None:
    old, new = world.together(*world.routers)
    points = dealt(POINTS, world, number)

    # Where one is to come to its end, it has time for that; then there is no timer to wait for.
    options = PATIENT if "after commit" in points.values() else ("--confirm-timeout", "8")
    answer = world.rollout(
        new, world.routers, points=points, action="kill", options=options
    ).answer()

    assert answer.code == -9, answer
    ends = {r: new if point == "after commit" else old for r, point in points.items()}
    sure = {r: end for r, end in ends.items() if points[r] not in DECIDING}
    world.check(*world.routers, allowed=sure)


@pytest.mark.parametrize("number", range(3))
def test_interrupted_once_finishes_what_has_begun(world: World, number: int) -> None:
    old, new = world.together(*world.routers)
    points = {r: POINTS[(6 * number + i) % 16] for i, r in enumerate(world.routers)}

    answer = world.rollout(
        new, world.routers, points=points, action="int", options=PATIENT
    ).answer()

    assert answer.code == 130, answer
    ends = {r: old if points[r].endswith("revert") else new for r in world.routers}
    told = {r: "reverted" if points[r].endswith("revert") else "changed" for r in world.routers}
    assert answer.statuses == told, answer
    world.check(*world.routers, allowed=ends, reboot=False)


@pytest.mark.parametrize("number", range(3))
def test_interrupted_twice_leaves_it_to_the_routers(world: World, number: int) -> None:
    old, new = world.together(*world.routers)
    points = {r: POINTS[(6 * number + i) % 16] for i, r in enumerate(world.routers)}

    answer = world.rollout(new, world.routers, points=points, action="int int").answer()

    assert answer.code == 130, answer
    assert answer.statuses == dict.fromkeys(world.routers, "unknown"), answer
    unsure = DECIDING | {"after commit"}  # where the router may have been quicker than the machine
    sure = {r: old for r, point in points.items() if point not in unsure}
    world.check(*world.routers, allowed=sure, reboot=False)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(folder: Path) -> None:
    try:
        with (folder / "zeroes").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
    except OSError:
        pass


def test_its_disk_is_full_from_the_start(world: World, tmp_path: Path) -> None:
    old, new = world.together(*world.routers)
    with small_disk(tmp_path / "disk") as disk:
        fill(disk)
        run = world.rollout(new, world.routers, environment={"XDG_STATE_HOME": str(disk)})
        answer = run.answer()

    assert answer.code in (1, 2), answer
    assert "No space left" in answer.stdout + answer.stderr
    world.check(*world.routers, allowed=dict.fromkeys(world.routers, old), reboot=False)


def test_its_disk_becomes_full_in_the_middle(world: World, tmp_path: Path) -> None:
    _, new = world.together(*world.routers)
    some = world.routers[::2]
    with small_disk(tmp_path / "disk") as disk:
        run = world.rollout(
            new,
            some,
            options=PATIENT,
            environment={"XDG_STATE_HOME": str(disk)},
            points=dict.fromkeys(some, "before verify"),
        )
        run.there()
        fill(disk)
        run.go()
        answer = run.answer()

    assert set(answer.statuses.values()) == {"changed"}, answer
    world.check(*some, allowed=dict.fromkeys(some, new), reboot=False)


def test_two_at_once_and_one_is_locked_out(world: World) -> None:
    _, new = world.together(*world.routers)
    some = world.routers[1::2]
    first = world.rollout(new, some, points=dict.fromkeys(some, "after begin"), options=PATIENT)
    first.there()

    second = world.rollout(new, some).answer()
    first.go()
    answer = first.answer()

    assert second.code == 4, second
    for router in some:
        kind, message = second.error(router)
        assert kind == "locked"
        assert "armed" in message
    assert answer.code == 0, answer
    assert set(answer.statuses.values()) == {"changed"}
    world.check(*some, allowed=dict.fromkeys(some, new), reboot=False)


def test_two_that_begin_in_the_same_moment(world: World) -> None:
    _, new = world.together(*world.routers)
    point = dict.fromkeys(world.routers, "before begin")
    both = [world.rollout(new, world.routers, points=point, options=PATIENT) for _ in range(2)]
    for run in both:
        run.there()
    for run in both:
        run.go()
    answers = [run.answer() for run in both]

    for router in world.routers:
        told = sorted(answer.statuses[router] for answer in answers)
        # The later one finds the lock, or that the first one was quicker than its own first step.
        assert told in (["changed", "failed"], ["changed", "unchanged"]), answers
        for answer in answers:
            if answer.statuses[router] == "failed":
                assert answer.error(router)[0] == "locked"
    assert {answer.code for answer in answers} <= {0, 4}
    world.check(*world.routers, allowed=dict.fromkeys(world.routers, new), reboot=False)


def test_a_stale_lock_is_told_from_a_live_one_and_broken_with_a_word(world: World) -> None:
    """A step that was killed before it armed anything leaves its lock, and nothing else."""
    _, new = world.together(*world.routers)
    some = world.routers[::2]
    for router in some:
        words = "20200101T000000Z-gone-1234 1577836800 ann@desk"
        world.sh(router, f"ln -s '{words}' /run/lvsfleet.lock")

    refused = world.rollout(new, some).answer()
    broken = world.rollout(new, some, options=[*PATIENT, "--break-lock"]).answer()

    assert refused.code == 4, refused
    for router in some:
        assert "--break-lock" in str(refused.routers[router]["error"])
    assert set(broken.statuses.values()) == {"changed"}, broken
    world.check(*some, allowed=dict.fromkeys(some, new), reboot=False)


def test_a_live_lock_is_not_broken_by_a_word(world: World) -> None:
    _, new = world.together(*world.routers)
    some = world.routers[::2]
    first = world.rollout(new, some, points=dict.fromkeys(some, "after begin"), options=PATIENT)
    first.there()

    second = world.rollout(new, some, options=["--break-lock"]).answer()
    first.go()

    assert second.code == 4, second
    assert set(first.answer().statuses.values()) == {"changed"}
    world.check(*some, allowed=dict.fromkeys(some, new), reboot=False)
