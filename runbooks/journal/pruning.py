"""Old runs are deleted: the newest are kept, and any that has no end."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

from runbooks.journal.place import JOURNAL, is_run
from runbooks.journal.unfinished import marked

KEPT = 200
"""How many of the newest runs are kept."""

_GONE = ".gone-"
_TAIL = 1 << 16
"""Bytes; an end and what threads noted after it are in fewer."""


def prune(folder: Path, keep: int = KEPT) -> None:
    """Delete what is too old in ``folder``; what cannot be deleted stays.

    Names begin with the time, so their order is that of the runs.
    """
    with suppress(OSError):
        names = os.listdir(folder)  # noqa: PTH208 - the names are all that is wanted
        for name in names:
            if name.startswith(_GONE):  # by a process that died meanwhile
                shutil.rmtree(folder / name, ignore_errors=True)
        unfinished = marked()
        for name in sorted(filter(is_run, names), reverse=True)[keep:]:
            if name not in unfinished and has_end(folder / name):
                # Renamed first: half a run must not look like one that was cut off.
                gone = (folder / name).rename(folder / f"{_GONE}{name}")
                shutil.rmtree(gone, ignore_errors=True)


def has_end(folder: Path) -> bool:
    """Whether the run in ``folder`` came to its end."""
    try:
        with (folder / JOURNAL).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            lines = file.read().splitlines()
    except OSError:
        return False
    for line in reversed(lines):
        with suppress(ValueError):
            match json.loads(line):
                case {"event": "end"}:
                    return True
    return False
