"""The history against tests/cases/history/: a journal, and what people and programs must read."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from runbooks import cli
from runbooks.history import Listing, age, render_list
from runbooks.history_json import render_json
from runbooks.history_run import render_run
from runbooks.journal import RecordedRun
from runbooks.journal.parsing import parse
from runbooks.journal.place import runs
from runbooks.journal.recorded import RecordedError
from runbooks.reports.text import Screen

CASES = Path(__file__).parents[2] / "cases" / "history"
FOLDER = Path("/home/ops/.local/state/lvsfleet/runs")
NOW = datetime(2026, 11, 23, 9, 46, 0, tzinfo=timezone(timedelta(hours=1)))
RUNS = {path.stem: path.read_bytes() for path in sorted(CASES.glob("*.jsonl"))}


def the_run(name: str) -> RecordedRun:
    identity = json.loads(RUNS[name].split(b"\n")[0])["run"] if RUNS[name] else f"2026-{name}"
    return parse(RUNS[name], run=identity, folder=FOLDER / identity, alive=name == "running")


def the_list() -> Listing:
    found = sorted((the_run(name) for name in RUNS), key=lambda run: run.id, reverse=True)
    return Listing(tuple(found), 7, FOLDER)


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("width", [None, 60])
def test_what_people_read_of_one_run(name: str, width: int | None) -> None:
    text = render_run(the_run(name), now=NOW, screen=Screen(width=width))
    assert text == (CASES / f"{name}.{width or 'plain'}.txt").read_text()


def test_an_error_of_several_lines_is_read_as_such() -> None:
    run = the_run("ended")
    name, router = next(iter(run.routers.items()))
    error = RecordedError("changed-since", "it has been changed:\n+ one\x1b[2J\n+ two", "See")
    routers = {name: replace(router, error=error)}
    text = render_run(replace(run, routers=routers), now=NOW)
    assert "    changed-since: it has been changed:\n    + one\\x1b[2J\n    + two. See\n" in text


@pytest.mark.parametrize("width", [None, 100, 60])
def test_what_people_read_of_all(width: int | None) -> None:
    text = render_list(the_list(), now=NOW, screen=Screen(width=width))
    assert text == (CASES / f"list.{width or 'plain'}.txt").read_text()


def test_what_machines_read() -> None:
    texts = [render_json(the_list(), routers=False)]
    texts += [render_json(Listing((the_run(name),), 1, FOLDER), routers=True) for name in RUNS]
    for text in texts:
        jsonschema.validate(json.loads(text), SCHEMA)
    one = json.loads(render_json(Listing((the_run("cut-off"),), 1, FOLDER), routers=True))
    assert one == json.loads((CASES / "cut-off.json").read_text())


def test_nothing_a_terminal_would_obey_comes_through() -> None:
    screen = Screen()
    texts = [render_run(the_run(name), now=NOW, screen=screen) for name in RUNS]
    texts += [render_list(the_list(), now=NOW), render_json(the_list(), routers=True)]
    for text in texts:
        assert all(character.isprintable() or character == "\n" for character in text)
        text.encode()


def test_colours_only_where_they_are_wanted() -> None:
    plain = render_list(the_list(), now=NOW) + render_run(the_run("cut-off"), now=NOW)
    screen = Screen(120, colour=True)
    painted = render_list(the_list(), now=NOW, screen=screen)
    assert "\x1b" not in plain
    assert "\x1b[1;31m1 changed, 2 unfinished, cut off\x1b[0m" in painted


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((0, "now"), (1, "now"), (2, "2 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min")),
        *((7200, "2 h"), (3 * 86400, "3 days"), (800 * 86400, "2 years"), (-1, "in the future")),
    ],
)
def test_ages(seconds: float, text: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == text


@pytest.fixture
def _recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All cases as this user's own history."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name, data in RUNS.items():
        folder = runs() / the_run(name).id
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").write_bytes(data)


@pytest.mark.usefixtures("_recorded")
def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.run(["history"]) == 0
    text = capsys.readouterr().out
    rows = [line.split()[0] for line in text.splitlines() if line.startswith("2026")]
    assert rows == sorted(rows, reverse=True)
    assert len(rows) == len(RUNS)
    assert f"the journal is in {runs()}" in text
    assert cli.run(["history", "-n", "1"]) == 0
    assert f"1 of {len(RUNS)} runs" in capsys.readouterr().out
    assert cli.run(["history", "4f2a"]) == 0
    assert capsys.readouterr().out.startswith("run        20261123T074512Z-ams-4f2a\n")
    assert cli.run(["history", "4f2a", "--format", "json", "--output", f"{tmp_path}/x"]) == 0
    (run,) = json.loads((tmp_path / "x").read_text())["runs"]
    assert run["run"] == "20261123T074512Z-ams-4f2a"


@pytest.mark.usefixtures("_recorded")
@pytest.mark.parametrize(
    ("run", "words"), [("4f2b", "Did you mean|The newest is"), ("2026", "can be any of")]
)
def test_a_run_that_is_not_there(run: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["history", run]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert any(word in captured.err for word in words.split("|"))


def test_no_history_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert cli.run(["history"]) == 0
    assert capsys.readouterr().out.startswith("No run is recorded yet")
    assert cli.run(["history", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == []
    assert not [*tmp_path.iterdir()]
    (tmp_path / "lvsfleet").mkdir()
    shutil.copy(__file__, runs())
    assert cli.run(["history"]) == 2
    assert "cannot be read: Not a directory" in capsys.readouterr().err


TEXT: dict[str, Any] = {"type": "string"}
MAYBE: dict[str, Any] = {"type": ["string", "null"]}
MOMENT = {"anyOf": [{"type": "null"}, {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}]}


def exactly(**properties: Any) -> dict[str, Any]:
    """An object with these keys, those with a ``?`` perhaps, and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key for key in properties if key != "routers"],
        "properties": properties,
    }


ROUTER = exactly(
    status=MAYBE,
    cluster=MAYBE,
    backend=MAYBE,
    wave={"type": ["integer", "null"]},
    unfinished={"type": "boolean"},
    taken_back_by=MOMENT,
    changes={"items": exactly(op=TEXT, where=TEXT, rule=TEXT, service=MAYBE, scope=TEXT)},
    steps={
        "items": exactly(at=MOMENT, since={"type": "number"}, step=TEXT, state=TEXT, detail=TEXT)
    },
    error={"anyOf": [{"type": "null"}, exactly(kind=TEXT, message=TEXT, hint=TEXT)]},
)
SCHEMA = exactly(
    schema={"const": "lvsfleet.history/1"},
    journal=TEXT,
    runs={
        "items": exactly(
            **dict.fromkeys(("run", "command", "who", "version", "stopped", "folder"), TEXT),
            **{key: {"type": "integer"} for key in ("planned", "begun", "damaged")},
            started=MOMENT,
            seconds={"type": "number"},
            end={"enum": ["ended", "interrupted", "running", "cut off"]},
            inventory=MAYBE,
            selection={"additionalProperties": {"items": TEXT}},
            options={"type": "object"},
            inventory_change=MAYBE,
            summary={"additionalProperties": {"type": "integer"}},
            unfinished={"items": TEXT},
            routers={"additionalProperties": ROUTER},
        )
    },
)
