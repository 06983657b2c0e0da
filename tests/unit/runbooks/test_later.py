"""Taking back a run whose VIP a later one moved: which one that was, and what comes first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inventory.editing.changes import Change
from inventory.editing.draining import Drain, Wanted
from inventory.editing.errors import EditRefused, NotEditable
from runbooks.journal import Journal, RecordedRun, read
from runbooks.later import naming_later
from tasks.outcome import Edit, Op, Outcome, Status, Where

VIP, NEW, THIRD = "2001:db8::10", "2001:db8::20", "2001:db8::30"
RUN, LATER, LATEST = (f"20261123T0{hour}4512Z-ams-4f2a" for hour in (7, 8, 9))
MOVED = {"service": "web", "old": "2001:DB8::10", "new": NEW}
UNDRAIN = Drain.of("web", VIP, None)
REFUSAL = EditRefused(f"{VIP} is no VIP of service web", "It has 2001:db8::20")


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def recorded(
    run: str,
    options: Mapping[str, str | None],
    *,
    command: str = "vip",
    inventory: Path | None = None,
    status: Status = Status.CHANGED,
) -> RecordedRun:
    journal = Journal.create(
        run,
        command=command,
        inventory=inventory,
        selection={},
        options=options,
        started=datetime(2026, 11, 23, tzinfo=UTC),
    )
    edit = Edit(Op.ADD, Where.RUNTIME, "-A web", "web", "iptables mangle")
    journal.plan("ams1", [edit], "iptables", "ams")
    journal.note("ams1", "begin", "starts")
    journal.outcome(Outcome("ams1", status))
    journal.end()
    return read(run)


def drained() -> RecordedRun:
    return recorded(RUN, {"service": "web", "vip": VIP, "how": "drop"}, command="drain")


def refused(run: RecordedRun, wanted: Wanted, refusal: EditRefused = REFUSAL) -> EditRefused:
    with pytest.raises(EditRefused) as told, naming_later(run, wanted):
        raise refusal
    return told.value


def test_the_run_that_moved_it_is_named_and_goes_first() -> None:
    run = drained()
    recorded(LATER, MOVED)
    told = refused(run, UNDRAIN)
    assert told.message == (
        f"{VIP} is no VIP of service web; run {LATER} (vip move web 2001:DB8::10 → {NEW})"
        f" came after run {RUN}"
    )
    assert told.hint == f"First `lvsfleet rollback {LATER}`, then this one"


def test_of_several_it_is_the_newest() -> None:
    run = drained()
    recorded(LATER, MOVED)
    recorded(LATEST, {**MOVED, "of": LATER}, command="rollback")
    assert f"run {LATEST} (rollback of {LATER}) came after" in refused(run, UNDRAIN).message


def test_one_that_brought_it_elsewhere_is_the_reason_too() -> None:
    run = recorded(RUN, {"service": "web", "old": VIP, "new": NEW})
    recorded(LATER, {"service": "ftp", "old": None, "new": VIP})
    back = Change.of("web", old=NEW, new=VIP)
    told = refused(run, back, EditRefused(f"{VIP} is taken: service ftp of ams has it"))
    assert f"run {LATER} (vip add ftp {VIP}) came after" in told.message


@pytest.mark.parametrize("what", ["elsewhere", "another", "reverted", "broken", "before", "none"])
def test_any_other_run_is_no_reason(what: str) -> None:
    run = drained()
    other = {"service": "web", "old": NEW, "new": THIRD}
    if what == "elsewhere":
        recorded(LATER, MOVED, inventory=Path("/srv/other"))
    elif what == "another":
        recorded(LATER, other)
    elif what == "reverted":
        recorded(LATER, MOVED, status=Status.REVERTED)
    elif what == "broken":
        recorded(LATER, {**MOVED, "old": "10.0.0"})
    elif what == "before":
        recorded(RUN.replace("T07", "T06"), MOVED)
    assert refused(run, UNDRAIN) is REFUSAL


def test_an_inventory_that_cannot_be_edited_is_a_reason_of_its_own() -> None:
    run = drained()
    recorded(LATER, MOVED)
    refusal = NotEditable("this inventory comes from a plugin", "")
    assert refused(run, UNDRAIN, refusal) is refusal
