"""The page's findings: by router, each folded to one line, with its hint and its diff inside."""

from __future__ import annotations

from collections.abc import Iterator

from runbooks.reports.check import Checked, CheckRun, Compliance
from runbooks.reports.diff import diff_lines
from runbooks.reports.html_text import kind_of, lines, text
from runbooks.reports.text import visible
from runbooks.reports.words import waiver_text, why_unreached
from tasks.outcome import Finding

_LONGEST_LINE = 240
_DIFF_CLASSES = {"+": "add", "-": "remove"}


def has_section(router: Checked) -> bool:
    """Whether there is anything to say of a router."""
    return bool(router.findings) or router.status is Compliance.UNREACHABLE


def render_findings(run: CheckRun) -> str:
    """A section for each router that has something; the others are in the matrix only."""
    titles = {each.id: each.title for each in run.checks}
    sections = [
        _section(number, router, titles)
        for number, router in enumerate(run.routers)
        if has_section(router)
    ]
    return "\n".join(sections) or "<p>Nothing was found.</p>"


def _section(number: int, router: Checked, titles: dict[str, str]) -> str:
    about = [router.cluster, router.backend, router.status.value]
    words = ", ".join(text(each) for each in about if each)
    heading = (
        f'<section class="router" id="r{number}" aria-labelledby="h{number}">'
        f'<h3 id="h{number}" tabindex="-1">{text(router.router)} <small>{words}</small></h3>'
    )
    parts = [heading]
    if router.status is Compliance.UNREACHABLE:
        parts.append(f'<p class="failed error">{lines(why_unreached(router))}</p>')
    parts += (
        _finding(f"f{number}-{place}", finding, titles.get(finding.id, ""))
        for place, finding in enumerate(router.findings)
    )
    return "\n".join([*parts, "</section>"])


def _finding(name: str, finding: Finding, title: str) -> str:
    kind = kind_of(finding)
    shown = f"{kind} {finding.severity.value}" if finding.waiver is not None else kind
    first, short = _one_line(finding.message)
    service = f" <small>service {text(finding.service)}</small>" if finding.service else ""
    summary = (
        f'<details id="{name}" data-severity="{finding.severity.value}"><summary>'
        f'<span class="tag {kind}">{shown}</span> <span class="id">{text(finding.id)}</span> '
        f'{text(first)}{service}</summary><div class="body">'
    )
    return "".join([summary, *_body(finding, title, whole=short), "</div></details>"])


def _one_line(message: str) -> tuple[str, bool]:
    """The beginning of a message, and whether that is less than all of it."""
    first, _, rest = message.strip().partition("\n")
    first = visible(first.rstrip("\r"))
    cut = len(first) > _LONGEST_LINE
    return (f"{first[:_LONGEST_LINE]}…" if cut else first), cut or bool(rest)


def _body(finding: Finding, title: str, *, whole: bool) -> Iterator[str]:
    if title:
        yield f'<p><a href="#c-{text(finding.id)}">{text(title)}</a></p>'
    if whole:
        yield f'<p class="label">In full</p><p class="said">{lines(finding.message)}</p>'
    if finding.waiver is not None:
        yield f'<p class="label">Waived</p><p>{text(waiver_text(finding.waiver))}</p>'
    if finding.hint:
        yield f'<p class="label">What to do</p><p class="said">{lines(finding.hint)}</p>'
    if finding.diff:
        shown = "\n".join(_diff_line(each) for each in diff_lines(finding.diff))
        yield f'<p class="label">What a rollout would do</p><pre tabindex="0">{shown}</pre>'


def _diff_line(line: str) -> str:
    return f'<span class="{_DIFF_CLASSES.get(line[:1], "where")}">{text(line)}</span>'
