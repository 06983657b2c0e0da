"""A table for a terminal: columns that go, and names that are cut, where it is narrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runbooks.reports.text import Screen

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, and how early it goes where the terminal is narrow (0: never)."""

    title: str
    spare: int = 0
    right: bool = False


def render_grid(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    screen: Screen,
    *,
    painted: int,
    colours: Sequence[str],
) -> list[str]:
    """The lines of a table; none without rows. A column with nothing in it is left out.

    Args:
        columns: of the table.
        rows: a cell for each column.
        screen: its width and colours.
        painted: the column that is coloured, each row as ``colours`` says.
        colours: one for each row.
    """
    if not rows:
        return []
    widths = [
        max(len(column.title), *(len(row[i]) for row in rows)) if any(r[i] for r in rows) else 0
        for i, column in enumerate(columns)
    ]
    _fit(widths, columns, screen.width)
    lines = [screen.paint(_line([c.title for c in columns], columns, widths), "bold")]
    for row, colour in zip(rows, colours, strict=True):
        cells = [_cell(text, columns[i], widths[i]) for i, text in enumerate(row)]
        cells[painted] = screen.paint(cells[painted], colour)
        shown = [cell for cell, width in zip(cells, widths, strict=True) if width]
        lines.append(_GAP.join(shown).rstrip())
    return lines


def _line(texts: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    cells = [_cell(text, columns[i], widths[i]) for i, text in enumerate(texts) if widths[i]]
    return _GAP.join(cells).rstrip()


def _cell(text: str, column: Column, width: int) -> str:
    cut = text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"
    return cut.rjust(width) if column.right else cut.ljust(width)


def _fit(widths: list[int], columns: Sequence[Column], available: int | None) -> None:
    """Take away what fits least: first whole columns, at last the ends of long names."""
    if available is None:
        return

    def excess() -> int:
        shown = [width for width in widths if width]
        return sum(shown) + len(_GAP) * (len(shown) - 1) - available

    for i in sorted(range(len(columns)), key=lambda i: -columns[i].spare):
        if columns[i].spare and excess() > 0:
            widths[i] = 0
    widths[0] = max(widths[0] - max(excess(), 0), len(columns[0].title))
