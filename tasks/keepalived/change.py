"""An edit of keepalived's files as a part of a run: what it shows, and what the router works by."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from itertools import pairwise

from inventory.desired import Backend
from tasks.backends.protocol import Change
from tasks.fingerprint import sum_of
from tasks.keepalived.editing import FileEdit
from tasks.outcome import Edit, Op, Where

WHAT = "keepalived"

_FIELD = "\x01"


def change(backend: Backend, files: Sequence[FileEdit], *, service: str) -> Change:
    """The part of a run that writes these files; see ``keepalived-change.sh``.

    Args:
        backend: of the run that it is a part of.
        files: what each was read as, and what it becomes.
        service: whose VIP comes or goes.
    """
    listed: list[str] = []
    texts: dict[str, str] = {}
    for number, each in enumerate(files, start=1):
        listed.append(f"{sum_of(each.before)} {number} {each.path}\n")
        text = each.after
        if not text.endswith("\n"):
            text += "\n"
            texts[f"do/{number}.bare"] = ""
        texts[f"do/{number}"] = text
        texts[f"undo/{number}.steps"] = "".join(_steps_back(each))
    seen = "".join(f"{sum_of(each.before)}\n" for each in files)
    return Change(
        backend=backend,
        edits=tuple(edit for each in files for edit in _edits(each, service)),
        files={**texts, "do/files": "".join(listed), "seen": f"{sum_of(seen)}\n"},
        commands=tuple(
            f"patch {each.path} <<'END'\n{line}\nEND"
            for each in files
            if (line := "\n".join(each.diff()))
        ),
        what=WHAT,
        diffs={_scope(each): each.diff() for each in files if each.diff()},
    )


def _edits(file: FileEdit, service: str) -> Iterator[Edit]:
    for where in Where:  # it is what keepalived is told, now and at the next boot
        for op, line in _lines(file):
            yield Edit(op, where, line.strip(), service, _scope(file))


def _scope(file: FileEdit) -> str:
    return f"{WHAT} {file.path}"


def _lines(file: FileEdit) -> Iterator[tuple[Op, str]]:
    """The lines that come and go, in their order."""
    for line in difflib.ndiff(file.before.split("\n"), file.after.split("\n")):
        if line.startswith(("+ ", "- ")):
            yield (Op.ADD if line[0] == "+" else Op.REMOVE), line[2:]


def _steps_back(file: FileEdit) -> Iterator[str]:
    """How to take the edit out of a file that somebody else has written to since."""
    before = file.before.split("\n")
    for op, line in _lines(file):
        if op is Op.ADD:
            yield f"drop{_FIELD}{line}\n"
        else:
            behind = next((a for a, b in pairwise(["", *before]) if b == line), "")
            yield f"put{_FIELD}{line}{_FIELD}{behind}\n"
