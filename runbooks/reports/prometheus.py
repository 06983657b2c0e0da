"""The report for Prometheus: a file for the node exporter's textfile collector.

It holds what is so, whatever was so before; when it was made stands in it, so that a schedule that
stopped is seen. A router that was not reached has no sample of any check: unknown is not 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from runbooks.reports.check import Checked, CheckRun, Compliance
from runbooks.reports.text import visible
from runbooks.reports.words import SEVERITIES, checks_of, worst
from tasks.checks.info import CheckInfo

_PREFIX = "lvsfleet_compliance_"
_Sample = tuple[Mapping[str, str], float]


def render_prometheus(run: CheckRun) -> str:
    """All metrics, each with its HELP and TYPE (exposition format 0.0.4)."""
    families: tuple[tuple[str, str, Iterable[_Sample]], ...] = (
        (
            "last_run_timestamp_seconds",
            "When the last run ended, in seconds since 1970.",
            [({}, round(run.started.timestamp() + run.seconds, 3))],
        ),
        ("duration_seconds", "How long the last run took.", [({}, round(run.seconds, 3))]),
        (
            "interrupted",
            "Whether somebody stopped the last run, so that it is not whole.",
            [({}, float(run.interrupted))],
        ),
        ("routers", "Routers of the last run, by how they stand.", _routers(run)),
        (
            "router_status",
            "How a router stands: 1 for the one status that it has.",
            (
                ({**_who(router), "status": status.value}, float(router.status is status))
                for router in run.routers
                for status in Compliance
            ),
        ),
        (
            "router_duration_seconds",
            "How long the check of a router took.",
            ((_who(router), round(router.seconds, 3)) for router in run.routers),
        ),
        (
            "check_failed",
            "Whether a check found an error or a warning that is not waived.",
            (
                _check(router, info)
                for router in run.routers
                if router.status is not Compliance.UNREACHABLE
                for info in checks_of(run)
            ),
        ),
        ("findings", "Findings of the whole fleet; waived ones do not count.", _findings(run)),
    )
    lines: list[str] = []
    for name, about, samples in families:
        lines += [f"# HELP {_PREFIX}{name} {about}", f"# TYPE {_PREFIX}{name} gauge"]
        lines += (_line(f"{_PREFIX}{name}", labels, value) for labels, value in samples)
    return "\n".join(lines) + "\n"


def _routers(run: CheckRun) -> Iterator[_Sample]:
    counts = run.summary
    return (({"status": status.value}, float(counts.get(status, 0))) for status in Compliance)


def _check(router: Checked, info: CheckInfo) -> _Sample:
    counting = [each for each in router.of(info.id) if each.counts]
    severity = worst(counting) or info.severity
    labels = {**_who(router), "check": info.id, "severity": severity.value}
    return labels, float(bool(counting))


def _findings(run: CheckRun) -> Iterator[_Sample]:
    count = Counter(
        (finding.severity, finding.waiver is not None)
        for router in run.routers
        for finding in router.findings
    )
    for severity in SEVERITIES:
        for waived in (False, True):
            labels = {"severity": severity.value, "waived": str(waived).lower()}
            yield labels, float(count[severity, waived])


def _who(router: Checked) -> dict[str, str]:
    return {"router": router.router, "cluster": router.cluster or ""}


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    number = repr(int(value)) if value == int(value) else repr(value)
    return f"{name}{{{inside}}} {number}" if inside else f"{name} {number}"


def _escaped(text: str) -> str:
    r"""A label's value: ``\``, ``"`` and line ends as the format wants them (those are visible)."""
    return visible(text).replace("\\", "\\\\").replace('"', '\\"')
