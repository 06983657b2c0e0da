"""The live table on a terminal: who is at what, since when, and how many are done."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TextIO

from runbooks.reports.table import STATUS_COLOURS, change_text
from runbooks.reports.text import screen_of, visible, wrap
from tasks.outcome import Outcome

if TYPE_CHECKING:
    from rich.console import RenderableType

PATIENCE = 0.7
"""Seconds that a run may take before there is anything to show: rich starts slowly (0.1 s)."""

_REFRESH = 0.125
_FRAME = 3
"""Lines that are neither routers nor below them: the titles, an empty one, the cursor's."""
_LONGEST_PHASE = len("unchanged")
_LONGEST_TIME = len("100.0 s")


@dataclass(frozen=True, slots=True)
class _Row:
    """One router: what it is at, since when, and what came of it."""

    phase: str = "waiting"
    begun: float | None = None
    outcome: Outcome | None = None


class LiveTable:
    """A table that is drawn anew some times a second and gone when the run is over.

    Args:
        stream: the terminal, which is stderr: results go to stdout.
        clusters: every router of the run, in order, with its cluster.
        clock: seconds, monotonic.
    """

    def __init__(
        self, stream: TextIO, clusters: Mapping[str, str | None], *, clock: Callable[[], float]
    ) -> None:
        self._stream = stream
        self._clusters = dict(clusters)
        self._clock = clock
        self._rows = dict.fromkeys(clusters, _Row())
        self._lock = threading.Lock()
        self._notes: list[str] = []
        self._over = threading.Event()
        self._begun = clock()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._draw, daemon=True)
        self._thread.start()

    def phase(self, router: str, phase: str) -> None:
        """Show what the router is at."""
        with self._lock:
            row = self._rows.get(router, _Row())
            begun = self._clock() if row.begun is None else row.begun
            self._rows[router] = _Row(phase or "begin", begun, row.outcome)

    def done(self, outcome: Outcome) -> None:
        """Show what came of the router."""
        with self._lock:
            row = self._rows.get(outcome.router, _Row())
            self._rows[outcome.router] = replace(row, outcome=outcome)

    def note(self, text: str) -> None:
        """Show ``text`` below the table, and leave it there when the table goes."""
        with self._lock:
            self._notes.append(text)

    def close(self) -> None:
        """Take the table away.

        Raises:
            Exception: what went wrong in drawing it.
        """
        self._over.set()
        self._thread.join(timeout=2)
        width = screen_of(self._stream).width
        for note in self._notes:
            self._stream.writelines(f"{line}\n" for line in wrap(note, width))
        self._stream.flush()
        if self._failure is not None:
            raise self._failure

    def _draw(self) -> None:
        if self._over.wait(PATIENCE):
            return
        try:
            from rich.console import Console  # noqa: PLC0415 - a quick run never needs it
            from rich.live import Live  # noqa: PLC0415

            console = Console(file=self._stream, highlight=False)
            with Live(console=console, auto_refresh=False, transient=True) as live:
                while not self._over.wait(_REFRESH):
                    live.update(self.picture(*console.size), refresh=True)
        except Exception as error:
            self._failure = error

    def picture(self, width: int, height: int) -> RenderableType:
        """The table as it is now, with the counts below it, in at most ``height`` lines."""
        from rich.console import Group  # noqa: PLC0415 - see above
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        with self._lock:
            rows, notes = dict(self._rows), list(self._notes)
        now = self._clock()
        below = [f"{_counts(rows)} · {now - self._begun:.0f} s", *notes]
        room = height - _FRAME - sum(len(wrap(line, width)) for line in below)
        table = Table(box=None, pad_edge=False)
        for title, texts in (("ROUTER", self._clusters), ("CLUSTER", self._clusters.values())):
            longest = max(len(visible(text or "-")) for text in texts)
            table.add_column(title, min_width=min(longest, width // 3), no_wrap=True)
        table.add_column("PHASE", min_width=_LONGEST_PHASE, no_wrap=True)
        table.add_column("TIME", justify="right", min_width=_LONGEST_TIME, no_wrap=True)
        for router in self._shown(rows, max(1, room)):
            row = rows[router]
            word, style, seconds = _state(row, now)
            cluster = visible(self._clusters.get(router) or "-")
            time = f"{seconds:.1f} s" if seconds is not None else ""
            table.add_row(Text(visible(router)), Text(cluster), Text(word, style), Text(time))
        return Group(table, Text(), *(Text(line) for line in below))

    def _shown(self, rows: Mapping[str, _Row], room: int) -> list[str]:
        """All in the inventory's order if there is room; else those at work, the oldest first."""
        if len(rows) <= room:
            return list(rows)
        at_work = [name for name, row in rows.items() if row.begun is not None and not row.outcome]
        return sorted(at_work, key=lambda name: rows[name].begun or 0.0)[:room]


def _state(row: _Row, now: float) -> tuple[str, str, float | None]:
    if row.outcome is not None:
        word = f"{row.outcome.status.value} {change_text(row.outcome)}".strip()
        return word, STATUS_COLOURS[row.outcome.status], row.outcome.seconds
    if row.begun is None:
        return row.phase, "dim", None
    return visible(row.phase), "cyan", now - row.begun


def _counts(rows: Mapping[str, _Row]) -> str:
    states: Counter[str] = Counter()
    for row in rows.values():
        if row.outcome is not None:
            states[row.outcome.status.value] += 1
        else:
            states["waiting" if row.begun is None else "at work"] += 1
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    return f"{len(rows)} routers: {counts}"
