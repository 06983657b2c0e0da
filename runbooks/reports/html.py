"""The report as one page for a browser: self-contained, and nothing in it may use the network.

Its parts are in page/: the frame, the look and the behaviour. What a router said is visible text
here and never markup: every value goes through `text`.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC
from importlib.resources import files
from string import Template

from runbooks.reports.check import CheckRun, Compliance
from runbooks.reports.html_checks import render_checks
from runbooks.reports.html_findings import render_findings
from runbooks.reports.html_matrix import MARKS, clusters_of, render_matrix
from runbooks.reports.html_text import CLASSES, plural, text
from runbooks.reports.words import SEVERITIES


def render_html(run: CheckRun) -> str:
    """The page; a document of its own."""
    style, script = _asset("page.css"), _asset("page.js")
    routers = plural(len(run.routers), "router")
    return Template(_asset("page.html")).substitute(
        title=f"Compliance: {routers}, {text(run.id)}",
        heading=f"Compliance of {routers}",
        about=_about(run),
        notes="\n".join(f'<p class="note">{note}</p>' for note in _notes(run)),
        tally="".join(f"<li{_class(name)}><b>{n}</b> {name}</li>" for name, n in _tally(run)),
        severities=_options(each.value for each in SEVERITIES),
        clusters=_options(clusters_of(run)),
        statuses=_options(each.value for each in Compliance),
        shown=_shown(run),
        legend=_legend(),
        matrix=render_matrix(run),
        findings=render_findings(run),
        checks=render_checks(run),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
    )


def _asset(name: str) -> str:
    return (files("runbooks.reports") / "page" / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """What the page's policy lets in: this very content (CSP level 2, hash-source)."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _about(run: CheckRun) -> str:
    started = run.started.astimezone(UTC)
    return (
        f"Run <code>{text(run.id)}</code>, started "
        f'<time datetime="{started:%Y-%m-%dT%H:%M:%SZ}">{started:%Y-%m-%d %H:%M:%S} UTC</time>, '
        f"{run.seconds:.1f} s, {plural(len(run.checks), 'check')} made."
    )


def _notes(run: CheckRun) -> Iterator[str]:
    if run.interrupted:
        yield "The run was interrupted: routers that were not asked by then count as unreachable."
    if not run.routers:
        yield "No router was selected: nothing was checked."
    if run.since:
        yield f"Only what is new {text(run.since)}. How a router stands is judged by that."
    if run.skipped:
        names = ", ".join(text(each.id) for each in run.skipped)
        yield f"Left out by <code>--skip</code> or <code>--only</code>: {names}."


def _tally(run: CheckRun) -> Iterator[tuple[str, int]]:
    """How many routers stand how, and how many findings there are of which severity."""
    statuses = run.summary
    yield from ((each.value, statuses.get(each, 0)) for each in Compliance)
    findings = [finding for router in run.routers for finding in router.findings]
    count = Counter(each.severity for each in findings if each.waiver is None)
    for severity, word in zip(SEVERITIES, ("error", "warning", "information"), strict=True):
        yield word if count[severity] == 1 or word == "information" else f"{word}s", count[severity]
    if waived := sum(each.waiver is not None for each in findings):
        yield "waived", waived


def _class(name: str) -> str:
    """Colour only for what there is to see at a glance: how the routers stand."""
    return f' class="{CLASSES[name]}"' if name in CLASSES else ""


def _options(values: Iterator[str]) -> str:
    return "".join(f'<option value="{text(each)}">{text(each)}</option>' for each in values)


def _shown(run: CheckRun) -> str:
    """What the page's script says as soon as it runs: nothing moves then."""
    routers, findings = len(run.routers), sum(len(each.findings) for each in run.routers)
    return f"{routers} of {routers} routers, {findings} of {findings} findings"


def _legend() -> str:
    marks = ", ".join(f'<b class="{kind}">{mark}</b> {kind}' for kind, mark in MARKS.items())
    return f"{marks}, <b>·</b> nothing found. A mark leads to its finding, a heading to its check."
