"""The report for code scanners and their viewers: SARIF 2.1.0 (OASIS), one run.

A router is an artifact whose address is its name, relative to the base ``ROUTERS``; viewers that
know only files still group by it.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from runbooks.reports.check import Checked, CheckRun
from runbooks.reports.diff import diff_lines
from runbooks.reports.text import visible
from runbooks.reports.words import (
    checks_of,
    finding_text,
    unreached,
    visible_lines,
    waiver_text,
    why_unreached,
)
from tasks.checks.info import CheckInfo
from tasks.outcome import Finding, Severity

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_BASE = "ROUTERS"


def render_sarif(run: CheckRun) -> str:
    """One SARIF run; routers that were not reached are notifications of its invocation."""
    rules = checks_of(run)
    places = {info.id: place for place, info in enumerate(rules)}
    report = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "lvsfleet", "rules": [_rule(each) for each in rules]}},
                "automationDetails": {"id": f"lvsfleet/compliance/{run.id}"},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {
                    _BASE: {"description": {"text": "The routers of the inventory, by name."}}
                },
                "invocations": [_invocation(run)],
                "results": [
                    _result(router, finding, places[finding.id])
                    for router in run.routers
                    for finding in router.findings
                ],
            }
        ],
    }
    return json.dumps(report, indent=1) + "\n"


def _rule(info: CheckInfo) -> dict[str, Any]:
    rule = {
        "id": info.id,
        "shortDescription": {"text": visible(info.title) or info.id},
        "fullDescription": {"text": visible_lines(info.why)},
        "help": {"text": visible_lines(info.mend)},
        "defaultConfiguration": {"level": _LEVELS[info.severity]},
    }
    return {key: value for key, value in rule.items() if value != {"text": ""}}


def _invocation(run: CheckRun) -> dict[str, Any]:
    notifications = [
        {
            "level": "error",
            "message": {"text": f"{visible(each.router)}: {why_unreached(each)}"},
            "locations": [_location(each)],
            "properties": {"kind": each.error.kind if each.error else "unreachable"},
        }
        for each in unreached(run)
    ]
    return {
        "executionSuccessful": not notifications and not run.interrupted,
        "startTimeUtc": _moment(run.started),
        "endTimeUtc": _moment(run.started + timedelta(seconds=run.seconds)),
        "toolExecutionNotifications": notifications,
    }


def _result(router: Checked, finding: Finding, place: int) -> dict[str, Any]:
    properties = {
        "cluster": visible(router.cluster or ""),
        "service": visible(finding.service or ""),
        "hint": visible_lines(finding.hint),
        "diff": "\n".join(diff_lines(finding.diff)),
    }
    result: dict[str, Any] = {
        "ruleId": finding.id,
        "ruleIndex": place,
        "kind": "fail",
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{visible(router.router)}: {finding_text(finding)}"},
        "locations": [_location(router)],
        "partialFingerprints": {"lvsfleet/v1": _fingerprint(router, finding)},
        "properties": {key: value for key, value in properties.items() if value},
    }
    if finding.waiver is not None:
        why = waiver_text(finding.waiver)
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    return result


def _location(router: Checked) -> dict[str, Any]:
    name, cluster = visible(router.router), visible(router.cluster or "")
    return {
        "physicalLocation": {"artifactLocation": {"uri": quote(name, safe=""), "uriBaseId": _BASE}},
        "logicalLocations": [
            {
                "name": name,
                "fullyQualifiedName": f"{cluster}/{name}" if cluster else name,
                "kind": "resource",
            }
        ],
    }


def _fingerprint(router: Checked, finding: Finding) -> str:
    """The same for the same finding in a later run, in the words that are shown."""
    what = (router.router, finding.id, finding.service or "", finding.message)
    return hashlib.sha256("\0".join(visible(each) for each in what).encode()).hexdigest()[:32]


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
