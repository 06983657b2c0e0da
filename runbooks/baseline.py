"""``--baseline OLD.json``: what is new since an earlier compliance report. No I/O but the reading.

A finding is known where the earlier report has one of the same check, severity, service and
message on the same router, and that one counted if this one does: a waiver that ended makes it
new. A router that was not reached is always told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inventory.errors import LvsfleetError
from runbooks.reports.check import Checked, CheckRun, Compliance
from runbooks.reports.text import visible
from tasks.outcome import Finding, Severity

SCHEMA = "lvsfleet.compliance/1"

_HINT = "Make one with `lvsfleet compliance --format json --output FILE`"
_WHOLE = "Take one made by `--report json=FILE`, which has everything, or without --baseline"


class BadBaseline(LvsfleetError):
    """The earlier report cannot be used."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What tells a finding apart from others, as both reports have it."""

    router: str
    check: str
    severity: str
    service: str
    message: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """What an earlier run found.

    Attributes:
        run: its id.
        started: when it was, as its report says.
        known: its findings; the value is whether it counted.
    """

    run: str
    started: str
    known: Mapping[_Known, bool]


@dataclass(frozen=True, slots=True)
class Since:
    """One run, seen from an earlier one.

    Attributes:
        run: the run with its new findings only; how each router stands is judged by them.
        known: how many findings were left out because the earlier run had them.
        gone: how many of the earlier run's findings these routers no longer have.
        baseline: the earlier run.
    """

    run: CheckRun
    known: int
    gone: int
    baseline: Baseline

    @property
    def text(self) -> str:
        """What the report does not show, in one line."""
        since = f"since run {visible(self.baseline.run)} of {visible(self.baseline.started)}"
        findings = "finding" if self.known == 1 else "findings"
        return f"{since}: {self.known} known {findings} not shown, {self.gone} gone"


def read_baseline(path: Path) -> Baseline:
    """The earlier report in ``path``, before any router is contacted.

    Raises:
        BadBaseline: it cannot be read, is no report, or one of another schema.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadBaseline(f"--baseline: {path}: {error.strerror or error}", _HINT) from error
    except ValueError as error:
        raise BadBaseline(f"--baseline: {path} is no text", _HINT) from error
    try:
        return parse_baseline(text)
    except BadBaseline as error:
        raise BadBaseline(f"--baseline: {path} {error.message}", error.hint) from error


def parse_baseline(text: str) -> Baseline:
    """The earlier report that ``text`` is.

    Raises:
        BadBaseline: its message reads on after the file's name.
    """
    try:
        report = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadBaseline("is no JSON, or not all of it", _HINT) from error
    schema = report.get("schema") if isinstance(report, dict) else None
    if schema != SCHEMA:
        what = f"has the schema {schema!r}" if isinstance(schema, str) else "has no schema"
        raise BadBaseline(f"is no compliance report: it {what}, not {SCHEMA}", _HINT)
    if report.get("since"):
        raise BadBaseline("tells only what was new then, not what is so", _WHOLE)
    try:
        known: dict[_Known, bool] = {}
        for router, checked in report["routers"].items():
            for finding in checked["findings"]:
                key = _of_json(router, finding)
                known[key] = known.get(key, False) or finding.get("waiver") is None
        return Baseline(str(report["run"]), str(report["started"]), known)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadBaseline("says it is a compliance report, but is not whole", _HINT) from error


def since(run: CheckRun, baseline: Baseline) -> Since:
    """``run`` without what ``baseline`` knows."""
    left = tuple(_without(router, baseline) for router in run.routers)
    now = {_of_finding(each.router, finding) for each in run.routers for finding in each.findings}
    reached = {each.router for each in run.routers if each.status is not Compliance.UNREACHABLE}
    made = {each.id for each in run.checks}
    gone = sum(
        key.router in {visible(name) for name in reached} and key.check in made
        for key in baseline.known.keys() - now
    )
    before = sum(len(each.findings) for each in run.routers)
    after = sum(len(each.findings) for each in left)
    seen = Since(replace(run, routers=left), before - after, gone, baseline)
    return replace(seen, run=replace(seen.run, since=seen.text))


def _without(router: Checked, baseline: Baseline) -> Checked:
    new = tuple(finding for finding in router.findings if _is_new(router.router, finding, baseline))
    if router.status is Compliance.UNREACHABLE:
        return replace(router, findings=new)
    drifts = any(each.counts for each in new)
    return replace(
        router, findings=new, status=Compliance.DRIFT if drifts else Compliance.COMPLIANT
    )


def _is_new(router: str, finding: Finding, baseline: Baseline) -> bool:
    counted = baseline.known.get(_of_finding(router, finding))
    return counted is None or (finding.waiver is None and not counted)


def _of_finding(router: str, finding: Finding) -> _Known:
    return _Known(
        visible(router),
        finding.id,
        finding.severity.value,
        visible(finding.service or ""),
        visible(finding.message),
    )


def _of_json(router: str, finding: Mapping[str, Any]) -> _Known:
    return _Known(
        visible(router),
        finding["id"],
        Severity(finding["severity"]).value,
        visible(finding.get("service") or ""),
        visible(finding["message"]),
    )
