"""The compliance report for machines: one JSON object, ``lvsfleet.compliance/1``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC
from typing import Any

from runbooks.reports.check import Checked, CheckRun
from runbooks.reports.json import plain
from tasks.outcome import Edit, Finding

SCHEMA = "lvsfleet.compliance/1"


def render_check_json(run: CheckRun) -> str:
    """One object, ASCII only: it is safe on a terminal and in any locale."""
    report = {
        "schema": SCHEMA,
        "run": run.id,
        "started": run.started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": round(run.seconds, 3),
        "interrupted": run.interrupted,
        "since": plain(run.since) or None,
        "summary": {status.value: count for status, count in run.summary.items()},
        "checks": [each.id for each in run.checks],
        "skipped": [each.id for each in run.skipped],
        "routers": {plain(each.router): _router(each) for each in run.routers},
    }
    return json.dumps(report, indent=2) + "\n"


def _router(checked: Checked) -> dict[str, Any]:
    error = checked.error
    edits = dict.fromkeys(edit for finding in checked.findings for edit in finding.diff)
    return {
        "status": checked.status.value,
        "cluster": checked.cluster,
        "backend": checked.backend or None,
        "changes": _changes(edits),
        "findings": [_finding(each) for each in checked.findings],
        "error": None if error is None else {"kind": error.kind, "message": plain(str(error))},
        "seconds": round(checked.seconds, 3),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    waiver = finding.waiver
    return {
        "id": finding.id,
        "severity": finding.severity.value,
        "service": finding.service,
        "message": plain(finding.message),
        "hint": plain(finding.hint),
        "changes": _changes(finding.diff),
        "waiver": waiver and {"reason": waiver.reason, "until": waiver.until.isoformat()},
    }


def _changes(edits: Iterable[Edit]) -> list[dict[str, Any]]:
    return [
        {
            "op": edit.op.value,
            "where": edit.where.value,
            "rule": plain(edit.rule),
            "service": edit.service,
        }
        for edit in edits
    ]
