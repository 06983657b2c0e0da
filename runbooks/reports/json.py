"""The report for machines: one JSON object, ``lvsfleet.rollout/1``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from runbooks.reports.run import Run
from tasks.outcome import Outcome

SCHEMA = "lvsfleet.rollout/1"


def render_json(run: Run) -> str:
    """One object, ASCII only: it is safe on a terminal and in any locale."""
    report = {
        "schema": SCHEMA,
        "run": run.id,
        "started": _rfc3339(run.started),
        "seconds": round(run.seconds, 3),
        "summary": {status.value: count for status, count in run.summary.items()},
        "routers": {plain(each.router): _router(each) for each in run.outcomes},
    }
    if run.inventory is not None:
        report["inventory"] = {
            "status": run.inventory.status.name.lower(),
            "files": [plain(name) for name in run.inventory.files],
            "diff": plain(run.inventory.diff),
            "commit": run.inventory.commit or None,
        }
    if run.live is not None:
        report["live"] = {
            "vip": run.live.vip,
            "router": plain(run.live.router) or None,
            "connections": run.live.connections,
            "table": run.live.table or None,
        }
    return json.dumps(report, indent=2) + "\n"


def _router(outcome: Outcome) -> dict[str, Any]:
    error = outcome.error
    return {
        "status": outcome.status.value,
        "changes": [
            {
                "op": edit.op.value,
                "where": edit.where.value,
                "rule": plain(edit.rule),
                "service": edit.service,
            }
            for edit in outcome.changes
        ],
        "findings": [
            {
                "id": finding.id,
                "severity": finding.severity.value,
                "message": plain(finding.message),
                "hint": plain(finding.hint),
            }
            for finding in outcome.findings
        ],
        "error": None if error is None else {"kind": error.kind, "message": plain(str(error))},
        "seconds": round(outcome.seconds, 3),
    }


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(text: str) -> str:
    r"""Bytes that were no UTF-8 are spelt ``\xNN``: a lone surrogate is not valid in JSON."""
    try:
        text.encode()
    except UnicodeEncodeError:
        data = text.encode("utf-8", "surrogateescape")
        return data.decode("utf-8", "backslashreplace")
    return text
