"""Runs that must not stay half done: which they are, what they hold up, who ends them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inventory.editing.delta import Delta
from inventory.loader import EXAMPLE
from runbooks.guardian import guard
from runbooks.history import asked, inventory_left, result
from runbooks.history_run import render_run
from runbooks.journal import Journal, NotRead, RecordedRun, read, recorded
from runbooks.journal.place import runs
from runbooks.journal.pruning import prune
from runbooks.journal.unfinished import ending, mark, marked, unmark
from runbooks.unfinished import LOG, Unfinished, refuse, tell, unfinished, whole
from runbooks.vip_again import is_of_a_vip
from tasks.outcome import Edit, Op, Outcome, Status, Where

RUN = "20261123T074512Z-ams-4f2a"
BEFORE, AFTER = b"vips: [203.0.113.10]\n", b"vips: [203.0.113.20]\n"
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def begun(*steps: tuple[str, str, str], inventory: str = "", run: str = RUN) -> Journal:
    """A run that moves a VIP on two routers, with its steps so far."""
    journal = Journal.create(
        run,
        command="vip",
        inventory=None,
        selection={},
        options={"service": "web", "old": "203.0.113.10", "new": "203.0.113.20"},
        started=datetime(2026, 11, 23, tzinfo=UTC),
    )
    for router in ("ams1", "ams2"):
        edit = Edit(Op.ADD, Where.RUNTIME, "-A web", "web", "iptables mangle")
        journal.plan(router, [edit], "iptables", "ams")
    journal.inventory([Delta.of("/x/groups.yaml", "groups.yaml", BEFORE, AFTER)])
    mark(run)
    for router, step, state in steps:
        journal.note(router, step, state)
    if inventory:
        journal.inventory_is(inventory)
    return journal


def cut_off(*steps: tuple[str, str, str], inventory: str = "") -> RecordedRun:
    begun(*steps, inventory=inventory).close()
    return read(RUN)


def both(step: str, state: str) -> list[tuple[str, str, str]]:
    return [("ams1", step, state), ("ams2", step, state)]


BEGUN = both("begin", "done")
CONFIRMED = [*BEGUN, *both("commit", "done")]


@pytest.mark.parametrize(
    ("steps", "inventory", "is_whole"),
    [
        ([], "", True),
        (BEGUN, "", False),
        ([*BEGUN, ("ams1", "commit", "done")], "", False),
        (CONFIRMED, "", False),
        (CONFIRMED, "starts", False),
        (CONFIRMED, "failed", False),
        (CONFIRMED, "done", True),
        ([*BEGUN, *both("revert", "done")], "", True),
        ([*BEGUN, ("ams1", "revert", "done")], "", False),
        ([], "done", True),
    ],
)
def test_what_is_whole(steps: list[tuple[str, str, str]], inventory: str, is_whole: bool) -> None:
    assert whole(cut_off(*steps, inventory=inventory)) is is_whole
    found = [] if is_whole else [RUN]
    assert [each.id for each in unfinished(None)] == found
    assert marked() == found


def test_what_becomes_of_the_inventory_is_read_again() -> None:
    edit = cut_off(inventory="starts").edit
    assert edit is not None
    assert edit.state == "starts"
    (delta,) = edit.files
    assert delta.label == "groups.yaml"
    assert delta.undone(AFTER) == BEFORE


def test_a_journal_that_was_deleted_holds_nothing_up() -> None:
    cut_off(*CONFIRMED)
    shutil.rmtree(runs() / RUN)
    refuse(None, ["ams1"])
    assert marked() == []


def test_one_that_is_there_and_cannot_be_read_does(capsys: pytest.CaptureFixture[str]) -> None:
    """As where there are too many open files: what was cut off stays so."""
    cut_off(*CONFIRMED)
    journal = runs() / RUN / "journal.jsonl"
    kept = journal.read_bytes()
    journal.unlink()
    journal.mkdir()
    tell(None)
    assert f"may not be finished: {journal} cannot be read" in capsys.readouterr().err
    with pytest.raises(NotRead, match="cannot be read"):
        refuse(None, ["ams1"])
    assert marked() == [RUN]
    journal.rmdir()
    journal.write_bytes(kept)
    with pytest.raises(Unfinished):
        refuse(None, ["ams1"])


def test_its_routers_are_left_alone_and_others_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    cut_off(*CONFIRMED)

    refuse(None, ["fra1", "fra2"])
    refuse(Path("/srv/other"), ["ams1"])
    refuse(None, ["ams1"], but=[RUN])
    with pytest.raises(Unfinished, match=f"run {RUN} on ams1, ams2 was not finished") as error:
        refuse(EXAMPLE, ["ams2", "fra1"])
    assert f"`lvsfleet resume {RUN}`" in error.value.hint

    tell(None)
    assert f"`lvsfleet rollback {RUN}` takes it back" in capsys.readouterr().err


def test_while_it_is_at_work_or_being_ended_that_is_said() -> None:
    journal = begun(*BEGUN)
    with pytest.raises(Unfinished, match="is at work") as error:
        refuse(None, ["ams1"])
    assert error.value.hint == "Wait for its end"
    journal.close()

    with ending(RUN) as free, ending(RUN) as other:
        assert free
        assert not other
        with pytest.raises(Unfinished) as error:
            refuse(None, ["ams1"])
    assert str(runs() / RUN / LOG) in error.value.hint


def test_a_mark_without_a_journal_goes() -> None:
    mark("20261123T074512Z-ams-dead")
    assert unfinished(None) == []
    assert marked() == []


def test_the_history_says_what_is_left() -> None:
    run = cut_off(*CONFIRMED)
    assert asked(run) == "vip move web 203.0.113.10 → 203.0.113.20"
    assert f"`lvsfleet resume {RUN}`" in inventory_left(run)
    text = render_run(run, now=datetime(2026, 11, 24, tzinfo=UTC))
    assert "edited     groups.yaml (not written)" in text
    assert f"`lvsfleet rollback {RUN}` takes all back" in text


def test_the_history_says_when_another_run_ended_it() -> None:
    cut_off(*BEGUN)
    now = datetime(2026, 11, 24, tzinfo=UTC)
    assert f"`lvsfleet resume {RUN}` goes on" in render_run(read(RUN), now=now)
    unmark(RUN)
    text = render_run(read(RUN), now=now)
    assert "resume" not in text
    assert "ams1: ended later" in text
    assert result(read(RUN)) == "2 ended later, cut off"


def test_likewise_of_one_that_nobody_waited_for() -> None:
    """Somebody pressed Ctrl-C twice: its guardian ended it, and the journal cannot know."""
    journal = begun(*both("begin", "starts"))
    for router in ("ams1", "ams2"):
        journal.outcome(Outcome(router, Status.UNKNOWN))
    journal.end(interrupted=True)
    journal.close()
    now = datetime(2026, 11, 24, tzinfo=UTC)
    assert f"`lvsfleet resume {RUN}` goes on" in render_run(read(RUN), now=now)
    unmark(RUN)
    text = render_run(read(RUN), now=now)
    assert "lvsfleet resume" not in text
    assert "Another run, or the routers by themselves, brought it to its end." in text


def test_the_history_says_how_a_vip_was_to_drain() -> None:
    for command, options, said in (
        ("drain", {"how": "reject"}, "vip drain web 203.0.113.10 (reject)"),
        ("undrain", {"was": "reject"}, "vip undrain web 203.0.113.10"),
    ):
        journal = Journal.create(
            f"{RUN}-{command}",
            command=command,
            inventory=None,
            selection={},
            options={"service": "web", "vip": "203.0.113.10", **options},
            started=datetime(2026, 11, 23, tzinfo=UTC),
        )
        journal.close()
        run = read(f"{RUN}-{command}")
        assert asked(run) == said
        assert is_of_a_vip(run)


def test_it_is_kept_however_old() -> None:
    journal = begun(*CONFIRMED, inventory="failed")
    journal.end()
    journal.close()
    prune(runs(), keep=0)
    assert read(RUN).marked
    unmark(RUN)
    prune(runs(), keep=0)
    assert recorded() == []


def test_the_guardian_of_a_run_that_changed_nothing_only_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cut_off()
    assert guard(RUN)
    assert marked() == []
    assert f"Run {RUN} is whole." in capsys.readouterr().err


_PROGRAM = """
import sys, time
from datetime import UTC, datetime
from runbooks.guarding import start_guardian
from runbooks.journal.place import make_folders, runs
folder = runs() / sys.argv[1]
make_folders(folder)
guardian = start_guardian(folder)
if sys.argv[2] == "ends":
    guardian.end()
else:
    print(guardian.process.pid, flush=True)
    time.sleep(600)
"""


def program(word: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, RUN, word],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )


def log() -> str:
    return (runs() / RUN / LOG).read_text()


def test_a_kill_of_the_whole_group_leaves_who_ends_the_run() -> None:
    with program("dies") as running:
        assert running.stdout is not None
        guardian = int(running.stdout.readline())
        os.killpg(running.pid, signal.SIGKILL)
    wait_for(lambda: f"Run {RUN} is whole." in log())
    wait_for(lambda: _is_dead(guardian))


def test_a_program_that_lives_to_its_end_leaves_nobody() -> None:
    with program("ends") as running:
        assert running.wait(120) == 0
    assert log() == ""


def _is_dead(process: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)
