"""The report for continuous integration: JUnit XML, one test case for each router and check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from html import escape
from itertools import chain

from runbooks.reports.check import Checked, CheckRun, Compliance
from runbooks.reports.text import visible
from runbooks.reports.words import (
    check_title,
    checks_of,
    finding_text,
    waiver_text,
    why_unreached,
    worst,
)
from tasks.checks.info import CheckInfo
from tasks.outcome import Finding

_LONGEST_MESSAGE = 500  # the whole text stands in the element


@dataclass(frozen=True, slots=True)
class _Case:
    """One test case: its name, how it ended (an element's name, or empty), and the words for it."""

    name: str
    end: str = ""
    kind: str = ""
    message: str = ""
    text: str = ""
    seconds: float = 0.0


def render_junit(run: CheckRun) -> str:
    """A suite for each router: whether it was reached, then every check.

    A router that was not reached is an error, and its checks are skipped, never passed; so are a
    waived finding and a check that was left out. A finding of severity info passes, with its text.
    """
    suites = [(router, tuple(_cases(run, router))) for router in run.routers]
    everything = tuple(chain.from_iterable(cases for _, cases in suites))
    started = run.started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    about = f'time="{run.seconds:.3f}" timestamp="{started}"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="lvsfleet compliance {_text(run.id)}" {_counts(everything)} {about}>',
    ]
    for router, cases in suites:
        name = _text(visible(router.router))
        about = f'time="{router.seconds:.3f}" timestamp="{started}"'
        lines.append(f'  <testsuite name="{name}" {_counts(cases)} {about}>')
        where = f"lvsfleet.{_text(visible(router.cluster or '-'))}.{name}"
        lines.extend(chain.from_iterable(_element(where, case) for case in cases))
        lines.append("  </testsuite>")
    return "\n".join([*lines, "</testsuites>"]) + "\n"


def _cases(run: CheckRun, router: Checked) -> Iterator[_Case]:
    reached = router.status is not Compliance.UNREACHABLE
    if reached:
        yield _Case("reached", seconds=router.seconds)
    else:
        why = why_unreached(router)
        kind = router.error.kind if router.error else "unreachable"
        yield _Case("reached", "error", kind, why, why, router.seconds)
    for info in checks_of(run):
        yield _checked(info, tuple(router.of(info.id)), reached=reached)
    for info in run.skipped:
        yield _Case(check_title(info), "skipped", message="left out by --skip or --only")


def _checked(info: CheckInfo, found: tuple[Finding, ...], *, reached: bool) -> _Case:
    name, text = check_title(info), "\n\n".join(finding_text(each) for each in found)
    counting = [each for each in found if each.counts]
    if counting:
        first = visible(counting[0].message)
        more = f" (and {len(counting) - 1} more)" if len(counting) > 1 else ""
        kind = (worst(counting) or info.severity).value
        return _Case(name, "failure", kind, f"{first}{more}", text)
    if not reached:
        return _Case(name, "skipped", message="the router was not reached", text=text)
    waived = [each.waiver for each in found if each.waiver is not None]
    if waived:
        return _Case(name, "skipped", message=waiver_text(waived[0]), text=text)
    return _Case(name, text=text)


def _counts(cases: Iterable[_Case]) -> str:
    ends = [case.end for case in cases]
    return (
        f'tests="{len(ends)}" failures="{ends.count("failure")}" '
        f'errors="{ends.count("error")}" skipped="{ends.count("skipped")}"'
    )


def _element(where: str, case: _Case) -> Iterator[str]:
    begin = f'    <testcase classname="{where}" name="{_text(case.name)}" time="{case.seconds:.3f}"'
    if not case.end and not case.text:
        yield f"{begin}/>"
        return
    yield f"{begin}>"
    if case.end:
        kind = f' type="{_text(case.kind)}"' if case.kind else ""
        message = f' message="{_text(_short(case.message))}"'
        yield f"      <{case.end}{kind}{message}>{escape(case.text)}</{case.end}>"
    else:
        yield f"      <system-out>{escape(case.text)}</system-out>"
    yield "    </testcase>"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"


def _text(text: str) -> str:
    """``text``, already visible, for an attribute."""
    return escape(text).replace("\n", "&#10;")
