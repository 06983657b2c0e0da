"""Words that several compliance reports share: a finding as lines, a waiver, a title."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inventory.waiver import Waiver
from runbooks.reports.check import Checked, CheckRun, Compliance
from runbooks.reports.diff import diff_lines
from runbooks.reports.text import visible
from tasks.checks.info import CheckInfo
from tasks.outcome import Finding, Severity

SEVERITIES = tuple(Severity)
"""The worst first."""


def visible_lines(text: str) -> str:
    """``text`` with its lines kept, and everything else that is not seen written out."""
    return "\n".join(visible(line) for line in text.replace("\r\n", "\n").split("\n"))


def finding_text(finding: Finding) -> str:
    """All of a finding: what is so, what to do about it, and what a rollout would do."""
    parts = [visible_lines(finding.message)]
    if finding.hint:
        parts.append(visible_lines(finding.hint))
    if finding.waiver is not None:
        parts.append(waiver_text(finding.waiver))
    if finding.diff:
        parts.append("\n".join(diff_lines(finding.diff)))
    return "\n\n".join(parts)


def waiver_text(waiver: Waiver) -> str:
    """Why a finding does not count, and for how long."""
    return f"waived until {waiver.until.isoformat()}: {visible(waiver.reason)}"


def check_title(info: CheckInfo) -> str:
    """The check in one line: ``LVS021 VIP rejected by INPUT``."""
    return f"{info.id} {visible(info.title)}"


def worst(findings: Iterable[Finding]) -> Severity | None:
    """The gravest severity among ``findings``; None where there are none."""
    seen = {each.severity for each in findings}
    return next((each for each in SEVERITIES if each in seen), None)


def checks_of(run: CheckRun) -> tuple[CheckInfo, ...]:
    """The checks that were made, and a stand-in for each that has findings all the same.

    A finding of a check that nobody lists must not be lost in a report that goes check by check.
    """
    known = {each.id for each in run.checks}
    others: dict[str, CheckInfo] = {}
    for finding in (finding for router in run.routers for finding in router.findings):
        if finding.id not in known:
            stand_in = CheckInfo(finding.id, "", finding.severity, "", "")
            others.setdefault(finding.id, stand_in)
    return tuple(sorted((*run.checks, *others.values()), key=lambda each: each.id))


def unreached(run: CheckRun) -> Iterator[Checked]:
    """The routers that nothing is known of."""
    return (each for each in run.routers if each.status is Compliance.UNREACHABLE)


def why_unreached(router: Checked) -> str:
    """Why a router could not be checked."""
    return visible_lines(str(router.error)) if router.error else "it was not asked"
