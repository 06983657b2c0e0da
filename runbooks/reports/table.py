"""The result table for people: one line per router, then every error, then what else was seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runbooks.reports.next import next_steps
from runbooks.reports.run import Run, edit_counts
from runbooks.reports.text import PLAIN, Screen, paragraph, visible, wrap
from tasks.outcome import Finding, Outcome, Severity, Status

STATUS_COLOURS = {
    Status.UNCHANGED: "",
    Status.CHANGED: "green",
    Status.PLANNED: "yellow",
    Status.FAILED: "bold red",
    Status.REVERTED: "bold red",
    Status.UNKNOWN: "bold red",
    Status.SKIPPED: "dim",
}
_SEVERITY_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: ""}
_GAP = "  "


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its title, and how early it goes where the terminal is narrow (0: never)."""

    title: str
    spare: int = 0
    right: bool = False


_COLUMNS = (
    _Column("ROUTER"),
    _Column("CLUSTER", spare=2),
    _Column("BACKEND", spare=3),
    _Column("STATUS"),
    _Column("RULES", spare=1),
    _Column("TIME", spare=4, right=True),
)
_STATUS = 3


def render_table(run: Run, screen: Screen = PLAIN) -> str:
    """The table, the errors, the findings, the order, and the sum, each set apart."""
    blocks = (
        _table(run, screen),
        _errors(run.outcomes, screen),
        _findings(run.outcomes, screen),
        _order(run, screen),
        [summary(run, screen)],
    )
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def summary(run: Run, screen: Screen = PLAIN) -> str:
    """The run in one line, and below it what to do next."""
    counts = ", ".join(
        screen.paint(f"{count} {status.value}", STATUS_COLOURS[status])
        for status, count in run.summary.items()
    )
    counted = f"{routers(len(run.outcomes))}: {counts}" if run.outcomes else routers(0)
    # A run that changed nothing has no record, so its name is of no use.
    name = f" (run {run.id})" if run.journal else ""
    lines = [f"{counted} in {run.seconds:.1f} s{name}"]
    for line in next_steps(run):
        lines += wrap(visible(line), screen.width)
    return "\n".join(lines)


def routers(number: int) -> str:
    """``1 router``, ``2 routers``."""
    return f"{number} router{'' if number == 1 else 's'}"


def change_text(outcome: Outcome) -> str:
    """What comes and goes, e.g. ``+3 −1``; empty where nothing does."""
    add, remove = edit_counts(outcome)
    return " ".join(f"{sign}{count}" for sign, count in (("+", add), ("−", remove)) if count)


def _order(run: Run, screen: Screen) -> list[str]:
    """The waves of a dry run, in which nothing else shows who would go when."""
    if not run.dry_run or not run.waves:
        return []
    if len(run.waves) == 1:
        return wrap(f"At once: {_names(run.waves[0])}", screen.width)
    lines = ["In this order, each wave when the one before is verified:"]
    width = len(str(len(run.waves)))
    for number, wave in enumerate(run.waves, start=1):
        canary = ", the canary" if number == 1 else ""
        indent = " " * (width + 4)
        first, *rest = wrap(f"{_names(wave)}{canary}", screen.width, indent)
        lines += [f"  {number:>{width}}  {first[len(indent) :]}", *rest]
    return lines


def _names(names: Iterable[str]) -> str:
    return ", ".join(visible(name) for name in names)


def _cells(run: Run) -> list[list[str]]:
    return [
        [
            visible(each.router),
            visible(run.clusters.get(each.router) or "-"),
            visible(each.backend or "-"),
            each.status.value,
            change_text(each),
            f"{each.seconds:.1f} s" if each.seconds else "",
        ]
        for each in run.outcomes
    ]


def _table(run: Run, screen: Screen) -> list[str]:
    if not run.outcomes:
        return []
    rows = _cells(run)
    widths = [
        max(len(column.title), *(len(row[i]) for row in rows)) if any(r[i] for r in rows) else 0
        for i, column in enumerate(_COLUMNS)
    ]
    _fit(widths, screen.width)
    shown = [i for i, width in enumerate(widths) if width]
    titles = [column.title for column in _COLUMNS]
    lines = [screen.paint(_row(titles, shown, widths), "bold")]
    for row, each in zip(rows, run.outcomes, strict=True):
        padded = [*row]
        status = row[_STATUS].ljust(widths[_STATUS])
        padded[_STATUS] = screen.paint(status, STATUS_COLOURS[each.status])
        lines.append(_row(padded, shown, widths, painted=_STATUS))
    return lines


def _row(
    cells: Sequence[str], shown: Iterable[int], widths: Sequence[int], painted: int | None = None
) -> str:
    texts: list[str] = []
    for i in shown:
        cell = cells[i] if i == painted else _cut(cells[i], widths[i])
        if i != painted:
            cell = cell.rjust(widths[i]) if _COLUMNS[i].right else cell.ljust(widths[i])
        texts.append(cell)
    return _GAP.join(texts).rstrip()


def _fit(widths: list[int], available: int | None) -> None:
    """Take away what fits least: first whole columns, at last the ends of long names."""
    if available is None:
        return

    def excess() -> int:
        shown = [width for width in widths if width]
        return sum(shown) + len(_GAP) * (len(shown) - 1) - available

    spare = [i for i, column in enumerate(_COLUMNS) if column.spare]
    for i in sorted(spare, key=lambda i: -_COLUMNS[i].spare):
        if excess() > 0:
            widths[i] = 0
    widths[0] = max(widths[0] - max(excess(), 0), len(_COLUMNS[0].title))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _errors(outcomes: Iterable[Outcome], screen: Screen) -> list[str]:
    """One paragraph for each error; routers with the same one share it."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for each in outcomes:
        if each.error is not None:
            groups.setdefault((each.error.message, each.error.hint), []).append(each)
    lines: list[str] = []
    for (message, hint), those in groups.items():
        names = ", ".join(visible(each.router) for each in those)
        lines += paragraph(f"{names}: {message}.", hint, "red", screen)
    return lines


def _findings(outcomes: Iterable[Outcome], screen: Screen) -> list[str]:
    groups: dict[Finding, list[str]] = {}
    for each in outcomes:
        for finding in each.findings:
            groups.setdefault(finding, []).append(visible(each.router))
    lines: list[str] = []
    for finding, names in groups.items():
        first = f"{finding.id} {finding.severity.value}: {', '.join(names)}: {finding.message}"
        colour = _SEVERITY_COLOURS[finding.severity]
        lines += paragraph(first, finding.hint, colour, screen)
    return lines
