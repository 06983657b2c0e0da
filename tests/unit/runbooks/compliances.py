"""Compliance runs for the tests of reports: of tests/cases/compliance/, and made up in any size."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from inventory.waiver import Waiver
from runbooks.reports.check import Checked, CheckRun, Compliance
from tasks.checks.info import CheckInfo
from tasks.errors import HostKeyRefused, Unreachable
from tasks.outcome import Edit, Finding, Op, Severity, Where

CASES = Path(__file__).parents[2] / "cases" / "compliance"
STARTED = datetime(2026, 11, 23, 7, 45, 12, tzinfo=UTC)
ID = "20261123T074512Z-fleet-4f2a"
EXPECTED = {"junit": "junit.xml", "sarif": "sarif.json", "prometheus": "prom"}
ERRORS = {each.kind: each for each in (Unreachable, HostKeyRefused)}


def case_names() -> list[str]:
    return sorted(path.name.removesuffix(".case.json") for path in CASES.glob("*.case.json"))


def case_run(name: str) -> CheckRun:
    """The run of one case."""
    case = json.loads((CASES / f"{name}.case.json").read_text())
    return CheckRun(
        ID,
        STARTED,
        case.get("seconds", 3.21),
        tuple(_checked(router, each) for router, each in case["routers"].items()),
        tuple(info(*each) for each in case["checks"]),
        tuple(info(*each) for each in case.get("skipped", [])),
        interrupted=case.get("interrupted", False),
    )


def info(check: str, severity: str, title: str) -> CheckInfo:
    """A check that says of itself what a test needs."""
    return CheckInfo(check, title, Severity(severity), f"Why {check} matters.", f"Mend {check}.")


def _checked(router: str, case: dict[str, Any]) -> Checked:
    kind, *words = case.get("error", [None])
    return Checked(
        router,
        case.get("cluster"),
        case.get("backend", ""),
        Compliance(case["status"]),
        tuple(_finding(each) for each in case.get("findings", [])),
        ERRORS[kind](*words) if kind else None,
        case.get("seconds", 0.25),
    )


def _finding(case: dict[str, Any]) -> Finding:
    waiver = case.get("waiver")
    return Finding(
        case["id"],
        Severity(case["severity"]),
        case["message"],
        case.get("hint", ""),
        case.get("service"),
        tuple(
            Edit(Op(op), Where(where), rule, case.get("service"), scope)
            for op, places, scope, rule in case.get("diff", [])
            for where in places.split()
        ),
        Waiver(case["id"], waiver[0], date.fromisoformat(waiver[1])) if waiver else None,
    )


CHECKS = tuple(
    info(f"LVS{number:03}", severity, f"Something of kind {number}")
    for severity, numbers in (
        ("error", (1, 2, 4, 5, 10, 20, 21, 22, 30, 34, 35, 36, 40, 42, 50, 51)),
        ("warning", (3, 6, 11, 12, 13, 23, 31, 32, 33, 37, 41, 52, 53, 60, 61)),
        ("info", (38,)),
    )
    for number in numbers
)


def fleet_run(size: int) -> CheckRun:
    """A fleet of ``size`` in pairs; a third of it drifts, and one in fifty is not reached."""
    return CheckRun(
        ID,
        STARTED,
        0.05 * size,
        tuple(_made_up(number) for number in range(size)),
        tuple(sorted(CHECKS, key=lambda each: each.id)),
    )


def _made_up(number: int) -> Checked:
    pair = number // 2 + 1
    name, cluster = f"site{pair:03}-lb{number % 2 + 1}", f"site{pair:03}"
    if number % 50 == 5:
        error = Unreachable(f"{name} does not answer on port 22", "Is it switched on?")
        return Checked(name, cluster, "", Compliance.UNREACHABLE, error=error, seconds=10.0)
    findings: list[Finding] = []
    if number % 3 == 1:
        rule = f"-A LVSFLEET-MARK -d 198.51.{pair % 256}.10/32 -p tcp -m multiport --dports 80,443"
        edits = (Edit(Op.ADD, Where.SAVED, f"{rule} -j MARK --set-xmark 0x50/0xffffffff", "web",
                      "iptables mangle"),
                 Edit(Op.REMOVE, Where.SAVED, f"{rule} -j MARK --set-xmark 0x51/0xffffffff", None,
                      "iptables mangle"))  # fmt: skip
        message = "the mark 80 of web is not saved: it is lost when the router boots"
        hint = "`lvsfleet rollout --limit " + name + "` saves it"
        findings.append(Finding("LVS002", Severity.ERROR, message, hint, "web", edits))
    if number % 7 == 4:
        message = "DROP of INVALID packets (`--ctstate INVALID -j DROP`) comes before the mark"
        findings.append(Finding("LVS023", Severity.WARNING, message, "Move it behind the mark"))
        waiver = Waiver("LVS053", "kube-proxy moves out in spring", date(2027, 3, 31))
        message = "kube-proxy uses the bits 0x4000 of the mark"
        findings.append(Finding("LVS053", Severity.WARNING, message, waiver=waiver))
    if number % 5 == 0:
        message = "web bundles two ports under one mark without persistence"
        findings.append(Finding("LVS038", Severity.INFO, message, service="web"))
    findings.sort(key=lambda each: each.id)
    drifts = any(each.counts for each in findings)
    status = Compliance.DRIFT if drifts else Compliance.COMPLIANT
    return Checked(name, cluster, "iptables", status, tuple(findings), seconds=0.4)


def main() -> None:
    """Write the expected reports anew; the diff is to be read."""
    from runbooks.reports.write import REPORTS  # noqa: PLC0415 - only for this

    for name in case_names():
        for report, suffix in EXPECTED.items():
            (CASES / f"{name}.{suffix}").write_text(REPORTS[report](case_run(name)))


if __name__ == "__main__":
    main()
