"""The history: which runs changed something, the newest first, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runbooks.journal import End, RecordedRun
from runbooks.reports.table import STATUS_COLOURS
from runbooks.reports.text import PLAIN, Screen, visible, wrap
from tasks.outcome import Status

END_COLOURS = {
    End.ENDED: "",
    End.INTERRUPTED: "yellow",
    End.RUNNING: "cyan",
    End.CUT_OFF: "bold red",
}

_TITLES = ("RUN", "WHEN", "AGE", "COMMAND", "ROUTERS", "RESULT")
_SPARE = (1, 3, 2, 4)
"""The columns that go, in this order, where the terminal is narrow; the name has the time in it."""
_GAP = "  "
_DAY = 86400
_UNITS = ((365 * _DAY, "years"), (_DAY, "days"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Listing:
    """Some runs, and where they are from.

    Attributes:
        runs: the newest first.
        whole: how many there are in all.
        folder: where the journal is.
    """

    runs: tuple[RecordedRun, ...]
    whole: int
    folder: Path


def render_list(listing: Listing, *, now: datetime, screen: Screen = PLAIN) -> str:
    """The table, and below it where the journal is.

    Args:
        listing: what to show.
        now: the time and the time zone to show times in.
        screen: what the text is for.
    """
    where = visible(str(listing.folder))
    if not listing.runs:
        words = (
            "No run is recorded yet: a run is, as soon as it changes a router."
            f"\nThe journal will be in {where}"
        )
        return "\n".join(wrap(words, screen.width)) + "\n"
    lines = [*_table(listing.runs, now, screen), ""]
    shown, whole = len(listing.runs), listing.whole
    count = f"{shown} of {whole} runs (-n {whole} shows all)" if shown < whole else _runs(whole)
    lines += wrap(f"{count}; the journal is in {where}", screen.width)
    for run in listing.runs:
        if run.open and run.end is not End.RUNNING and not run.ended_later:
            lines += wrap(_unfinished(run), screen.width)
        elif inventory_left(run):
            lines += wrap(f"Run {run.id}: {inventory_left(run)}", screen.width)
    return "\n".join(lines) + "\n"


def _runs(number: int) -> str:
    return f"{number} run{'' if number == 1 else 's'}"


def _unfinished(run: RecordedRun) -> str:
    names = ", ".join(visible(each.name) for each in run.open)
    return f"Unfinished: {names}. `lvsfleet history {run.id}` says what the router does by itself."


def _table(runs: Sequence[RecordedRun], now: datetime, screen: Screen) -> Iterator[str]:
    rows = [_cells(run, now) for run in runs]
    columns = list(range(len(_TITLES)))
    widths = [max(len(_TITLES[i]), *(len(row[i]) for row in rows)) for i in columns]
    for spare in _SPARE:
        if screen.width is None or sum(widths[i] + len(_GAP) for i in columns) <= screen.width:
            break
        columns.remove(spare)
    *fixed, last = columns
    titles = [_TITLES[i].ljust(widths[i]) for i in fixed]
    yield screen.paint(_GAP.join([*titles, _TITLES[last]]), "bold")
    for run, row in zip(runs, rows, strict=True):
        cells = [row[i].ljust(widths[i]) for i in fixed]
        yield _GAP.join([*cells, screen.paint(row[last], _colour(run))])


def _cells(run: RecordedRun, now: datetime) -> list[str]:
    begun = sum(each.begun for each in run.routers.values())
    whole = len(run.routers)
    return [
        run.id,
        run.started.astimezone(now.tzinfo).strftime("%Y-%m-%d %H:%M:%S") if run.started else "?",
        age(run.started, now),
        visible(asked(run)) or "?",
        str(whole) if begun == whole else f"{begun} of {whole}",
        result(run),
    ]


def _colour(run: RecordedRun) -> str:
    bad = [STATUS_COLOURS[status] for status in run.summary]
    return END_COLOURS[run.end] or next((each for each in bad if "red" in each), "")


def inventory_left(run: RecordedRun) -> str:
    """What is to be done about an inventory that does not say what the routers have; or nothing."""
    if not run.marked or run.open or run.edit is None or run.edit.state == "done":
        return ""
    if not run.edit.files or not any(e.status is Status.CHANGED for e in run.routers.values()):
        return ""
    return (
        "the routers have it, and it does not say that the inventory was written."
        f" `lvsfleet resume {run.id}` writes it, `lvsfleet rollback {run.id}` takes all back."
    )


def result(run: RecordedRun) -> str:
    """What came of a run in a few words, e.g. ``5 changed, 1 reverted, interrupted``."""
    words = [f"{count} {status.value}" for status, count in run.summary.items()]
    unsaid = sum(each.status is None for each in run.open)
    if unsaid:
        later = "ended later" if run.ended_later else "unfinished"
        words.append(f"{unsaid} {'at work' if run.end is End.RUNNING else later}")
    if not words:
        words.append("no router begun")
    if run.end is not End.ENDED:
        words.append(run.end.value)
    return ", ".join(words)


def asked(run: RecordedRun) -> str:
    """What was asked for in a few words, e.g. ``vip move web 203.0.113.10 → 203.0.113.20``."""
    service, old, new = (run.options.get(name) for name in ("service", "old", "new"))
    if run.command in ("drain", "undrain"):
        how = run.options.get("how")
        return f"vip {run.command} {service} {run.options.get('vip')}{f' ({how})' if how else ''}"
    if run.command != "vip" or not (old or new):
        return run.command
    verb = "move" if old and new else "add" if new else "remove"
    vips = " → ".join(str(vip) for vip in (old, new) if vip)
    return f"vip {verb} {service} {vips}"


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago, e.g. ``3 h``; in the unit of which there are at least two, if there is one."""
    if moment is None:
        return "?"
    seconds = (now - moment).total_seconds()
    if seconds < 0:
        return "in the future"
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return "now"
