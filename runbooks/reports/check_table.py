"""The compliance report for people: one line per router, then every finding, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runbooks.reports.check import Checked, CheckRun, Compliance
from runbooks.reports.diff import diff_lines
from runbooks.reports.grid import Column, render_grid
from runbooks.reports.text import PLAIN, Screen, paragraph, visible, wrap
from runbooks.reports.words import waiver_text
from tasks.outcome import Edit, Finding, Severity

_STATUS_COLOURS = {
    Compliance.COMPLIANT: "",
    Compliance.DRIFT: "yellow",
    Compliance.UNREACHABLE: "bold red",
}
_SEVERITY_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: ""}
_COLUMNS = (
    Column("ROUTER"),
    Column("CLUSTER", spare=2),
    Column("BACKEND", spare=3),
    Column("STATUS"),
    Column("FINDINGS", spare=1),
    Column("TIME", spare=4, right=True),
)
_ORDER = list(Severity)


@dataclass(frozen=True, slots=True)
class _Told:
    """A finding as several routers have it, whose name is the only difference."""

    finding: Finding
    routers: tuple[str, ...]


def render_check_table(run: CheckRun, screen: Screen = PLAIN, *, verbose: bool = False) -> str:
    """The table, why routers were not reached, the findings, and the sum.

    Args:
        run: the run.
        screen: what it is for.
        verbose: show informational findings in full, and what a rollout would do.
    """
    blocks = [_table(run, screen), list(_errors(run, screen))]
    told = _told(run.routers)
    shown = [each for each in told if verbose or each.finding.severity is not Severity.INFO]
    blocks += (list(_paragraph(each, screen, verbose=verbose)) for each in shown)
    blocks.append(list(_summary(run, len(told) - len(shown), screen)))
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def check_summary(run: CheckRun, screen: Screen = PLAIN) -> str:
    """The run in one line."""
    counts = ", ".join(
        screen.paint(f"{count} {status.value}", _STATUS_COLOURS[status])
        for status, count in run.summary.items()
    )
    noun = "router" if len(run.routers) == 1 else "routers"
    return f"{len(run.routers)} {noun}: {counts or 'none'} in {run.seconds:.1f} s"


def _table(run: CheckRun, screen: Screen) -> list[str]:
    rows = [
        [
            visible(each.router),
            visible(each.cluster or "-"),
            visible(each.backend or "-"),
            each.status.value,
            _count(each),
            f"{each.seconds:.1f} s" if each.seconds else "",
        ]
        for each in run.routers
    ]
    colours = [_STATUS_COLOURS[each.status] for each in run.routers]
    return render_grid(_COLUMNS, rows, screen, painted=3, colours=colours)


def _count(checked: Checked) -> str:
    """``2 errors, 1 warning, 1 waived``; what only informs is left out."""
    counted = Counter(each.severity for each in checked.findings if each.counts)
    words = [
        f"{number} {severity.value}{'' if number == 1 else 's'}"
        for severity in (Severity.ERROR, Severity.WARNING)
        if (number := counted[severity])
    ]
    waived = sum(each.waiver is not None for each in checked.findings)
    return ", ".join([*words, *([f"{waived} waived"] if waived else [])])


def _errors(run: CheckRun, screen: Screen) -> Iterator[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for each in run.routers:
        if each.error is not None:
            groups.setdefault((each.error.message, each.error.hint), []).append(each.router)
    for (message, hint), names in groups.items():
        said = f"{', '.join(map(visible, names))}: not checked: {message}"
        yield from paragraph(said, hint, "red", screen)


def _told(routers: Iterable[Checked]) -> list[_Told]:
    """The findings, alike ones of several routers together; errors first, then by id."""
    groups: dict[tuple[object, ...], list[tuple[str, Finding]]] = {}
    for router in routers:
        for each in router.findings:
            hint = each.hint.replace(f"--limit {router.router}", "--limit …")
            key = (each.id, each.severity, each.message, hint, each.waiver)
            groups.setdefault(key, []).append((router.router, each))
    told = []
    for those in groups.values():
        names = tuple(name for name, _ in those)
        told.append(_Told(_of_all(those[0][1], names), names))
    told.sort(key=lambda each: (_ORDER.index(each.finding.severity), each.finding.id))
    return told


def _of_all(finding: Finding, names: tuple[str, ...]) -> Finding:
    hint = finding.hint.replace(f"--limit {names[0]}", f"--limit {','.join(names)}")
    return Finding(
        finding.id,
        finding.severity,
        finding.message,
        hint,
        finding.service,
        finding.diff,
        finding.waiver,
    )


def _paragraph(told: _Told, screen: Screen, *, verbose: bool) -> Iterator[str]:
    finding = told.finding
    word = "waived" if finding.waiver else finding.severity.value
    names = ", ".join(map(visible, told.routers))
    first, *rest = finding.message.split("\n")
    colour = "dim" if finding.waiver else _SEVERITY_COLOURS[finding.severity]
    lines = wrap(f"{finding.id} {word}: {names}: {visible(first)}", screen.width)
    for each in rest:
        lines += wrap(visible(each), screen.width, "    ")
    yield from (screen.paint(line, colour) for line in lines)
    if finding.waiver:
        yield from wrap(waiver_text(finding.waiver), screen.width, "    ")
        return
    for each in finding.hint.split("\n"):
        yield from wrap(visible(each), screen.width, "    ") if each else ()
    if verbose:
        yield from _diff(finding.diff)


def _diff(edits: tuple[Edit, ...]) -> Iterator[str]:
    yield from (f"    {line}" for line in diff_lines(edits))


def _summary(run: CheckRun, unsaid: int, screen: Screen) -> Iterator[str]:
    yield check_summary(run, screen)
    notes = []
    if run.since:
        notes.append(f"Only what is new {visible(run.since)}.")
    if run.interrupted:
        notes.append("Interrupted: what was not asked by then counts as unreachable.")
    if run.skipped:
        notes.append(f"Not checked: {', '.join(each.id for each in run.skipped)}.")
    if unsaid:
        noun = "remark" if unsaid == 1 else "remarks"
        notes.append(f"-v shows {unsaid} {noun} that {'is' if unsaid == 1 else 'are'} no drift.")
    found = {each.id for router in run.routers for each in router.findings if each.counts}
    if found:
        notes.append(f"`lvsfleet explain {min(found)}` tells what it means and how it is mended.")
    for note in notes:
        yield from wrap(note, screen.width)
