"""Text for a terminal: what routers say made harmless, and colour where it is wanted."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_UNDECODED = range(0xDC80, 0xDD00)  # PEP 383: the bytes 0x80 to 0xff


def visible(text: str) -> str:
    r"""``text`` on one line, with everything a terminal might obey written out, as ``\x1b``.

    Unicode's formatting characters are written out too: they can reorder what is read. Bytes that
    were no UTF-8 (surrogates, by ``surrogateescape``) come out as ``\xNN``.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spell(c) if unicodedata.category(c) in _INVISIBLE else c for c in text)


def _spell(character: str) -> str:
    if ord(character) in _UNDECODED:
        return f"\\x{ord(character) - _UNDECODED.start + 0x80:02x}"
    return character.encode("unicode_escape").decode()


_CODES = {
    "green": "32",
    "red": "31",
    "yellow": "33",
    "cyan": "36",
    "bold": "1",
    "dim": "2",
    "bold red": "1;31",
}


@dataclass(frozen=True, slots=True)
class Screen:
    """What the text is for.

    Attributes:
        width: in columns; None is a file or a pipe, where nothing is cut or wrapped.
        colour: whether ANSI colours are wanted.
    """

    width: int | None = None
    colour: bool = False

    def paint(self, text: str, colour: str) -> str:
        """``text`` in ``colour``: green, red, yellow, cyan, bold, dim or bold red."""
        if not self.colour or not colour:
            return text
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"


PLAIN = Screen()


def screen_of(stream: TextIO, environ: Mapping[str, str] = os.environ) -> Screen:
    """What ``stream`` is: a terminal with its width and colours, or anything else.

    ``NO_COLOR`` (no-color.org) and ``TERM=dumb`` take the colours away.
    """
    if not stream.isatty():
        return PLAIN
    columns = environ.get("COLUMNS", "")
    try:
        width = int(columns) if columns.isdigit() else os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        width = 80
    plain = environ.get("NO_COLOR") or environ.get("TERM", "dumb") == "dumb"
    return Screen(width=width or 80, colour=not plain)


def wrap(text: str, width: int | None, indent: str = "") -> list[str]:
    """``text`` in lines of at most ``width`` columns, each after ``indent``; words stay whole."""
    lines: list[str] = []
    for part in text.splitlines():
        line = indent
        for word in part.split(" "):
            longer = f"{line}{word}" if line == indent else f"{line} {word}"
            if width is not None and len(longer) > width and line != indent:
                lines.append(line)
                line = f"{indent}{word}"
            else:
                line = longer
        lines.append(line)
    return lines


def paragraph(message: str, hint: str, colour: str, screen: Screen) -> list[str]:
    """What is wrong, and indented below it what to do.

    Only its first line begins at the margin: what a router says cannot pass for a line of ours.
    """
    first, *rest = message.split("\n")
    lines = [
        *wrap(visible(first.rstrip("\r")), screen.width),
        *(line for each in rest for line in _indented(each, screen)),
    ]
    hints = (line for each in hint.split("\n") if each for line in _indented(each, screen))
    return [*(screen.paint(line, colour) for line in lines), *hints]


def _indented(text: str, screen: Screen) -> list[str]:
    return wrap(visible(text.rstrip("\r")), screen.width, "    ")
