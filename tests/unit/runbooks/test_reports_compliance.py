"""JUnit, SARIF and Prometheus against tests/cases/compliance/, and by their own rules."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from runbooks.reports.check import CheckRun
from runbooks.reports.junit import render_junit
from runbooks.reports.prometheus import render_prometheus
from runbooks.reports.sarif import render_sarif
from runbooks.reports.write import REPORTS
from tests.unit.runbooks.compliances import CASES, EXPECTED, case_names, case_run, fleet_run

NAMES = case_names()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("report", EXPECTED)
def test_the_report_is_as_expected(name: str, report: str) -> None:
    expected = CASES / f"{name}.{EXPECTED[report]}"
    assert REPORTS[report](case_run(name)) == expected.read_text()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("report", REPORTS)
def test_nothing_unseen_comes_through(name: str, report: str) -> None:
    text = REPORTS[report](case_run(name))
    assert all(character.isprintable() or character == "\n" for character in text)
    text.encode()


def suites(run: CheckRun) -> dict[str, dict[str, ET.Element]]:
    root = ET.fromstring(render_junit(run))  # noqa: S314 - our own
    for level in (root, *root):
        cases = level.findall(".//testcase")
        assert int(level.get("tests", "")) == len(cases)
        for end in ("failure", "error", "skipped"):
            key = {"failure": "failures", "error": "errors"}.get(end, end)
            assert int(level.get(key, "")) == sum(case.find(end) is not None for case in cases)
    return {suite.get("name", ""): {case.get("name", ""): case for case in suite} for suite in root}


def ends(case: ET.Element) -> list[str]:
    return [child.tag for child in case]


def test_junit_has_a_case_for_each_router_and_check() -> None:
    run = fleet_run(20)
    found = suites(run)
    assert set(found) == {each.router for each in run.routers}
    assert all(len(cases) == len(run.checks) + 1 for cases in found.values())


def test_junit_never_passes_what_was_not_seen() -> None:
    found = suites(case_run("mixed"))
    assert ends(found["lon1"].pop("reached")) == ["error"]
    assert all(ends(case) == ["skipped"] for case in found["lon1"].values())


def test_junit_tells_failures_waivers_and_what_is_only_worth_knowing() -> None:
    cases = suites(case_run("mixed"))["ams1"]
    assert ends(cases["LVS002 Mark missing in what is saved"]) == ["failure"]
    assert ends(cases["LVS021 VIP rejected by INPUT"]) == []
    assert ends(cases["LVS023 firewalld drops invalid under LVS-DR"]) == ["skipped"]
    assert ends(cases["LVS038 Several ports under one mark without persistence"]) == ["system-out"]
    assert ends(cases["LVS053 Other software writes bits of our marks"]) == ["skipped"]


@pytest.mark.parametrize("name", NAMES)
def test_junit_is_xml_that_says_what_the_router_said(name: str) -> None:
    suites(case_run(name))
    if name == "hostile":
        text = "".join(ET.fromstring(render_junit(case_run(name))).itertext())  # noqa: S314
        assert "</script><script>alert(1)</script>" in text
        assert "\\x1b[31mred" in text


@pytest.mark.parametrize("name", NAMES)
def test_sarif_is_what_the_standard_says(name: str) -> None:
    report = json.loads(render_sarif(case_run(name)))
    jsonschema.validate(report, json.loads((CASES / "sarif.schema.json").read_text()))
    (run,) = report["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])


def test_sarif_of_a_fleet_that_was_not_wholly_reached_is_no_success() -> None:
    (run,) = json.loads(render_sarif(case_run("mixed")))["runs"]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "lon1 does not answer" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    waived = [result["ruleId"] for result in run["results"] if "suppressions" in result]
    assert waived == ["LVS023"]


def test_sarif_knows_a_finding_again() -> None:
    def prints(run: CheckRun) -> list[str]:
        (only,) = json.loads(render_sarif(run))["runs"]
        return [result["partialFingerprints"]["lvsfleet/v1"] for result in only["results"]]

    run = fleet_run(30)
    assert prints(run) == prints(replace(run, id="another", seconds=9))
    assert len(set(prints(run))) == len(prints(run))


SAMPLE = re.compile(
    r'(?P<name>[a-z_]+)(\{(?P<labels>[a-z]+="(\\.|[^"\\\n])*"(,[a-z]+="(\\.|[^"\\\n])*")*)\})? '
    r"(?P<value>-?[0-9.e+]+)\Z"
)


def samples(run: CheckRun) -> dict[str, float]:
    """Every sample by its name and labels; each family stands together behind HELP and TYPE."""
    found: dict[str, float] = {}
    described: list[str] = []
    text = render_prometheus(run)
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            described.append(line.split()[2])
        elif line.startswith("# TYPE "):
            assert line.split()[2:] == [described[-1], "gauge"]
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            assert sample["name"] == described[-1]
            key = (
                f"{sample['name'].removeprefix('lvsfleet_compliance_')}{{{sample['labels'] or ''}}}"
            )
            assert key not in found
            found[key] = float(sample["value"])
    assert len(set(described)) == len(described)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_prometheus_can_read_it(name: str) -> None:
    assert samples(case_run(name))


def test_prometheus_tells_unknown_from_well() -> None:
    found = samples(case_run("mixed"))
    ams1, lon1 = 'router="ams1",cluster="ams"', 'router="lon1",cluster=""'
    assert found[f'check_failed{{{ams1},check="LVS002",severity="error"}}'] == 1
    assert found[f'check_failed{{{ams1},check="LVS021",severity="error"}}'] == 0
    assert found[f'check_failed{{{ams1},check="LVS023",severity="warning"}}'] == 0  # waived
    assert found[f'router_status{{{lon1},status="unreachable"}}'] == 1
    assert found[f'router_status{{{lon1},status="compliant"}}'] == 0
    assert not [key for key in found if key.startswith("check_failed") and "lon1" in key]


def test_prometheus_says_when_so_that_an_old_file_is_seen() -> None:
    run = case_run("mixed")
    assert samples(run)["last_run_timestamp_seconds{}"] == run.started.timestamp() + 2.5
    assert samples(case_run("nothing"))["interrupted{}"] == 1


def test_the_expected_files_are_all_used() -> None:
    files = {path.name for path in CASES.iterdir()} - {"README.md", "baseline.json"}
    files -= {"sarif.schema.json"}
    suffixes = ("case.json", *EXPECTED.values())
    assert files == {f"{name}.{suffix}" for name in NAMES for suffix in suffixes}
