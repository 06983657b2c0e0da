"""The journal as it is written: private, whole, by many threads, on disks that are full."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from runbooks.journal import End, Journal, NotRecorded, kept, read, recorded
from runbooks.journal.log import SharedSync
from runbooks.journal.place import NoPlace, file_name, runs
from runbooks.journal.pruning import prune
from tasks.errors import Unreachable
from tasks.outcome import Edit, Op, Outcome, Status, Where
from tasks.sections import Section

ROOT = Path(__file__).parents[3]
RUN = "20261123T074512Z-ams-4f2a"
STARTED = datetime(2026, 11, 23, 7, 45, 12, tzinfo=UTC)
EDITS = tuple(Edit(Op.ADD, where, "-A x \udcff", "web", "iptables mangle") for where in Where)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def begun(run: str = RUN, **options: Any) -> Journal:
    return Journal.create(
        run,
        command="rollout",
        inventory=Path("/srv/inventory"),
        selection={"limit": ["ams"]},
        options=options,
        started=STARTED,
        who="root@ops",
    )


def lines(run: str = RUN) -> list[dict[str, Any]]:
    text = (runs() / run / "journal.jsonl").read_text()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_what_a_run_does_is_read_again() -> None:
    journal = begun(confirm_timeout=60)
    journal.plan("ams1", EDITS, "iptables", "ams")
    journal.plan("ams2", EDITS, "iptables", "ams")
    journal.wave(1, ["ams1"])
    for step in ("begin", "verify", "commit"):
        journal.note("ams1", step, "starts", RUN if step == "begin" else "")
        journal.note("ams1", step, "done")
    journal.outcome(Outcome("ams1", Status.CHANGED, seconds=1.5))
    journal.outcome(Outcome("ams2", Status.SKIPPED, error=Unreachable("gone", "Look")))
    assert read(RUN).end is End.RUNNING
    journal.end(interrupted=True, stopped="asked to")
    run = read(RUN)
    assert (run.end, run.stopped, run.command) == (End.INTERRUPTED, "asked to", "rollout")
    assert (run.started, run.inventory, run.who) == (STARTED, "/srv/inventory", "root@ops")
    assert run.selection == {"limit": ("ams",)}
    assert run.summary == {Status.CHANGED: 1, Status.SKIPPED: 1}
    one, two = run.routers.values()
    assert (one.changes, one.backend, one.cluster, one.wave) == (EDITS, "iptables", "ams", 1)
    assert [(s.step, s.state) for s in one.steps][-1] == ("commit", "done")
    assert two.error is not None
    assert (two.error.kind, two.error.message, two.begun) == ("unreachable", "gone", False)
    assert run.open == ()


def test_each_line_says_when() -> None:
    before = datetime.now(UTC)
    begun().note("ams1", "begin", "starts")
    first, second = lines()
    assert first["t"].endswith("Z")
    assert len(first["t"]) == len("2026-11-23T07:45:12.123Z")
    assert 0 <= (datetime.fromisoformat(second["t"]) - before).total_seconds() + 0.001 < 600
    assert 0 <= first["s"] <= second["s"]


def test_only_harmless_options_and_no_password_of_keepalived() -> None:
    journal = begun(confirm_timeout=60, **dict.fromkeys(["password", "token"], "hunter2"))
    conf = 'auth_type PASS\n  auth_pass hunter2 # x\nauth_pass "hunter2 2"\nauth_pass hunter2'
    journal.keep("ams1", "snapshot", {"keepalived.conf": Section(conf, 0)})
    assert b"hunter2" not in b"".join(f.read_bytes() for f in runs().rglob("*") if f.is_file())
    assert read(RUN).options == {"confirm_timeout": 60}
    text = kept(RUN, "ams1", "snapshot")["keepalived.conf"].text
    assert text.startswith("auth_type PASS\n  auth_pass (not kept) # x\nauth_pass (not kept)\n")


@pytest.mark.parametrize("umask", [0, 0o077, 0o277])
def test_nobody_else_may_read_it(umask: int) -> None:
    old = os.umask(umask)
    try:
        journal = begun()
        journal.keep("ams1", "before", {})
        journal.note("ams1", "begin", "starts")
        journal.end()
    finally:
        os.umask(old)
    home = runs().parent
    for path in (home, *home.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_what_was_kept_comes_back_byte_for_byte() -> None:
    journal = begun()
    whole = {"a b/c": Section("x\r\n\udcff\x00é", 3), "": Section("", 0)}
    journal.keep("ams1", "before", {"old": Section("", 0)})
    journal.keep("ams1", "before", whole)
    assert kept(RUN, "ams1", "before") == whole
    assert [f.name for f in (runs() / RUN / "routers" / "ams1").iterdir()] == ["before.json"]


def test_what_was_before_the_run_stays_when_the_run_puts_it_back() -> None:
    journal = begun()
    for text in ("first", "second"):
        journal.keep("ams1", "before", {"a": Section(text, 0)})
        journal.keep("ams1", "after", {"a": Section(f"{text} after", 0)})
        journal.note("ams1", "commit", "done")
    names = ("before", "after", "before-2", "after-2")
    texts = [kept(RUN, "ams1", name)["a"].text for name in names]
    assert texts == ["first", "first after", "second", "second after"]


@pytest.mark.parametrize(
    "name", ["..", ".", "", "../../etc/passwd", "a/b", "\0", "é" * 300, "x" * 253, "\udcff", ".x"]
)
def test_any_name_stays_in_its_folder(name: str) -> None:
    journal = begun()
    journal.keep(name, name, {"s": Section("t", 0)})
    assert kept(RUN, name, name)["s"].text == "t"
    (folder,) = (runs() / RUN / "routers").iterdir()
    assert len([*folder.iterdir()]) == 1
    assert len(file_name(name)) < 250


def test_names_that_are_not_alike_have_files_that_are_not_alike() -> None:
    names = ["a", "a/b", "a%2Fb", ".", "%2E", "x" * 300, "x" * 301, "", "A"]
    assert len({file_name(name) for name in names}) == len(names)


def test_a_run_is_recorded_once() -> None:
    begun().note("ams1", "begin", "starts")
    before = (runs() / RUN / "journal.jsonl").read_bytes()
    with pytest.raises(NotRecorded, match="already"):
        begun()
    assert (runs() / RUN / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "x" * 101, "a\n"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(NotRecorded, match="no name"):
        begun(name)


def test_a_file_in_the_way_is_said_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(NotRecorded, match=r"Not a directory|File exists") as caught:
        begun()
    assert "XDG_STATE_HOME" in caught.value.hint
    assert str(tmp_path / "state") in caught.value.message


def test_a_relative_state_folder_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "here")
    monkeypatch.setenv("HOME", "/home/x")
    assert runs() == Path("/home/x/.local/state/lvsfleet/runs")

    def nobody() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(NoPlace):
        runs()


def test_a_disk_that_is_full_at_the_beginning_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(NotRecorded, match="No space left"):
        begun()
    assert recorded() == []
    assert [*runs().iterdir()] == []


_LIMITED = """
import resource, sys
from datetime import UTC, datetime
from runbooks.journal import Journal
from tasks.sections import Section

journal = Journal.create(sys.argv[1], command="rollout", inventory=None, selection={}, options={},
                         started=datetime.now(UTC))
size = (journal.folder / "journal.jsonl").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 250, resource.RLIM_INFINITY))
refused = 0
for number in range(4):
    try:
        journal.note("ams1", "begin", "starts", "x" * 60)
    except OSError:
        refused += 1
try:
    journal.keep("ams1", "before", {"a": Section("x" * 1000, 0)})
except OSError:
    refused += 1
assert journal.failed is not None
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.note("ams2", "begin", "starts")
journal.end()
print(refused, journal.failed.errno)
"""


def test_a_line_that_the_disk_took_half_of_harms_no_other() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, RUN], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == f"4 {errno.EFBIG}\n"
    run = read(RUN)
    assert run.damaged == 1
    assert run.end is End.ENDED
    assert [len(each.steps) for each in run.routers.values()] == [1, 1]
    assert [*(runs() / RUN / "routers" / "ams1").iterdir()] == []


def test_a_failed_sync_is_told_to_all_who_waited_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    journal = begun()
    heard: list[int | None] = []
    together = threading.Barrier(8)

    def broken(_descriptor: int) -> None:
        time.sleep(0.05)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def note(router: str) -> None:
        together.wait()
        try:
            journal.note(router, "begin", "starts")
        except OSError as error:
            heard.append(error.errno)

    monkeypatch.setattr(os, "fsync", broken)
    run_all([threading.Thread(target=note, args=(f"r{i}",)) for i in range(8)])
    assert heard == [errno.EIO] * 8
    assert journal.failed is not None
    monkeypatch.undo()


def run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()


def test_forty_threads_share_syncs_and_no_line_is_torn(monkeypatch: pytest.MonkeyPatch) -> None:
    journal, real, synced = begun(), os.fsync, []
    counted, at_work, writing = threading.Lock(), 40, 0

    def slow(descriptor: int) -> None:
        """A disk that is so slow that meanwhile everybody comes who is still to come."""
        end = time.monotonic() + 5
        while writing < at_work and time.monotonic() < end:
            time.sleep(0.001)
        synced.append(descriptor)
        real(descriptor)

    def note(*words: str) -> None:
        nonlocal writing
        with counted:
            writing += 1
        journal.note(*words)
        with counted:
            writing -= 1

    def work(router: str) -> None:
        nonlocal at_work
        for step in ("begin", "verify", "commit"):
            note(router, step, "starts", "x" * 500)
            note(router, step, "done")
        with counted:
            at_work -= 1

    monkeypatch.setattr(os, "fsync", slow)
    run_all([threading.Thread(target=work, args=(f"r{i}",)) for i in range(40)])
    assert len(lines()) == 1 + 240
    # Each round of six waits for a sync that is under way, and for its own: 12, and some slack.
    assert len(synced) < 60
    assert read(RUN).summary == {Status.CHANGED: 40}
    since = [line["s"] for line in lines()]
    assert since == sorted(since)


def test_a_sync_that_began_before_does_not_count() -> None:
    begins, may_end = threading.Event(), threading.Event()
    done: list[int] = []

    def sync() -> None:
        begins.set()
        may_end.wait(60)
        done.append(len(done))

    shared = SharedSync(sync)
    first = threading.Thread(target=shared)
    first.start()
    begins.wait(60)
    second = threading.Thread(target=shared)
    second.start()
    time.sleep(0.05)
    may_end.set()
    first.join(60)
    second.join(60)
    assert done == [0, 1]


def ended(run: str) -> None:
    journal = begun(run)
    journal.end()
    journal.close()


def test_old_runs_go_but_none_without_an_end() -> None:
    names = [f"2026112{day}T000000Z-fleet-0000" for day in range(8)]
    for name in names:
        if name == names[1]:
            begun(name).close()
        else:
            ended(name)
    (runs() / ".gone-x" / "routers").mkdir(parents=True)
    prune(runs(), keep=3)
    assert recorded() == [*reversed(names[5:]), names[1]]
    assert sorted(path.name for path in runs().iterdir()) == sorted(recorded())


def test_a_thread_that_nobody_waits_for_may_note_its_end_later() -> None:
    journal = begun()
    journal.note("ams1", "begin", "starts")
    journal.outcome(Outcome("ams1", Status.UNKNOWN))
    journal.end()
    assert [each.name for each in read(RUN).open] == ["ams1"]
    journal.note("ams1", "commit", "done")
    run = read(RUN)
    assert (run.end, run.summary) == (End.ENDED, {Status.CHANGED: 1})
    journal.close()
    with pytest.raises(OSError, match="Bad file"):
        journal.note("ams1", "begin", "starts")
