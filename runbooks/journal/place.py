"""Where the journal is, and files there that are private and on the disk for certain."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from inventory.errors import LvsfleetError

JOURNAL = "journal.jsonl"
ROUTERS = "routers"

_FOLDER, _FILE = 0o700, 0o600
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\Z")
_LONGEST = 240  # NAME_MAX is 255, and a temporary name is longer
_SHOWN = 160


class NoPlace(LvsfleetError):
    """There is no folder that the journal could be in."""


def runs() -> Path:
    """The folder with one folder for each run; it need not exist.

    Raises:
        NoPlace: neither ``XDG_STATE_HOME`` nor a home folder is known.
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    # "All paths … must be absolute. If an implementation encounters a relative path … it should
    # consider the path invalid and ignore it." XDG Base Directory Specification 0.8
    if state.startswith("/"):
        return Path(state) / "lvsfleet" / "runs"
    try:
        return Path.home() / ".local" / "state" / "lvsfleet" / "runs"
    except RuntimeError as error:
        raise NoPlace(
            "there is no home folder to keep the journal in", "Set XDG_STATE_HOME to a folder"
        ) from error


def is_run(name: str) -> bool:
    """Whether ``name`` can be a run's: letters, digits, ``_`` and ``-``; at most 100."""
    return bool(_RUN.match(name))


def file_name(name: str) -> str:
    """A file name for ``name``, whatever is in it: the same one each time, and no other's."""
    text = quote(name, safe="@+=:,", errors="surrogateescape")
    if text.startswith("."):
        text = f"%2E{text[1:]}"
    if not text or len(text) > _LONGEST:
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
        text = f"{text[:_SHOWN]}%{digest}"
    return text


def make_folders(folder: Path) -> None:
    """Make ``folder`` and what is missing above it, each private and on the disk.

    Raises:
        OSError: that is not possible.
    """
    missing: list[Path] = []
    while not folder.is_dir():
        missing.append(folder)
        if folder == folder.parent:
            break
        folder = folder.parent
    for each in reversed(missing):
        with suppress(FileExistsError):  # by another thread or process
            make_folder(each)


def make_folder(folder: Path) -> None:
    """Make one private folder; the entry for it is on the disk.

    Raises:
        FileExistsError: there is one.
        OSError: that is not possible.
    """
    folder.mkdir(mode=_FOLDER)
    folder.chmod(_FOLDER)  # a umask may have taken away what its owner needs
    sync_folder(folder.parent)


def new_file(path: Path) -> int:
    """Create a private file to append to; an open descriptor.

    Raises:
        FileExistsError: there is one.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW
    descriptor = os.open(path, flags, _FILE)
    os.fchmod(descriptor, _FILE)
    return descriptor


def write_whole(descriptor: int, data: bytes) -> None:
    """Write all of ``data``; in one write(2) unless the system takes only a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def replace_file(path: Path, data: bytes) -> None:
    """Put ``data`` where ``path`` is: the old content or the new one, whatever happens.

    The caller syncs the folder.

    Raises:
        OSError: that is not possible; nothing new is left behind.
    """
    new = path.with_name(f".{path.name}.new")
    with suppress(FileNotFoundError):  # of a run that died here
        new.unlink()
    descriptor = new_file(new)
    try:
        try:
            write_whole(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        new.replace(path)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise


def sync_folder(folder: Path) -> None:
    """Have the entries of ``folder`` on the disk."""
    with opened_folder(folder) as descriptor:
        os.fsync(descriptor)


@contextmanager
def opened_folder(folder: Path) -> Iterator[int]:
    """A descriptor of ``folder``, for fsync."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
