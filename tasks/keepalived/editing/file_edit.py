"""A change of one file, to the byte: what it was, what it becomes, and how a person sees it."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from inventory.editing.splice import Splice

_CONTEXT = 1
_SECRET = re.compile(r"(\bauth_pass\s+)\S.*")


@dataclass(frozen=True, slots=True)
class FileEdit:
    """One file's change.

    Attributes:
        path: the file.
        before: its text, decoded as it came (``surrogateescape``).
        after: likewise; encoded the same way it is, but for the change, the same bytes.
    """

    path: str
    before: str
    after: str

    def diff(self) -> tuple[str, ...]:
        """A unified diff for people, a line each; a password beside the change is left out."""
        lines = difflib.unified_diff(
            self.before.split("\n"),
            self.after.split("\n"),
            self.path,
            self.path,
            n=_CONTEXT,
            lineterm="",
        )
        return tuple(_SECRET.sub(r"\1…", line.rstrip("\r")) for line in lines)


class Lines:
    """A text's lines, by where they begin and end in it.

    Args:
        text: a file's.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def start(self, number: int) -> int:
        """Where line ``number``, from 1, begins."""
        return self._starts[number - 1]

    def raw(self, number: int) -> str:
        """That line, without what ends it; empty behind the last."""
        if not 0 < number <= len(self._starts):
            return ""
        return self.text[self.start(number) : self._end(number)]

    def behind(self, number: int, line: str) -> Splice:
        """A line of its own behind that one; ends as lines do here, or not at all."""
        end = self._end(number)
        if end < len(self.text):
            return Splice(end + 1, end + 1, line + "\n")
        return Splice(end, end, self._break(number) + line)

    def before(self, number: int, line: str) -> Splice:
        """A line of its own before that one."""
        return Splice(self.start(number), self.start(number), line + "\n")

    def without(self, number: int) -> Splice:
        """That line gone, with its end; the last one's, where it has none, is the one before it."""
        start, end = self.start(number), self._end(number)
        if end < len(self.text):
            return Splice(start, end + 1)
        return Splice(max(0, start - len(self._break(number))), end)

    def _end(self, number: int) -> int:
        if number < len(self._starts):
            return self._starts[number] - 1
        return len(self.text)

    def _break(self, number: int) -> str:
        r"""What ends the line before the last one, ``\r\n`` where that is how lines end here."""
        last, before = self.raw(number), self.raw(number - 1)
        return "\r\n" if before.endswith("\r") and not last.endswith("\r") else "\n"
