"""Routers that change as one, and somebody who presses Ctrl-C: none is left out, or it is said."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
from nornir.core import Nornir
from nornir.core.inventory import Defaults, Groups, Host, Hosts, Inventory

from runbooks.abreast import Abreast, Member
from runbooks.engine import Fleet
from runbooks.interrupt import Stop
from runbooks.policy import Policy
from runbooks.progress import ProgressProcessor
from runbooks.runner import FleetRunner
from runbooks.takeback import take_back
from tasks.errors import ApplyFailed, NotReady, RouterError
from tasks.look import Look, Options
from tasks.outcome import Outcome, Status
from tests.unit.runbooks import fleets

NAMES = ("ams1", "ams2")


class Undone:
    """The run on one router."""

    step: object = None


@pytest.fixture(autouse=True)
def _taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def take_back(_work: Undone, seen: Look, _run: str, error: RouterError) -> Outcome:
        return Outcome(seen.router, Status.REVERTED, error=error)

    monkeypatch.setattr("runbooks.takeback.back.take_back", take_back)


def abreast(stop: Stop) -> Abreast:
    """Two routers; one worker would take them one after the other."""
    hosts = Hosts({name: Host(name) for name in NAMES})
    fleet = Fleet(
        nornir=Nornir(Inventory(hosts, Groups(), Defaults())),
        desired={},
        policy=Policy(),
        options=Options(run=fleets.RUN),
        runner=FleetRunner(1, stop=stop).abreast(len(NAMES)),
        processor=ProgressProcessor(fleets.Heard()),
        stop=stop,
        journal=lambda: pytest.fail("no journal"),
        journal_back=lambda: pytest.fail("no journal"),
    )
    found = Abreast(fleet, until=time.monotonic() + 60)
    for name in NAMES:
        seen = Look(name, fleets.observed(), None)
        member = Member(cast("Any", Undone()), seen, fleets.observed(), fleets.observed())
        found.members[name] = member
    return found


def asked_to_stop(times: int) -> Stop:
    stop = Stop()
    for _ in range(times):
        stop.request()
    return stop


def test_a_step_that_one_takes_all_take_after_ctrl_c() -> None:
    done: list[str] = []
    abreast(asked_to_stop(1)).each(NAMES, "commit", lambda _, name: done.append(name))
    assert sorted(done) == list(NAMES)


def test_a_step_that_nobody_took_is_none_that_went_well() -> None:
    done: list[str] = []
    with pytest.raises(NotReady):
        abreast(asked_to_stop(2)).each(NAMES, "commit", lambda _, name: done.append(name))
    assert done == []


@pytest.mark.parametrize(
    ("times", "status"), [(1, Status.REVERTED), (2, Status.UNKNOWN)], ids=["once", "twice"]
)
def test_what_was_begun_is_taken_back_or_not_known(times: int, status: Status) -> None:
    all_of_them = abreast(asked_to_stop(times))
    all_of_them.members["ams1"].parts = 1
    ends: dict[str, Outcome] = {}

    take_back(
        all_of_them,
        ApplyFailed("it was asked to stop", "Run again"),
        lambda outcome: ends.update({outcome.router: outcome}),
    )

    assert {name: each.status for name, each in ends.items()} == {
        "ams1": status,
        "ams2": Status.SKIPPED,
    }
    assert ends["ams1"].error is not None


def test_one_that_was_left_at_work_may_have_begun() -> None:
    all_of_them = abreast(asked_to_stop(2))
    all_of_them.members["ams2"].error = RouterError("the run was ended while it was at work")
    ends: dict[str, Outcome] = {}
    take_back(all_of_them, ApplyFailed("x"), lambda each: ends.update({each.router: each}))
    assert ends["ams2"].status is Status.UNKNOWN
