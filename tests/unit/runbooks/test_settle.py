from __future__ import annotations

from collections.abc import Iterator

import pytest

from runbooks.interrupt import Stop
from runbooks.roles import Roles
from runbooks.settle import PATIENCE, settle
from tests.unit.runbooks.fleets import a_clock, vip


def held_by(*names: str) -> Roles:
    return Roles("ams", {vip("ams"): names}, frozenset({"ams1", "ams2"}))


BEFORE, MOVED, BOTH = held_by("ams1"), held_by("ams2"), held_by("ams1", "ams2")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    with a_clock(monkeypatch) as now:
        yield now


class Seen:
    """What the looks see, one after another; the last goes on. Each look takes 0.1 s."""

    def __init__(self, clock: list[float], *roles: Roles) -> None:
        self.clock = clock
        self.roles = list(roles)
        self.looks = 0

    def __call__(self) -> list[tuple[Roles, Roles]]:
        self.looks += 1
        self.clock[0] += 0.1
        roles = self.roles.pop(0) if len(self.roles) > 1 else self.roles[0]
        return [(BEFORE, roles)]


def test_one_look_is_enough_where_nothing_was_risked(clock: list[float]) -> None:
    seen = Seen(clock, BEFORE)
    assert settle(seen, seconds=0, stop=Stop()) == ""
    assert seen.looks == 1


def test_all_is_well_for_as_long_as_it_takes_to_notice(clock: list[float]) -> None:
    assert settle(Seen(clock, BEFORE), seconds=4, stop=Stop()) == ""
    assert 4 <= clock[0] < 5.5


def test_a_role_that_is_lost_late_is_seen(clock: list[float]) -> None:
    seen = Seen(clock, *[BEFORE] * 5, BOTH)
    assert settle(seen, seconds=4, stop=Stop()).startswith("cluster ams: 203.0.113.10 is held by")
    assert PATIENCE < clock[0] < PATIENCE + 6


@pytest.mark.parametrize("seconds", [0, 4])
def test_a_role_that_comes_back_must_stay(clock: list[float], seconds: float) -> None:
    seen = Seen(clock, MOVED, BOTH, MOVED, BEFORE)
    assert settle(seen, seconds=seconds, stop=Stop()) == ""
    assert clock[0] > 1.5 + seconds


def test_asked_to_stop_there_is_no_more_patience(clock: list[float]) -> None:
    stop = Stop()
    stop.request()
    assert "held by ams2" in settle(Seen(clock, MOVED), seconds=4, stop=stop)
    assert clock[0] < 1
