"""One file before and after an edit, what a person sees of it, and how it is taken back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher, unified_diff
from itertools import pairwise
from pathlib import Path

_SECRET = re.compile(
    r"""((?:["']?)[\w-]*(?:password|passphrase|secret|token)[\w-]*["']?\s*:\s*)"""
    r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s,{}\[\]#][^,}\]\r\n]*)""",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FileEdit:
    """One file of an inventory, and what is to become of it.

    Attributes:
        path: where it is; may be a link to it.
        label: its name as it is shown.
        before: its bytes when it was read.
        after: the bytes it is to have.
    """

    path: Path
    label: str
    before: bytes
    after: bytes

    @property
    def diff(self) -> str:
        """The change as a unified diff, for eyes: passwords near it are not shown."""
        return unified(self.before, self.after, self.label)

    @property
    def opposite(self) -> FileEdit:
        """The edit that takes this one back."""
        return FileEdit(self.path, self.label, before=self.after, after=self.before)


def unified(before: bytes, after: bytes, label: str) -> str:
    """A unified diff with three lines around each change; empty if there is none.

    Args:
        before: the old text, in whatever encoding; what is no UTF-8 is escaped.
        after: the new text.
        label: the file's name.
    """
    old, new = (_shown(data) for data in (before, after))
    return hide_secrets("".join(unified_diff(old, new, f"a/{label}", f"b/{label}")))


def _shown(data: bytes) -> list[str]:
    lines = [line.decode("utf-8", "backslashreplace") for line in lines_of(data)]
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file\n"
    return lines


def hide_secrets(diff: str) -> str:
    """``diff`` with ``…`` in place of what stands under ``password`` and the like."""
    return _SECRET.sub(r"\1…", diff)


def merged(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """Both changes of ``base`` at once, by lines; None where they touch or overlap.

    Args:
        base: what both started from.
        ours: one side's text.
        theirs: the other side's.
    """
    lines = lines_of(base)
    found: dict[tuple[int, int, tuple[bytes, ...]], None] = {}  # alike on both sides is one
    for side in (lines_of(ours), lines_of(theirs)):
        for start, end, new, stop in changed_lines(lines, side):
            found[start, end, tuple(side[new:stop])] = None
    changes = sorted(found)
    for (_, end, _), (start, _, _) in pairwise(changes):
        if start <= end:
            return None
    for start, end, instead in reversed(changes):
        lines[start:end] = instead
    return b"".join(lines)


def changed_lines(old: list[bytes], new: list[bytes]) -> Iterable[tuple[int, int, int, int]]:
    """Where lines differ: from and up to which of the old ones, and likewise of the new ones."""
    # What is alike at both ends is left out first: matching takes the square of what differs.
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    one, two = old[head : len(old) - tail], new[head : len(new) - tail]
    for tag, start, end, other, stop in SequenceMatcher(None, one, two, False).get_opcodes():
        if tag != "equal":
            yield head + start, head + end, head + other, head + stop


def lines_of(data: bytes) -> list[bytes]:
    """The lines with their breaks; only a newline ends one, as for git."""
    return re.findall(rb"[^\n]*\n|[^\n]+", data)
