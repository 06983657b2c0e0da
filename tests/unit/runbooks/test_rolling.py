"""When a change of the fleet goes on and when it stops, on made-up routers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from inventory.desired import Desired
from inventory.errors import LvsfleetError
from runbooks.engine import Job
from runbooks.journal import End, NotRecorded, read
from runbooks.policy import OnFailure, Policy
from runbooks.waves import Share
from tasks.outcome import Outcome, Status
from tests.unit.runbooks.fleets import BACK, EDIT, RUN, World, a_clock, desired

CHANGED, FAILED, REVERTED = Status.CHANGED, Status.FAILED, Status.REVERTED
SKIPPED, UNKNOWN, UNCHANGED = Status.SKIPPED, Status.UNKNOWN, Status.UNCHANGED
WAVES = [("ams2",), ("fra2", "lon2"), ("ams1", "fra1", "lon1")]
ROUTERS = ("ams1", "ams2", "fra1", "fra2", "lon1", "lon2")


@pytest.fixture(autouse=True)
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with a_clock(monkeypatch) as now:
        yield now


@pytest.fixture
def world() -> World:
    return World()


def statuses(outcomes: tuple[Outcome, ...]) -> dict[str, Status]:
    return {each.router: each.status for each in outcomes}


def all_but(status: Status, **others: Status) -> dict[str, Status]:
    return {name: others.get(name, status) for name in ROUTERS}


def test_all_goes_well(world: World) -> None:
    rolling = world.rolling()
    assert statuses(rolling.run()) == all_but(CHANGED)
    assert world.log == WAVES
    assert rolling.stopped == ""
    assert world.heard.notes == [
        "Wave 1 of 3, the canary: ams2",
        "Wave 2 of 3: fra2, lon2",
        "Wave 3 of 3: ams1, fra1, lon1",
    ]
    recorded = read(RUN)
    assert recorded.end is End.ENDED
    assert recorded.summary == {CHANGED: 6}
    assert {name: each.wave for name, each in recorded.routers.items()} == {
        "ams2": 1,
        "fra2": 2,
        "lon2": 2,
        "ams1": 3,
        "fra1": 3,
        "lon1": 3,
    }


def test_a_fleet_as_wanted_leaves_no_journal(world: World) -> None:
    world.unchanged = set(ROUTERS)
    rolling = world.rolling()
    assert statuses(rolling.run()) == all_but(UNCHANGED)
    assert rolling.journal is None
    with pytest.raises(LvsfleetError):
        read(RUN)


def test_a_dry_run_plans_the_waves_and_does_nothing(world: World) -> None:
    rolling = world.rolling(Policy(dry_run=True, batch=Share(1)))
    assert statuses(rolling.run()) == all_but(Status.PLANNED)
    assert rolling.waves == [[name] for name in ("ams2", "fra2", "lon2", "ams1", "fra1", "lon1")]
    assert world.log == []
    assert rolling.journal is None


def test_roles_are_those_of_the_whole_cluster_though_only_one_is_changed(world: World) -> None:
    world.holders["ams"] = ("ams2",)
    world.rolling(jobs=["ams2", "fra1"]).run()
    assert {"ams1", "fra2"} <= set(world.asked)
    assert world.log == [("ams2",), ("fra1",)]  # both are MASTER


@pytest.mark.parametrize("end", [FAILED, REVERTED, UNKNOWN])
def test_the_canary_fails_and_nobody_else_is_touched(world: World, end: Status) -> None:
    world.ends = {"ams2": end}
    rolling = world.rolling(Policy(max_failures=Share(100, percent=True)))
    assert statuses(rolling.run()) == all_but(SKIPPED, ams2=end)
    assert world.log == [("ams2",)]
    assert rolling.stopped == "the canary ams2 failed"
    assert read(RUN).stopped == rolling.stopped


@pytest.mark.parametrize(
    ("allowed", "failing", "stops"),
    [
        (Share(0), {"fra2"}, True),
        (Share(1), {"fra2"}, False),
        (Share(1), {"fra2", "lon2"}, True),
        (Share(16, percent=True), {"fra2"}, True),
        (Share(17, percent=True), {"fra2"}, False),
        (Share(33, percent=True), {"fra2", "lon2"}, True),
        (Share(34, percent=True), {"fra2", "lon2"}, False),
    ],
)
def test_so_many_may_fail(world: World, allowed: Share, failing: set[str], stops: bool) -> None:
    world.ends = dict.fromkeys(failing, REVERTED)
    rolling = world.rolling(Policy(max_failures=allowed))
    rolling.run()
    assert (world.log == WAVES[:2]) is stops
    assert rolling.stopped == (f"{', '.join(sorted(failing))} failed" if stops else "")


def test_one_that_could_not_be_verified_stops_the_run_whatever_may_fail(world: World) -> None:
    world.ends = {"lon2": UNKNOWN}
    rolling = world.rolling(Policy(max_failures=Share(5)))
    rolling.run()
    assert rolling.stopped == "lon2 could not be verified"
    assert world.log == WAVES[:2]


def test_a_failure_of_the_last_wave_stops_nothing(world: World) -> None:
    world.ends = {"lon1": REVERTED}
    rolling = world.rolling()
    assert statuses(rolling.run()) == all_but(CHANGED, lon1=REVERTED)
    assert rolling.stopped == ""


def test_one_alone_is_no_canary(world: World) -> None:
    world.ends = {"ams1": REVERTED}
    rolling = world.rolling(jobs=["ams1"])
    assert statuses(rolling.run()) == {"ams1": REVERTED}
    assert (rolling.stopped, world.heard.notes) == ("", [])


def test_continue_goes_on(world: World) -> None:
    world.ends = {"ams2": REVERTED, "fra2": UNKNOWN}
    rolling = world.rolling(Policy(on_failure=OnFailure.CONTINUE))
    assert statuses(rolling.run()) == all_but(CHANGED, ams2=REVERTED, fra2=UNKNOWN)


def moves(world: World, at: str, *holders: str) -> None:
    """When the wave with the router ``at`` is changed, lon's VIP moves."""

    def when(wave: tuple[str, ...]) -> None:
        if at in wave:
            world.holders["lon"] = holders

    world.when = when


@pytest.mark.parametrize("policy", list(OnFailure))
@pytest.mark.parametrize("holders", [("lon2",), ("lon1", "lon2"), ()])
def test_a_vip_that_moved_stops_even_who_would_continue(
    world: World, policy: OnFailure, holders: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbooks.putback.job_back", job_back)
    moves(world, "lon2", *holders)
    rolling = world.rolling(Policy(on_failure=policy))
    rolling.run()
    assert world.log[:2] == WAVES[:2]
    assert WAVES[2] not in world.log
    who = " and ".join(holders) or "nobody"
    assert f"cluster lon: 192.0.2.10 is held by {who}, and was by lon1" in rolling.stopped


def test_a_vip_that_moves_in_a_cluster_whose_turn_is_next_stops_too(world: World) -> None:
    moves(world, "ams2", "lon2")
    rolling = world.rolling()
    assert statuses(rolling.run()) == all_but(SKIPPED, ams2=CHANGED)
    assert "cluster lon" in rolling.stopped


def test_a_vip_that_moves_in_the_pause_stops_too(
    world: World, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    def wait(_stop: object, seconds: float) -> None:
        clock[0] += seconds
        world.holders["ams"] = ("ams2",)

    monkeypatch.setattr("runbooks.interrupt.Stop.wait", wait)
    rolling = world.rolling(Policy(pause=60.0))
    assert statuses(rolling.run()) == all_but(SKIPPED, ams2=CHANGED)
    assert "cluster ams" in rolling.stopped
    assert "Pausing for 60 s." in world.heard.notes


def test_a_vip_that_comes_back_in_time_is_forgiven(
    world: World, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    moves(world, "fra2", "lon2")

    def wait(_stop: object, seconds: float) -> None:
        clock[0] += seconds
        world.holders["lon"] = ("lon1",)

    monkeypatch.setattr("runbooks.interrupt.Stop.wait", wait)
    assert statuses(world.rolling().run()) == all_but(CHANGED)


def test_it_watches_only_after_what_could_have_shut_vrrp_out(
    world: World, clock: list[float]
) -> None:
    world.rolling(Policy(settle=4.0)).run()
    assert clock[0] == 0.0


def test_it_watches_as_long_as_it_takes_to_notice(world: World, clock: list[float]) -> None:
    world.lets_in = True
    world.rolling(Policy(settle=4.0)).run()
    assert clock[0] == pytest.approx(3 * 4.0)


@pytest.mark.parametrize(
    ("holders", "said"),
    [((), "it has no MASTER"), (("lon1", "lon2"), "lon1 and lon2 are both MASTER")],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_cluster_without_one_master_is_left_alone(
    world: World, holders: tuple[str, ...], said: str, dry_run: bool, clock: list[float]
) -> None:
    world.holders["lon"] = holders
    rolling = world.rolling(Policy(dry_run=dry_run))
    outcomes = rolling.run()
    good = Status.PLANNED if dry_run else CHANGED
    assert statuses(outcomes) == all_but(good, lon1=FAILED, lon2=FAILED)
    error = outcomes[4].error
    assert error is not None
    assert (error.kind, said in error.message, "--now" in error.hint) == ("cluster", True, True)
    assert clock[0] > 10  # routers that have just booted have a moment
    if not dry_run:
        assert read(RUN).summary == {CHANGED: 4, FAILED: 2}


def test_now_waits_for_nothing(world: World, clock: list[float]) -> None:
    world.holders["lon"] = ("lon1", "lon2")
    world.lets_in = True
    rolling = world.rolling(Policy(now=True))
    assert statuses(rolling.run()) == all_but(CHANGED)
    assert world.log == [ROUTERS]
    assert clock[0] == 0.0


def why(outcomes: tuple[Outcome, ...], router: str) -> tuple[str, str]:
    (error,) = (each.error for each in outcomes if each.router == router)
    assert error is not None
    return error.kind, str(error)


@pytest.mark.parametrize("dry_run", [False, True])
def test_one_router_is_down_and_only_its_cluster_is_held_back(
    world: World, clock: list[float], dry_run: bool
) -> None:
    world.unreachable = {"fra2"}
    world.lets_in = True
    outcomes = world.rolling(Policy(dry_run=dry_run, settle=2.0)).run()
    good = Status.PLANNED if dry_run else CHANGED
    assert statuses(outcomes) == all_but(good, fra1=SKIPPED, fra2=FAILED)
    kind, said = why(outcomes, "fra1")
    assert kind == "cluster"
    assert "in its cluster fra, fra2 failed" in said
    assert "--on-failure continue" in said
    assert outcomes[2].changes == (EDIT,)
    if dry_run:
        return
    assert world.log == [("ams2",), ("lon2",), ("ams1", "lon1")]
    assert clock[0] == pytest.approx(3 * 2.0)
    recorded = read(RUN)
    assert {name: recorded.routers[name].status for name in ("fra1", "fra2")} == {
        "fra1": SKIPPED,
        "fra2": FAILED,
    }
    assert not recorded.routers["fra1"].begun


@pytest.mark.parametrize("policy", [Policy(now=True), Policy(on_failure=OnFailure.CONTINUE)])
def test_who_says_so_goes_on_beside_a_router_that_is_down(world: World, policy: Policy) -> None:
    world.unreachable = {"fra2"}
    world.lets_in = True
    assert statuses(world.rolling(policy).run()) == all_but(CHANGED, fra2=FAILED)
    assert world.asked.count("fra2") == 1
    recorded = read(RUN).routers["fra2"]
    assert (recorded.status, recorded.begun) == (FAILED, False)


def test_a_router_that_is_not_asked_for_and_is_down_holds_its_cluster_back(world: World) -> None:
    world.unreachable = {"fra2"}
    outcomes = world.rolling(jobs=["ams1", "fra1"]).run()
    assert statuses(outcomes) == {"ams1": CHANGED, "fra1": SKIPPED}
    assert "`lvsfleet status --limit fra2` says why" in why(outcomes, "fra1")[1]
    assert world.log == [("ams1",)]


def test_a_router_as_wanted_is_not_held_back(world: World) -> None:
    world.unreachable = {"fra2"}
    world.unchanged = {"fra1"}
    assert statuses(world.rolling().run()) == all_but(CHANGED, fra1=UNCHANGED, fra2=FAILED)


def test_a_backup_that_fails_keeps_its_master_from_being_changed(world: World) -> None:
    world.ends = {"fra2": REVERTED}
    outcomes = world.rolling(Policy(max_failures=Share(1), batch=Share(1))).run()
    assert statuses(outcomes) == all_but(CHANGED, fra1=SKIPPED, fra2=REVERTED)
    assert "fra2 failed" in why(outcomes, "fra1")[1]
    assert world.log == [("ams2",), ("fra2",), ("lon2",), ("ams1",), ("lon1",)]


def test_routers_without_a_cluster_hold_nobody_back(world: World) -> None:
    world.clusters = {"a": None, "b": None, "c": None}
    world.unreachable = {"a"}
    assert statuses(world.rolling().run()) == {"a": FAILED, "b": CHANGED, "c": CHANGED}


@pytest.mark.parametrize("policy", list(OnFailure))
def test_asked_to_stop_between_waves(world: World, policy: OnFailure) -> None:
    world.when = lambda wave: world.stop.request() if "fra2" in wave else None
    rolling = world.rolling(Policy(on_failure=policy))
    done = {"ams2": CHANGED, "fra2": CHANGED, "lon2": CHANGED}
    assert statuses(rolling.run()) == all_but(SKIPPED, **done)
    assert world.log == WAVES[:2]
    assert read(RUN).end is End.INTERRUPTED


def test_asked_to_stop_before_anything_was_begun(world: World) -> None:
    world.stop.request()
    rolling = world.rolling()
    assert statuses(rolling.run()) == all_but(SKIPPED)
    assert (world.log, rolling.journal) == ([], None)


def job_back(_run: object, router: str, wanted: Desired, *, force: bool) -> Job:
    assert force
    del router
    return Job(wanted, lambda _: pytest.fail("a made-up router plans for itself"))


@pytest.fixture
def _back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runbooks.putback.job_back", job_back)


@pytest.mark.usefixtures("_back")
def test_rollback_puts_back_newest_first(world: World) -> None:
    world.ends = {"fra1": REVERTED}
    rolling = world.rolling(Policy(on_failure=OnFailure.ROLLBACK))
    assert statuses(rolling.run()) == all_but(REVERTED)
    assert world.log == [*WAVES, ("lon1",), ("ams1",), ("lon2",), ("fra2",), ("ams2",)]
    assert rolling.stopped == f"fra1 failed; run {BACK} put back what had been changed"
    assert read(RUN).summary == {REVERTED: 6}
    back = read(BACK)
    assert (back.command, back.end) == ("rollback", End.ENDED)
    assert list(back.routers) == ["lon1", "ams1", "lon2", "fra2", "ams2"]
    assert back.summary == {CHANGED: 5}


@pytest.mark.usefixtures("_back")
@pytest.mark.parametrize(
    ("end", "left"), [(FAILED, CHANGED), (REVERTED, CHANGED), (UNKNOWN, UNKNOWN)]
)
def test_what_cannot_be_put_back_is_said(world: World, end: Status, left: Status) -> None:
    world.ends = {"fra1": REVERTED}

    def when(wave: tuple[str, ...]) -> None:
        if wave == ("lon2",):
            world.ends["lon2"] = end

    world.when = when
    outcomes = world.rolling(Policy(on_failure=OnFailure.ROLLBACK)).run()
    assert statuses(outcomes) == all_but(REVERTED, lon2=left)
    error = outcomes[5].error
    assert error is not None
    assert error.message == "it was changed, and could not be put back: it went wrong"


@pytest.mark.usefixtures("_back")
def test_asked_to_stop_while_putting_back(world: World) -> None:
    world.ends = {"fra1": REVERTED}
    world.when = lambda wave: world.stop.request() if wave == ("lon2",) else None
    outcomes = world.rolling(Policy(on_failure=OnFailure.ROLLBACK)).run()
    assert statuses(outcomes) == all_but(REVERTED, fra2=CHANGED, ams2=CHANGED)
    assert read(BACK).end is End.INTERRUPTED


@pytest.mark.usefixtures("_back")
def test_a_record_of_putting_back_that_cannot_be_made_does_not_keep_from_it(world: World) -> None:
    world.ends = {"fra1": REVERTED}
    rolling = world.rolling(Policy(on_failure=OnFailure.ROLLBACK))

    def full() -> None:
        raise NotRecorded("no room")

    rolling.fleet.journal_back = full  # type: ignore[assignment]
    assert statuses(rolling.run()) == all_but(REVERTED)
    assert "This is not recorded: no room" in world.heard.notes


def test_a_journal_that_cannot_be_made_stops_before_anything(world: World) -> None:
    rolling = world.rolling()

    def full() -> None:
        raise NotRecorded("no room")

    rolling.fleet.journal = full  # type: ignore[assignment]
    with pytest.raises(NotRecorded):
        rolling.run()
    assert world.log == []


def test_routers_without_a_cluster_go_alone_and_together(world: World) -> None:
    world.clusters = {"a": None, "b": None, "c": None}
    world.rolling().run()
    assert world.log == [("a",), ("b", "c")]
    assert desired("a", None).services == ()
