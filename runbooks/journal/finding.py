"""Which runs there are, and which one is meant by the beginning of its name."""

from __future__ import annotations

import os
from difflib import get_close_matches

from runbooks.journal.place import is_run, runs
from runbooks.journal.reading import NotRead

_SHOWN = 5


def recorded() -> list[str]:
    """The names of all runs that have a journal, the newest first; none where there is no folder.

    Raises:
        NotRead: the folder may not be read.
    """
    folder = runs()
    try:
        names = os.listdir(folder)  # noqa: PTH208 - the names are all that is wanted
    except FileNotFoundError:
        return []
    except OSError as error:
        raise NotRead(f"{folder} cannot be read: {error.strerror}") from error
    return sorted(filter(is_run, names), reverse=True)  # names begin with the time


def find(text: str) -> str:
    """The run whose name is ``text`` or, alone, begins with it or ends with it.

    Raises:
        NotRead: there is none, or there are several.
    """
    names = recorded()
    if text in names:
        return text
    meant = [name for name in names if name.startswith(text)] if text else []
    # What people remember of 20261123T074512Z-ams-4f2a is its end.
    meant = meant or [name for name in names if text and name.endswith(f"-{text}")]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise NotRead(f"{text!r} can be any of {len(meant)} runs", f"{_listed(meant)}: write more")
    if not names:
        raise NotRead(f"there is no run {text!r}", f"No run is recorded yet in {runs()}")
    near = get_close_matches(text, names, n=3, cutoff=0.5) or _sharing(text, names)
    if near:
        raise NotRead(f"there is no run {text!r}", f"Did you mean {' or '.join(near)}?")
    raise NotRead(f"there is no run {text!r}", f"The newest is {names[0]}")


def _sharing(text: str, names: list[str]) -> list[str]:
    return [name for name in names if text and text in name][:3]


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown}, and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
