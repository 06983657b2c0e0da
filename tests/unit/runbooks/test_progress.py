from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Callable

import pytest
from nornir.core import Nornir
from nornir.core.inventory import Defaults, Groups, Host, Hosts, Inventory
from nornir.core.task import AggregatedResult, Result, Task
from rich.console import Console

from runbooks.live import LiveTable
from runbooks.outcomes import outcome_of, traceback_of
from runbooks.progress import Display, Lines, ProgressProcessor, display_for
from runbooks.runner import FleetRunner
from tasks.errors import DeadlineExceeded, RouterError, Unreachable
from tasks.outcome import Edit, Op, Outcome, Status, Where

NAMES = ("ams1", "ams2", "fra1")
ADD = Edit(Op.ADD, Where.RUNTIME, "-A x")


def phase(_task: Task, do: Callable[[], None] = lambda: None) -> None:
    do()


def fine(task: Task) -> Result:
    task.run(task=phase, name="observe")
    outcome = Outcome(task.host.name, Status.CHANGED, changes=(ADD,), commands=("iptables -A x",))
    return Result(host=task.host, result=outcome)


def run(
    task: Callable[[Task], object], display: Display, deadline: float | None = None
) -> tuple[AggregatedResult, ProgressProcessor]:
    processor = ProgressProcessor(display)
    hosts = Hosts({name: Host(name) for name in NAMES})
    nr = Nornir(
        Inventory(hosts, Groups(), Defaults()), runner=FleetRunner(workers=1, deadline=deadline)
    )
    results = nr.with_processors([processor]).run(task=task, name="rollout")
    processor.close()
    return results, processor


def test_a_line_for_each_router() -> None:
    stream = io.StringIO()
    run(fine, Lines(stream))
    assert stream.getvalue().splitlines() == [f"{name}: changed +1 (0.0 s)" for name in NAMES]


def test_verbose_lines_show_phases_and_what_was_sent() -> None:
    stream = io.StringIO()
    run(fine, Lines(stream, verbose=True))
    assert stream.getvalue().splitlines()[:3] == [
        "ams1: observe",
        "ams1: sent: iptables -A x",
        "ams1: changed +1 (0.0 s)",
    ]


class Broken:
    """A display that fails at one kind of event."""

    def __init__(self, at: str) -> None:
        self.at = at
        self.calls = 0

    def _fail(self, at: str) -> None:
        if at == self.at:
            self.calls += 1
            raise OSError(5, "Input/output error")

    def phase(self, *_: object) -> None:
        self._fail("phase")

    def done(self, *_: object) -> None:
        self._fail("done")

    def note(self, *_: object) -> None:
        self._fail("note")

    def close(self) -> None:
        self._fail("close")


@pytest.mark.parametrize("at", ["phase", "done", "close"])
def test_a_display_that_fails_cannot_sink_a_run(at: str) -> None:
    display = Broken(at)
    results, processor = run(fine, display)
    assert [outcome_of(*each).status for each in results.items()] == [Status.CHANGED] * 3
    assert isinstance(processor.failure, OSError)
    assert display.calls == 1


def test_a_router_that_hangs_is_told_of_as_well() -> None:
    release = threading.Event()

    def hang(task: Task) -> Result:
        if task.host.name == "ams2":
            release.wait(120)
        return fine(task)

    stream = io.StringIO()
    try:
        results, _ = run(hang, Lines(stream), deadline=0.2)
    finally:
        release.set()
    assert re.search(r"^ams2: unknown \(\d+\.\d s\)$", stream.getvalue(), re.MULTILINE)
    overdue = outcome_of("ams2", results["ams2"])
    assert isinstance(overdue.error, DeadlineExceeded)
    assert "state is not known" in overdue.error.hint


def bug_in(name: str) -> Callable[[Task], Result]:
    def task(task: Task) -> Result:
        def fail() -> None:
            raise KeyError("spam")

        task.run(task=phase, name="observe")
        task.run(task=phase, name=name, do=fail)
        return fine(task)

    return task


@pytest.mark.parametrize(("name", "status"), [("plan", Status.FAILED), ("begin", Status.UNKNOWN)])
def test_a_bug_leaves_open_what_it_may_have_changed(name: str, status: Status) -> None:
    results, _ = run(bug_in(name), Lines(io.StringIO()))
    outcome = outcome_of("ams1", results["ams1"])
    assert outcome.status is status
    assert outcome.error is not None
    assert "KeyError at fail, line " in outcome.error.message
    assert "KeyError: 'spam'" in traceback_of(results["ams1"])


def test_a_routers_error_that_nobody_caught_is_its_error() -> None:
    def fail(_task: Task) -> None:
        raise Unreachable("no answer", "Is it up?")

    results, _ = run(fail, Lines(io.StringIO()))
    error = outcome_of("ams1", results["ams1"]).error
    assert isinstance(error, RouterError)
    assert error.kind == "unreachable"
    assert traceback_of(results["ams1"]) == ""


def test_what_is_no_terminal_gets_lines() -> None:
    assert isinstance(display_for(io.StringIO(), {}), Lines)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_table_unless_there_is_much_to_say() -> None:
    table = display_for(Terminal(), {"ams1": "ams"})
    assert isinstance(table, LiveTable)
    table.close()
    assert isinstance(display_for(Terminal(), {}, verbose=True), Lines)


def picture(table: LiveTable, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=False)
    with console.capture() as capture:
        console.print(table.picture(width, height))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_quick_run_shows_no_table_and_keeps_its_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("runbooks.live.PATIENCE", 120)
    table = LiveTable(terminal, {"ams1": "ams"}, clock=time.monotonic)
    table.note("Stopping")
    table.close()
    assert terminal.getvalue() == "Stopping\n"


def test_the_table_of_a_small_fleet_shows_every_router() -> None:
    now = 0.0
    table = LiveTable(Terminal(), dict.fromkeys(NAMES, "ams"), clock=lambda: now)
    table.phase("ams1", "")
    now = 2.0
    table.phase("ams1", "observe")
    table.phase("fra1", "[bold]x\x1b[0m")
    table.done(Outcome("ams2", Status.FAILED, seconds=1.25))
    assert picture(table, 60, 24) == [
        "ROUTER  CLUSTER  PHASE              TIME",
        "ams1    ams      observe           2.0 s",
        "ams2    ams      failed            1.2 s",
        r"fra1    ams      [bold]x\x1b[0m    0.0 s",
        "",
        "3 routers: 2 at work, 1 failed · 2 s",
    ]
    table.close()


def test_the_table_of_a_large_fleet_fits_and_shows_who_takes_longest() -> None:
    now = 0.0
    names = [f"r{i}" for i in range(200)]
    table = LiveTable(Terminal(), dict.fromkeys(names, None), clock=lambda: now)
    for name in reversed(names[:50]):
        now += 1
        table.phase(name, "observe")
    table.done(Outcome("r49", Status.UNCHANGED))
    table.note("Stopping: " + "later " * 20)
    lines = picture(table, 80, 15)
    assert len(lines) < 15
    assert [line.split()[0] for line in lines[1:4]] == ["r48", "r47", "r46"]
    assert "200 routers: 49 at work, 1 unchanged, 150 waiting · 50 s" in lines
    table.close()


def test_a_table_that_cannot_be_drawn_says_so_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("drawing")

    monkeypatch.setattr("runbooks.live.PATIENCE", 0)
    monkeypatch.setattr(LiveTable, "picture", fail)
    table = LiveTable(Terminal(), {"ams1": None}, clock=time.monotonic)
    table._thread.join(60)
    with pytest.raises(RuntimeError, match="drawing"):
        table.close()
