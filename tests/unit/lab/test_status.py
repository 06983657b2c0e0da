"""When a cluster of the lab counts as settled: by its roles, as they follow each other."""

from __future__ import annotations

import pytest

from inventory.errors import LvsfleetError
from lab import status
from lab.status import Role, settle
from lab.topology import Names, Router, topology

PAIR = topology(0, 2).routers
M, B, P, D = Role.MASTER, Role.BACKUP, Role.PARTLY, Role.DOWN
LATEST = 60.0


def settled(
    monkeypatch: pytest.MonkeyPatch, *story: tuple[float, Role, Role], runs: bool = True
) -> float:
    """When it is: each of the roles holds from so many seconds on."""
    now = [0.0]

    def pause(seconds: float) -> None:
        now[0] += seconds

    def role(router: Router, _names: Names) -> Role:
        current = [roles for since, *roles in story if since <= now[0]][-1]
        return current[PAIR.index(router)]

    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", pause)
    monkeypatch.setattr(status, "role", role)
    monkeypatch.setattr(status, "_may_take_over", lambda *_: runs)
    settle(PAIR, Names(0), LATEST)
    return now[0]


def test_at_once_where_the_first_is_the_master(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settled(monkeypatch, (0, M, B)) == 0
    assert settled(monkeypatch, (0, B, B), (2, M, P), (3, M, B)) == pytest.approx(3, abs=0.2)


def test_another_master_must_have_stayed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    story = ((0.0, B, B), (2.0, B, M))
    assert settled(monkeypatch, *story, runs=False) == pytest.approx(5, abs=0.3)


def test_a_first_one_that_is_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settled(monkeypatch, (0, B, M), (9, M, B)) == pytest.approx(9, abs=0.2)
    assert settled(monkeypatch, (0, B, M)) == pytest.approx(20, abs=0.3)


def test_who_is_left_alone_needs_no_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settled(monkeypatch, (0, D, B), (2, D, M)) == pytest.approx(2, abs=0.2)
    assert settled(monkeypatch, (0, D, D)) == 0


def test_two_masters_never_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LvsfleetError, match="no single MASTER after 60 s: ams1 MASTER, ams2"):
        settled(monkeypatch, (0, M, M))
