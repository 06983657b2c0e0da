"""A journal, read as far as it goes: cut off in the middle of a line, or with garbage in it."""

from __future__ import annotations

import fcntl
from dataclasses import replace
from pathlib import Path

from inventory.errors import LvsfleetError
from runbooks.journal.parsing import parse
from runbooks.journal.place import JOURNAL, ROUTERS, file_name, is_run, runs
from runbooks.journal.recorded import RecordedRun
from runbooks.journal.sections import from_json
from runbooks.journal.unfinished import marked
from tasks.sections import Section


class NotRead(LvsfleetError):
    """There is no such journal, or it may not be read."""


def read(run: str) -> RecordedRun:
    """What the journal of ``run`` says.

    Raises:
        NotRead: there is none, or it may not be read.
    """
    folder = runs() / run
    if not is_run(run) or not folder.is_dir():
        raise NotRead(f"there is no journal of a run {run!r}", "`lvsfleet history` lists the runs")
    try:
        data, alive = _taken(folder / JOURNAL)
    except FileNotFoundError:  # it died between making the folder and the file
        data, alive = b"", False
    except OSError as error:
        raise NotRead(f"{folder / JOURNAL} cannot be read: {error.strerror}") from error
    found = parse(data, run=run, folder=folder, alive=alive)
    return replace(found, marked=run in marked())


def kept(run: str, router: str, name: str) -> dict[str, Section]:
    """What a run kept of a router: ``before``, ``after`` or ``snapshot``.

    Raises:
        FileNotFoundError: it kept no such thing.
        NotRead: it cannot be read.
    """
    path = runs() / file_name(run) / ROUTERS / file_name(router) / f"{file_name(name)}.json"
    try:
        return from_json(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NotRead(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise NotRead(f"{path} is damaged: {error}") from error


def _taken(path: Path) -> tuple[bytes, bool]:
    """A journal's bytes, and whether its writer lives."""
    with path.open("rb") as file:
        alive = False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            alive = True
        except OSError:  # no locks here
            pass
        return file.read(), alive
