"""Commands about an earlier run: which routers, which options, which inventory; no router asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from inventory.errors import LvsfleetError
from runbooks import resume as resuming
from runbooks.conduct import Request
from runbooks.earlier import earlier, with_its_inventory
from runbooks.journal import Journal, RecordedRun, read
from runbooks.policy import OnFailure, Policy
from runbooks.resume import undone
from runbooks.rollback import rollback
from runbooks.waves import Share
from tasks.backends.protocol import Change
from tasks.errors import ChangedSince
from tasks.outcome import Edit, Op, Outcome, Status, Where
from tests.unit.runbooks.fleets import desired, observed

RUN = "20261123T074512Z-ams-4f2a"
WEB = Edit(Op.ADD, Where.RUNTIME, "-A web", "web", "iptables mangle")
WEB_SAVED = replace(WEB, where=Where.SAVED)
DNS = Edit(Op.ADD, Where.RUNTIME, "-A dns", "dns", "iptables mangle")


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def begun(run: str = RUN, *, command: str = "rollout", **options: Any) -> Journal:
    return Journal.create(
        run,
        command=command,
        inventory=options.pop("inventory", None),
        selection={},
        options=options,
        started=datetime(2026, 11, 23, tzinfo=UTC),
    )


def recorded(journal: Journal) -> RecordedRun:
    journal.end()
    journal.close()
    return read(journal.folder.name)


def a_run_with_everything() -> RecordedRun:
    journal = begun()
    for status in (Status.CHANGED, Status.REVERTED, Status.UNKNOWN, Status.SKIPPED):
        journal.plan(status.value, [WEB, WEB_SAVED], "iptables", "ams")
        journal.note(status.value, "begin", "starts", RUN)
        journal.outcome(Outcome(status.value, status))
    journal.outcome(Outcome("down", Status.FAILED))
    journal.plan("never", [WEB], "iptables", "ams")
    journal.plan("died", [WEB], "iptables", "ams")
    journal.note("died", "begin", "starts", RUN)
    return recorded(journal)


def test_a_rollback_is_about_what_was_or_may_be_changed() -> None:
    assert a_run_with_everything().touched == ["changed", "unknown", "died"]


def test_a_resumption_is_about_what_may_not_be_done() -> None:
    left = ["reverted", "unknown", "skipped", "down", "never", "died"]
    assert sorted(undone(a_run_with_everything())) == sorted(left)


def test_a_run_that_is_at_work_is_left_alone() -> None:
    journal = begun()
    with pytest.raises(LvsfleetError, match="still at work"):
        earlier(RUN)
    journal.end()
    journal.close()
    assert earlier("4f2a").id == RUN


def test_the_inventory_is_the_runs_unless_another_is_given(tmp_path: Path) -> None:
    run = recorded(begun(inventory=tmp_path))
    assert with_its_inventory(Request(), run).inventory == tmp_path
    assert with_its_inventory(Request(inventory=Path("x")), run).inventory == Path("x")
    gone = replace(run, inventory=str(tmp_path / "gone"))
    with pytest.raises(LvsfleetError, match="is gone"):
        with_its_inventory(Request(), gone)


OPTIONS: dict[str, Any] = {
    "batch": "10%",
    "pause": 60.0,
    "settle": 2.0,
    "on_failure": "continue",
    "max_failures": "3",
    "now": True,
    "timeout": 30.0,
    "confirm_timeout": 20.0,
    "workers": 7,
}


def test_the_options_are_the_runs_unless_others_are_given() -> None:
    run = recorded(begun(**OPTIONS))
    asked = Request(policy=Policy(dry_run=True, pause=1.0), timeout=5.0)
    request = resuming.with_its_options(asked, run, {"pause", "timeout"})
    assert request.policy == Policy(
        dry_run=True,
        now=True,
        batch=Share(10, percent=True),
        pause=1.0,
        settle=2.0,
        on_failure=OnFailure.CONTINUE,
        max_failures=Share(3),
    )
    assert (request.timeout, request.confirm_timeout, request.workers) == (5.0, 20.0, 7)


def test_an_option_of_another_version_is_said() -> None:
    run = recorded(begun(on_failure="panic"))
    with pytest.raises(LvsfleetError, match="does not know"):
        resuming.with_its_options(Request(), run, ())


@pytest.mark.parametrize(
    ("now", "force", "refused"),
    [
        ([WEB, WEB_SAVED], False, False),
        ([WEB_SAVED], False, False),  # part of it is done
        ([], False, False),
        ([WEB, DNS], False, True),
        ([replace(WEB, op=Op.REMOVE)], False, True),
        ([WEB, DNS], True, False),
    ],
)
def test_what_was_not_planned_is_refused(
    monkeypatch: pytest.MonkeyPatch, now: list[Edit], force: bool, refused: bool
) -> None:
    run = a_run_with_everything()
    router = desired("skipped", "ams")
    change = Change(router.backend, tuple(now))
    monkeypatch.setattr(resuming, "plan", lambda *_: change)
    job = resuming._job(run, run, router, force=force)
    if not refused:
        assert job.planner(observed()) is change
        return
    with pytest.raises(ChangedSince, match=r"did not plan this(.|\n)*-A ") as caught:
        job.planner(observed())
    assert "--force" in caught.value.hint


def test_a_router_that_could_not_be_looked_at_is_brought_to_what_the_inventory_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = a_run_with_everything()
    change = Change(desired("down", None).backend, (DNS,))
    monkeypatch.setattr(resuming, "plan", lambda *_: change)
    job = resuming._job(run, run, desired("down", "ams"), force=False)
    assert job.planner(observed()) is change


def test_a_run_is_followed_to_what_it_was_about() -> None:
    first = recorded(begun("20261123T000001Z-ams-0001", command="rollback", of="x", force=True))
    recorded(begun("20261123T000002Z-ams-0002", command="resume", of=first.id))
    third = begun("20261123T000003Z-ams-0003", command="resume", of="20261123T000002Z-ams-0002")
    assert resuming._first(recorded(third)) == first


def test_a_run_that_resumes_itself_is_damaged() -> None:
    with pytest.raises(LvsfleetError, match="damaged"):
        resuming._first(recorded(begun(command="resume", of=RUN)))


def test_without_a_record_of_what_was_there_is_no_way_back() -> None:
    journal = begun()
    journal.plan("ams1", [WEB], "iptables", "ams")
    journal.note("ams1", "begin", "starts", RUN)
    journal.outcome(Outcome("ams1", Status.CHANGED))
    recorded(journal)
    with pytest.raises(LvsfleetError, match="no record of what ams1 was") as caught:
        rollback(Request(), RUN)
    assert "--limit" in caught.value.hint


def test_a_run_that_changed_nothing_has_nothing_to_take_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    recorded(begun())
    run = rollback(Request(), RUN)
    assert (run.outcomes, run.command, run.of, run.journal) == ((), "rollback", RUN, None)
    assert capsys.readouterr().err == ""
