"""The lines that keepalived sees: comments gone, files included, definitions put in their places.

It follows read_line() of keepalived's lib/parser.c (2.2) and keepalived.conf(5), "ADVANCED
CONFIGURATION".
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.keepalived.expand import Definitions, repeated
from tasks.keepalived.files import Files, has_wildcard

_INCLUDE = re.compile(r"include[rmwbat]?\s+(\"(?P<quoted>[^\"]*)\"|(?P<bare>\S+))\s*\Z")
_CONDITION = re.compile(r"@(?P<not>\^?)(?P<id>\S*)\s+(?P<rest>.*)", re.DOTALL)
_DEEPEST = 100
MOST_LINES = 100_000
"""More than this is a loop, or nobody's configuration."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: its file, and its line from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that cannot be read as it stands; the rest is read all the same."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line as keepalived sees it.

    Attributes:
        text: without comment, includes, conditions and definitions.
        place: where it was written; of a definition's line, where the definition is used.
        comment: what is remarked behind it, else right above it.
    """

    text: str
    place: Place
    comment: str = ""


class Reader:
    """Reads the lines of a configuration; never raises, whatever the text.

    Args:
        files: the configuration.

    Attributes:
        problems: what could not be read, after `lines` has come to its end.
    """

    def __init__(self, files: Files) -> None:
        self.problems: list[Problem] = []
        self._files = files
        self._definitions = Definitions(files.config_id)
        self._open: list[str] = []
        self._left = MOST_LINES
        self._endless = False

    def lines(self) -> Iterator[Line]:
        """All lines that are not empty, in order."""
        if self._files.main in self._files.texts:
            yield from self._file(self._files.main, 0)
        else:
            place = Place(self._files.main, 1)
            self.problems.append(Problem(place, "there is no such file, or it cannot be read"))

    def _file(self, path: str, depth: int) -> Iterator[Line]:
        self._open.append(path)
        defining: tuple[str, list[str]] | None = None
        above: list[str] = []
        for number, raw in enumerate(self._files.texts[path].split("\n"), start=1):
            text, remark, goes_on = without_comment(raw)
            if defining is not None:
                name, parts = defining
                if text:
                    parts.append(text)
                if not goes_on:
                    self._definitions.several(name, parts)
                    defining = None
                continue
            if not text:
                above = [*above, remark] if remark else []
                continue
            place = Place(path, number)
            text = self._chosen(text)
            defined = self._definitions.read(text)
            if defined is None:
                yield from self._see(Line(text, place, remark or " ".join(above)), depth + 1)
            elif goes_on:
                defining = (defined[0], [defined[1]] if defined[1] else [])
            else:
                self._definitions.one(*defined)
            above = []
        if defining is not None:
            self._definitions.several(*defining)
        self._open.pop()

    def _chosen(self, text: str) -> str:
        """What is left of a line behind its ``@ID`` or ``@^ID``; empty where it is not meant."""
        while text.startswith("@"):
            match = _CONDITION.match(text)
            if match is None or (match["id"] == self._files.config_id) == bool(match["not"]):
                return ""
            text = match["rest"]
        return text

    def _see(self, line: Line, depth: int) -> Iterator[Line]:
        """A line with everything in it put in its place; perhaps it is many, or none."""
        self._left -= 1
        if self._left <= 0 or depth > _DEEPEST:
            if not self._endless:
                self._problem(line, "this goes on without end: the rest of it is not read")
            self._endless = True
            return
        for text in self._expanded(line):
            each = Line(text, line.place, line.comment)
            if text != line.text:
                yield from self._see(each, depth + 1)
                continue
            include = _INCLUDE.match(text)
            if include is not None:
                pattern = include["quoted"] or include["bare"] or ""
                yield from self._include(each, pattern, depth)
            elif text:
                yield each

    def _expanded(self, line: Line) -> list[str]:
        """One step of expansion; the line itself where there is none left to do."""
        text = self._chosen(line.text)
        if text != line.text:
            return [text] if text else []
        defined = self._definitions.read(text)
        if defined is not None:
            self._definitions.one(*defined)
            return []
        if text.startswith("~"):
            turns = repeated(text)
            if turns is None:
                self._problem(line, f"this block is not understood: {text[:80]}")
                return []
            return turns
        return self._definitions.applied(text, posixpath.dirname(line.place.file))

    def _include(self, line: Line, pattern: str, depth: int) -> Iterator[Line]:
        paths = self._files.included(pattern, posixpath.dirname(line.place.file))
        if not paths and not has_wildcard(pattern):
            self._problem(line, f"{pattern} is included, but is not there or cannot be read")
        for path in paths:
            if path in self._open:
                self._problem(line, f"{path} includes itself")
            else:
                yield from self._file(path, depth + 1)

    def _problem(self, line: Line, message: str) -> None:
        self.problems.append(Problem(line.place, message))


def without_comment(raw: str) -> tuple[str, str, bool]:
    r"""A line without its comment and outer blanks, the comment, and whether it goes on (``\``)."""
    text = raw.strip(" \t\r\n\f\v")
    kept: list[str] = []
    quoted = False
    at = 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            if at + 1 == len(text):
                return "".join(kept).rstrip(), "", True
            escaped = not quoted and text[at + 1] in "#!"
            kept.append(text[at + 1] if escaped else text[at : at + 2])
            at += 2
            continue
        if character in "#!" and not quoted:
            remark = text[at:]
            # A comment does not keep a definition from going on.
            bare = remark.rstrip("\\")
            goes_on = (len(remark) - len(bare)) % 2 == 1
            return "".join(kept).rstrip(), bare.strip("#! \t"), goes_on
        quoted ^= character == '"'
        kept.append(character)
        at += 1
    return "".join(kept), "", False
