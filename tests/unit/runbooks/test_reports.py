"""Reports against tests/cases/reports/: a run as JSON, and what people must read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from runbooks.reports.diff import diff_lines, render_diff
from runbooks.reports.json import render_json
from runbooks.reports.run import Run, edit_counts, run_id
from runbooks.reports.table import render_table
from runbooks.reports.text import Screen
from tasks.errors import RouterError
from tasks.outcome import Edit, Finding, Op, Outcome, Severity, Status, Where

CASES = Path(__file__).parents[2] / "cases" / "reports"
STARTED = datetime(2026, 11, 23, 7, 45, 12, tzinfo=UTC)


def the_run(name: str) -> Run:
    case = json.loads((CASES / f"{name}.json").read_text())
    return Run(
        id="20261123T074512Z-ams-4f2a",
        started=STARTED,
        seconds=case.get("seconds", 3.21),
        outcomes=tuple(outcome(router, each) for router, each in case["routers"].items()),
        clusters={router: each.get("cluster") for router, each in case["routers"].items()},
        dry_run=case.get("dry_run", False),
        interrupted=case.get("interrupted", False),
        waves=tuple(tuple(wave) for wave in case.get("waves", [])),
        stopped=case.get("stopped", ""),
        command=case.get("command", "rollout"),
        of=case.get("of", ""),
        journal=Path(case["journal"]) if "journal" in case else None,
        unrecorded=case.get("unrecorded", ""),
    )


def outcome(router: str, case: dict[str, Any]) -> Outcome:
    return Outcome(
        router,
        Status(case["status"]),
        case.get("backend", ""),
        changes=tuple(
            Edit(Op(op), Where(where), rule, service, scope)
            for op, places, scope, service, rule in case.get("changes", [])
            for where in places.split()
        ),
        findings=tuple(
            Finding(each["id"], Severity(each["severity"]), each["message"], each["hint"])
            for each in case.get("findings", [])
        ),
        error=RouterError(*case["error"]) if "error" in case else None,
        seconds=case.get("seconds", 0.0),
    )


NAMES = sorted(path.stem for path in CASES.glob("*.json"))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [None, 60])
def test_what_people_read(name: str, width: int | None) -> None:
    run, screen = the_run(name), Screen(width=width)
    text = render_diff(run, screen) + render_table(run, screen)
    assert text == (CASES / f"{name}.{width or 'plain'}.txt").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_a_terminal_would_obey_comes_through(name: str) -> None:
    run = the_run(name)
    for text in (render_diff(run), render_table(run), render_json(run)):
        assert all(character.isprintable() or character == "\n" for character in text)


def test_colours_only_where_they_are_wanted() -> None:
    run = the_run("mixed")
    assert "\x1b" not in render_diff(run) + render_table(run)
    coloured = render_diff(run, Screen(80, colour=True)) + render_table(
        run, Screen(80, colour=True)
    )
    assert "\x1b[32m+ rule" in coloured
    assert "\x1b[31m- rule" in coloured
    assert "\x1b[1;31mfailed" in coloured
    assert "\x1b[31mm" not in coloured


SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["schema", "run", "started", "seconds", "summary", "routers"],
    "properties": {
        "schema": {"const": "lvsfleet.rollout/1"},
        "run": {"pattern": r"^\d{8}T\d{6}Z-[a-z0-9-]+-[0-9a-f]{4}$"},
        "started": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
        "seconds": {"type": "number"},
        "summary": {
            "propertyNames": {"enum": [each.value for each in Status]},
            "additionalProperties": {"type": "integer", "minimum": 1},
        },
        "routers": {
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["status", "changes", "findings", "error", "seconds"],
                "properties": {
                    "status": {"enum": [each.value for each in Status]},
                    "changes": {
                        "items": {
                            "additionalProperties": False,
                            "required": ["op", "where", "rule", "service"],
                            "properties": {
                                "op": {"enum": ["add", "remove"]},
                                "where": {"enum": ["runtime", "saved"]},
                                "rule": {"type": "string"},
                                "service": {"type": ["string", "null"]},
                            },
                        }
                    },
                    "findings": {
                        "items": {
                            "additionalProperties": False,
                            "required": ["id", "severity", "message", "hint"],
                            "properties": {
                                "id": {"type": "string"},
                                "severity": {"enum": ["error", "warning", "info"]},
                                "message": {"type": "string"},
                                "hint": {"type": "string"},
                            },
                        }
                    },
                    "error": {
                        "type": ["object", "null"],
                        "additionalProperties": False,
                        "required": ["kind", "message"],
                        "properties": {"kind": {"type": "string"}, "message": {"type": "string"}},
                    },
                    "seconds": {"type": "number"},
                },
            }
        },
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_what_machines_read(name: str) -> None:
    report = json.loads(render_json(the_run(name)))
    jsonschema.validate(report, SCHEMA)
    assert sum(report["summary"].values()) == len(report["routers"])


def test_bytes_that_are_no_utf8_stay_readable_in_json() -> None:
    text = b"rule \xff \xe2\x82\xac".decode("utf-8", "surrogateescape")
    run = Run("x", STARTED, 1, (Outcome("r", Status.FAILED, error=RouterError(text)),))
    assert json.loads(render_json(run))["routers"]["r"]["error"]["message"] == r"rule \xff €"


@pytest.mark.parametrize(
    ("clusters", "name"),
    [
        (["ams", "ams"], "ams"),
        (["ams", "fra"], "fleet"),
        ([None], "fleet"),
        ([], "fleet"),
        (["Köln Süd/1"], "k-ln-s-d-1"),
        (["/../"], "fleet"),
        (["a" * 99], "a" * 20),
    ],
)
def test_a_run_is_named_after_its_cluster(clusters: list[str | None], name: str) -> None:
    assert run_id(STARTED, clusters)[:-4] == f"20261123T074512Z-{name}-"


def test_a_rule_in_two_places_counts_once() -> None:
    edits = [Edit(Op.ADD, where, "a") for where in Where] + [Edit(Op.REMOVE, Where.SAVED, "a")]
    assert edit_counts(Outcome("r", Status.CHANGED, changes=tuple(edits))) == (1, 1)


def test_what_goes_with_the_last_vip_that_drains_is_said_to_be_for_all() -> None:
    frame = ("add table inet lvsfleet_drain", "/etc/systemd/system/lvsfleet-drain.service")
    for rule in frame:
        edit = Edit(Op.REMOVE, Where.SAVED, rule, None, "inet lvsfleet_drain")
        assert "  # for all services" in diff_lines([edit])
    stale = Edit(Op.REMOVE, Where.SAVED, "-A LVSFLEET-MARK -d 192.0.2.1", None, "iptables mangle")
    assert "  # of no service in the inventory" in diff_lines([stale])
