"""What an edit changed, without the file around it: enough to take it back to the byte."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from inventory.editing.fileedit import changed_lines, lines_of


@dataclass(frozen=True, slots=True)
class Splice:
    """Bytes that went, and those that came in their place.

    Attributes:
        at: where they began in the old file.
        old: the bytes that went.
        new: the bytes that came.
    """

    at: int
    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class Delta:
    """One file's change.

    Attributes:
        path: where the file is.
        label: its name as it is shown.
        before, after: SHA-256 of the old file and of the new one, in hexadecimal.
        splices: what went and what came, from the file's beginning to its end.
    """

    path: str
    label: str
    before: str
    after: str
    splices: tuple[Splice, ...]

    @classmethod
    def of(cls, path: str, label: str, before: bytes, after: bytes) -> Delta:
        """The change from one text to another."""
        return cls(path, label, digest(before), digest(after), tuple(_splices(before, after)))

    def undone(self, now: bytes) -> bytes | None:
        """What the file was before; None where it is not what it was after the change."""
        if digest(now) != self.after:
            return None
        was = _replaced(now, _shifted(self.splices))
        return was if was is not None and digest(was) == self.before else None


def digest(data: bytes) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _splices(before: bytes, after: bytes) -> Iterable[Splice]:
    old, new = lines_of(before), lines_of(after)
    for start, end, other, stop in changed_lines(old, new):
        gone, came = b"".join(old[start:end]), b"".join(new[other:stop])
        head = _alike(gone, came)
        tail = _alike(gone[head:][::-1], came[head:][::-1])
        at = sum(map(len, old[:start])) + head
        yield Splice(at, gone[head : len(gone) - tail], came[head : len(came) - tail])


def _alike(one: bytes, two: bytes) -> int:
    """How many bytes two texts begin with alike."""
    pairs = enumerate(zip(one, two, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(two)))


def _shifted(splices: Sequence[Splice]) -> Iterable[Splice]:
    """The splices that take these back, in the new file."""
    shift = 0
    for each in splices:
        yield Splice(each.at + shift, each.new, each.old)
        shift += len(each.new) - len(each.old)


def _replaced(text: bytes, splices: Iterable[Splice]) -> bytes | None:
    done: list[bytes] = []
    at = 0
    for each in splices:
        if each.at < at or text[each.at : each.at + len(each.old)] != each.old:
            return None
        done += [text[at : each.at], each.new]
        at = each.at + len(each.old)
    return b"".join((*done, text[at:]))
