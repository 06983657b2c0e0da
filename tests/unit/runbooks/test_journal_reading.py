"""A journal that was cut off or damaged, by what it still says; also by a real kill -9."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.journal import End, NotRead, RecordedRun, find, kept, read, recorded
from runbooks.journal.parsing import parse
from runbooks.journal.place import runs
from tasks.outcome import Op, Status
from tasks.sections import Section

ROOT = Path(__file__).parents[3]
RUN = "20261123T074512Z-ams-4f2a"
STARTED = datetime(2026, 11, 23, 7, 45, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def parsed(data: bytes, *, alive: bool = False) -> RecordedRun:
    return parse(data, run=RUN, folder=Path("/x"), alive=alive)


def line(event: str, **words: Any) -> bytes:
    return json.dumps({"t": "2026-11-23T07:45:13.000Z", "s": 1, "event": event, **words}).encode()


def steps(*names: str, router: str = "ams1") -> bytes:
    """``begin`` is a start, ``begin!`` is done, ``begin?kind`` failed."""
    written = []
    for name in names:
        step, failed, detail = name.partition("?")
        state = "failed" if failed else "done" if step.endswith("!") else "starts"
        said = f"{detail}: words" if failed else ""
        written.append(line("step", router=router, step=step.rstrip("!"), state=state, detail=said))
    return b"\n".join(written) + b"\n"


HEAD = line("run", command="rollout", options={"confirm_timeout": 60}) + b"\n"


def test_cut_at_every_byte_of_its_last_line() -> None:
    before = HEAD + steps("begin", "begin!", "verify")
    last = steps("verify!")
    for length in range(len(last) - 1):
        run = parsed(before + last[:length])
        assert run.damaged == (1 if length else 0)
        assert [(s.step, s.state) for s in run.routers["ams1"].steps][-1] == ("verify", "starts")
        assert (run.end, [each.name for each in run.open]) == (End.CUT_OFF, ["ams1"])
    for whole in (last[:-1], last):
        run = parsed(before + whole)
        assert run.damaged == 0
        assert run.routers["ams1"].steps[-1].state == "done"


def test_cut_anywhere_it_is_still_read() -> None:
    data = HEAD + line("plan", router="ams1", changes=[]) + b"\n" + steps("begin", "begin!")
    seen = 0
    for length in range(len(data) + 1):
        run = parsed(data[:length])
        now = len(run.routers["ams1"].steps) if run.routers else 0
        assert now >= seen
        seen = now
    assert seen == 2


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"\0" * 4096, b"\xff\xfe", b"[]\n", b"{", b"[" * 99999]
)
def test_a_journal_that_says_nothing_has_the_time_of_its_name(data: bytes) -> None:
    run = parsed(data)
    assert (run.started, run.routers, run.end) == (STARTED, {}, End.CUT_OFF)


def test_zeros_where_a_line_was_to_be_harm_no_other() -> None:
    run = parsed(HEAD + b"\0" * 100 + steps("begin") + b'{"half": \n' + steps("begin!"))
    assert len(run.routers["ams1"].steps) == 2
    assert run.damaged == 1


def test_what_a_newer_version_writes_is_passed_over() -> None:
    edits = [
        {"op": "swap", "where": "runtime", "rule": "a"},
        {"op": "add", "where": "runtime", "rule": "b", "colour": 1},
        7,
    ]
    data = [
        line("run", command="teleport", options={"beam": [1]}, selection={"x": "y"}, format=2),
        line("moon", router="ams1"),
        line("plan", router="ams1", changes=edits, cluster=3, backend=None),
        line("step", router="ams1", step="ponder", state="half"),
        line("outcome", router="ams1", status="better", error="x"),
        line("wave", number="x", routers=["ams2", 3]),
        line("plan", router=7),
    ]
    run = parsed(b"\n".join(data))
    one = run.routers["ams1"]
    assert [(e.op, e.rule) for e in one.changes] == [(Op.ADD, "b")]
    assert (one.status, one.cluster, one.backend) == (Status.UNKNOWN, None, "")
    assert (run.routers["ams2"].wave, run.damaged) == (None, 0)


@given(st.binary() | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(
            ["t", "s", "event", "router", "routers", "changes", "options", "error", "started"]
        ) | st.text(),
        inner,
    ),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_nothing_makes_it_fail(data: bytes) -> None:
    parsed(HEAD + steps("begin") + data)


@given(
    st.sampled_from(["run", "plan", "step", "outcome", "wave", "end"]),
    st.dictionaries(
        st.sampled_from(
            ["t", "s", "router", "routers", "changes", "options", "error", "started", "status"]
        ),
        st.none() | st.floats() | st.integers() | st.text() | st.datetimes().map(str)
        | st.lists(st.text()) | st.dictionaries(st.text(), st.integers()),
    ),
)  # fmt: skip
def test_no_value_makes_it_fail(event: str, words: dict[str, Any]) -> None:
    run = parsed(json.dumps({"event": event, "router": "r", **words}).encode())
    for router in run.routers.values():
        run.taken_back_by(router)


@pytest.mark.parametrize(
    ("taken", "status", "is_open"),
    [
        (("begin",), None, True),
        (("begin", "begin!"), None, True),
        (("begin", "begin!", "verify", "verify!", "commit"), None, True),
        (("begin", "begin!", "verify", "verify!", "commit", "commit!"), Status.CHANGED, False),
        (("begin", "begin?apply"), None, True),
        (("begin", "begin?locked"), Status.FAILED, False),
        (("begin", "begin?preflight"), Status.FAILED, False),
        (("begin", "begin?changed-meanwhile"), Status.FAILED, False),
        (("begin", "begin?changed-meanwhile", "begin"), None, True),
        (("begin", "begin!", "verify", "verify?unreachable", "revert"), None, True),
        (("begin", "begin!", "verify?x", "revert", "revert!"), Status.REVERTED, False),
        (("begin", "begin!", "verify?x", "revert", "revert?deadline"), None, True),
        (("begin", "begin!", "commit!", "begin"), None, True),
        (("begin", "begin!", "commit!", "begin", "commit!"), Status.REVERTED, False),
    ],
)
def test_the_last_step_says_how_a_router_was_left(
    taken: tuple[str, ...], status: Status | None, is_open: bool
) -> None:
    router = parsed(HEAD + steps(*taken)).routers["ams1"]
    assert (router.status, router.open) == (status, is_open)


def test_an_outcome_counts_more_than_the_steps_before_it() -> None:
    outcome = line("outcome", router="ams1", status="reverted") + b"\n"
    run = parsed(HEAD + steps("begin", "commit!") + outcome)
    assert run.summary == {Status.REVERTED: 1}


def test_when_a_router_has_taken_its_change_back() -> None:
    at = datetime(2026, 11, 23, 7, 45, 13, tzinfo=UTC)
    run = parsed(HEAD + steps("begin", "begin!"))
    assert run.taken_back_by(run.routers["ams1"]) == at + timedelta(seconds=60)
    run = parsed(steps("begin"))
    assert run.taken_back_by(run.routers["ams1"]) is None


_WRITER = """
import os, sys, threading
from datetime import UTC, datetime
from runbooks.journal import Journal
from tasks.sections import Section

journal = Journal.create(sys.argv[1], command="rollout", inventory=None, selection={}, options={},
                         started=datetime.now(UTC))

def work(router):
    while True:
        journal.keep(router, "before", {"a": Section("x" * 9000, 0)})
        journal.note(router, "begin", "starts", sys.argv[1])
        os.write(1, f"{router}\\n".encode())
        journal.note(router, "begin", "done")

for number in range(4):
    threading.Thread(target=work, args=(f"r{number}",)).start()
"""


@pytest.mark.parametrize("after", [1, 2, 7, 50])
def test_a_writer_that_is_killed_leaves_what_it_said(after: int) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, RUN], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert writer.stdout is not None
    said = [writer.stdout.readline().strip() for _ in range(after)]
    assert read(RUN).end is End.RUNNING
    os.kill(writer.pid, signal.SIGKILL)
    said += writer.stdout.read().split()
    writer.wait()
    run = read(RUN)
    assert run.end is End.CUT_OFF
    for router in {*said}:
        begins = [s for s in run.routers[router].steps if s.state == "starts"]
        assert len(begins) >= said.count(router)
        assert run.routers[router].open
        assert kept(RUN, router, "before") == {"a": Section("x" * 9000, 0)}


def made(*names: str) -> None:
    for name in names:
        (runs() / name).mkdir(parents=True)


def test_a_run_is_found_by_its_beginning_or_its_end() -> None:
    assert recorded() == []
    with pytest.raises(NotRead, match="No run is recorded yet"):
        find("x")
    made("20261123T074512Z-ams-4f2a", "20261124T074512Z-ams-77aa", "20261124T074512Z-ams-77aa-2")
    made(".gone-x")
    assert recorded()[0] == "20261124T074512Z-ams-77aa-2"
    assert find("20261123") == find("4f2a") == find("ams-4f2a") == RUN
    assert find("20261124T074512Z-ams-77aa") == "20261124T074512Z-ams-77aa"
    for text, words in {
        "2026": "any of 3 runs.*write more",
        "20261123T074512Z-ams-4f2b": "Did you mean 20261123T074512Z-ams-4f2a",
        "T0745": "Did you mean",
        "": "The newest is",
        "..": "The newest is",
        "zzz": "The newest is",
    }.items():
        with pytest.raises(NotRead, match=words):
            find(text)


def test_a_journal_that_is_missing_or_damaged_is_said() -> None:
    for name in ("nosuch", "..", "a/b", ""):
        with pytest.raises(NotRead, match="no journal"):
            read(name)
    made(f"{RUN}/routers/ams1")
    assert read(RUN).end is End.CUT_OFF
    with pytest.raises(FileNotFoundError):
        kept(RUN, "ams1", "before")
    for text in ("", "[]", '{"a": 1}', '{"a": {"status": "0", "text": ""}}'):
        (runs() / RUN / "routers/ams1/before.json").write_text(text)
        with pytest.raises(NotRead, match="damaged"):
            kept(RUN, "ams1", "before")
