"""--report and --baseline: what they refuse, what they write, and what is new."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inventory.errors import LvsfleetError
from runbooks.baseline import BadBaseline, parse_baseline, read_baseline, since
from runbooks.output import NotWritable
from runbooks.reports.check import Compliance
from runbooks.reports.check_json import render_check_json
from runbooks.reports.check_table import render_check_table
from runbooks.reports.write import BadReport, Wanted, parse_reports, write_reports
from tests.unit.runbooks.compliances import CASES, case_run, fleet_run

OLD = (CASES / "baseline.json").read_text()


def test_several_at_once_in_any_way(tmp_path: Path) -> None:
    wanted = parse_reports(
        [f"html={tmp_path}/a,b.html,prometheus={tmp_path}/c", f"junit={tmp_path}/d"]
    )
    assert wanted == (
        Wanted("html", tmp_path / "a,b.html"),
        Wanted("prometheus", tmp_path / "c"),
        Wanted("junit", tmp_path / "d"),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("htm=/tmp/x", "did you mean 'html'"),
        ("pdf=x", "there is no report 'pdf'. There are html, json, junit, prometheus and sarif"),
        ("html", "no file is named. Write --report html=FILE"),
        ("html=", "no file is named"),
        ("", "there is no report ''"),
        ("html=/nowhere/at/all", "--report html: there is no folder /nowhere/at"),
        ("html=/", "cannot be written"),
    ],
)
def test_what_is_refused_before_a_router_is_contacted(text: str, words: str) -> None:
    with pytest.raises(LvsfleetError, match=r"^--report") as caught:
        parse_reports([text])
    assert words in str(caught.value)


@pytest.mark.parametrize("second", ["html={}/x", "junit={}/x", "junit={}/folder/../x"])
def test_one_file_has_one_report(tmp_path: Path, second: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadReport, match="is the file of --report html too"):
        parse_reports([f"html={tmp_path}/x", second.format(tmp_path)])
    with pytest.raises(BadReport, match="is the file of --output too"):
        parse_reports([f"html={tmp_path}/x"], taken=tmp_path / "x")


def test_every_report_is_written_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    names = ("html", "json", "junit", "prometheus", "sarif")
    (tmp_path / "html").write_text("old")
    wanted = parse_reports([f"{name}={tmp_path / name}" for name in names])
    assert write_reports(wanted, fleet_run(6)) == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert (tmp_path / "html").read_text().startswith("<!DOCTYPE html>")


def test_one_that_cannot_be_written_does_not_cost_the_others(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    wanted = parse_reports([f"html={tmp_path}/gone/x,junit={tmp_path}/y"])
    (tmp_path / "gone").rmdir()
    (failed,) = write_reports(wanted, fleet_run(2))
    assert isinstance(failed, NotWritable)
    assert "--report html" in str(failed)
    assert (tmp_path / "y").exists()


def test_only_what_is_new_is_told() -> None:
    seen = since(case_run("mixed"), parse_baseline(OLD))
    ams1, ams2, lon1 = seen.run.routers
    # LVS002 of web is known, in another hint's words; LVS023 counted then and is waived now: known.
    assert [(each.id, each.service) for each in ams1.findings] == [
        ("LVS002", "ftp"),
        ("LVS038", "web"),
    ]
    assert ams1.status is Compliance.DRIFT
    assert ams2.status is Compliance.COMPLIANT
    assert lon1.status is Compliance.UNREACHABLE
    assert (seen.known, seen.gone) == (2, 1)  # nobody can say that lon1's is gone
    assert seen.text == (
        "since run 20261122T020000Z-fleet-0001 of 2026-11-22T02:00:00Z: "
        "2 known findings not shown, 1 gone"
    )


def test_a_router_with_nothing_new_is_as_wanted_and_an_unreached_one_is_told() -> None:
    run = fleet_run(20)
    report: dict[str, Any] = json.loads(OLD)
    report["routers"] = {
        router.router: {
            "findings": [
                {
                    "id": f.id,
                    "severity": f.severity.value,
                    "service": f.service,
                    "message": f.message,
                }
                for f in router.findings
            ]
        }
        for router in run.routers
    }
    seen = since(run, parse_baseline(json.dumps(report)))
    assert not any(each.findings for each in seen.run.routers)
    assert seen.run.summary == {Compliance.COMPLIANT: 19, Compliance.UNREACHABLE: 1}
    assert seen.gone == 0


def test_a_waiver_that_ended_and_a_finding_that_became_graver_are_new() -> None:
    report = json.loads(OLD)
    first, *_ = report["routers"]["ams1"]["findings"]
    first["waiver"] = {"reason": "known", "until": "2026-11-22"}
    run = case_run("mixed")
    ids = [
        each.id for each in since(run, parse_baseline(json.dumps(report))).run.routers[0].findings
    ]
    assert ids == ["LVS002", "LVS002", "LVS038"]
    first["waiver"], first["severity"] = None, "warning"
    ids = [
        each.id for each in since(run, parse_baseline(json.dumps(report))).run.routers[0].findings
    ]
    assert ids == ["LVS002", "LVS002", "LVS038"]


def test_what_is_shown_says_since_when() -> None:
    news = since(case_run("mixed"), parse_baseline(OLD)).run
    told = "since run 20261122T020000Z-fleet-0001 of 2026-11-22T02:00:00Z: 2 known findings"
    assert f"Only what is new {told}" in " ".join(render_check_table(news).split())
    report = render_check_json(news)
    assert json.loads(report)["since"].startswith(told)
    with pytest.raises(BadBaseline, match="only what was new"):
        parse_baseline(report)
    whole = render_check_json(case_run("mixed"))
    assert json.loads(whole)["since"] is None
    assert parse_baseline(whole).known


def test_metrics_tell_what_is_so_whatever_is_new(tmp_path: Path) -> None:
    run = case_run("mixed")
    news = since(run, parse_baseline(OLD)).run
    wanted = parse_reports([f"prometheus={tmp_path}/p,html={tmp_path}/h"])
    write_reports(wanted, run, news=news)
    assert 'check="LVS002",severity="error"} 1' in (tmp_path / "p").read_text()
    page = (tmp_path / "h").read_text()
    assert "/etc/iptables/rules.v4" not in page
    assert "Only what is new since run 20261122T020000Z-fleet-0001" in page


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no JSON"),
        ("", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "is no compliance report: it has no schema"),
        (
            '{"schema": "lvsfleet.rollout/1"}',
            "has the schema 'lvsfleet.rollout/1', not lvsfleet.comp",
        ),
        ('{"schema": "lvsfleet.compliance/2"}', "has the schema 'lvsfleet.compliance/2'"),
        ('{"schema": "lvsfleet.compliance/1"}', "is not whole"),
        (
            '{"schema": "lvsfleet.compliance/1", "routers": {"a": {"findings": [1]}}}',
            "is not whole",
        ),
        (OLD.replace('"error"', '"grave"'), "is not whole"),
        (OLD.replace('"LVS002"', "[]"), "is not whole"),
    ],
)
def test_an_earlier_report_that_cannot_be_used_is_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "old.json"
    path.write_text(text)
    with pytest.raises(BadBaseline) as caught:
        read_baseline(path)
    assert f"--baseline: {path} " in str(caught.value)
    assert words in str(caught.value)
    assert "--format json" in str(caught.value)


def test_an_earlier_report_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadBaseline, match="No such file"):
        read_baseline(tmp_path / "no")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(BadBaseline, match="is no text"):
        read_baseline(tmp_path / "bytes")


def test_nothing_is_new_in_a_run_without_routers() -> None:
    run = replace(case_run("nothing"), interrupted=False)
    assert replace(since(run, parse_baseline(OLD)).run, since="") == run
