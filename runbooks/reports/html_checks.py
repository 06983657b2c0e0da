"""The page's list of checks: what each looks for, why it matters, how it is mended."""

from __future__ import annotations

from runbooks.reports.check import CheckRun
from runbooks.reports.html_text import lines, text
from runbooks.reports.words import checks_of
from tasks.checks.info import CheckInfo


def render_checks(run: CheckRun) -> str:
    """All checks that were made, folded."""
    return "\n".join(_check(each) for each in checks_of(run)) or "<p>No check was made.</p>"


def _check(info: CheckInfo) -> str:
    kind = info.severity.value
    summary = (
        f'<details id="c-{text(info.id)}"><summary><span class="tag {kind}">{kind}</span> '
        f'<span class="id">{text(info.id)}</span> {text(info.title)}</summary><div class="body">'
    )
    parts = [summary]
    if info.why:
        parts.append(f'<p class="said">{lines(info.why)}</p>')
    if info.mend:
        parts.append(f'<p class="label">What to do</p><p class="said">{lines(info.mend)}</p>')
    return "".join([*parts, "</div></details>"])
