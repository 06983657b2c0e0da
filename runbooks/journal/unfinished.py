"""Runs that must not stay half done: marked on the disk before they begin, until they are whole."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runbooks.journal.place import (
    is_run,
    make_folders,
    new_file,
    opened_folder,
    runs,
    sync_folder,
)


def _folder() -> Path:
    return runs().with_name("unfinished")


def mark(run: str) -> None:
    """From now on ``run`` counts as not finished, even if the power goes.

    Raises:
        OSError: that cannot be written.
    """
    make_folders(_folder())
    with suppress(FileExistsError):
        os.close(new_file(_folder() / run))
    sync_folder(_folder())


def unmark(run: str) -> None:
    """It is whole: all as it was before, or all as it was wanted."""
    with suppress(OSError):
        (_folder() / run).unlink()


def marked() -> list[str]:
    """The runs that are marked, the oldest first."""
    try:
        names = os.listdir(_folder())  # noqa: PTH208 - the names are all that is wanted
    except OSError:
        return []
    return sorted(filter(is_run, names))


@contextmanager
def ending(run: str, *, wait: bool = False) -> Iterator[bool]:
    """Be the only one who brings ``run`` to its end; False where somebody else is at it.

    Args:
        run: its name.
        wait: for the others.
    """
    with opened_folder(runs() / run) as folder:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        except OSError:  # a file system without locks: then nobody knows of others
            pass
        yield True
