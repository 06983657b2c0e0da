"""Where results go: stdout, or a file that is whole or not there."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from inventory.errors import LvsfleetError


class NotWritable(LvsfleetError):
    """The file for the results cannot be written."""


def check_writable(path: Path | None, option: str = "--output") -> None:
    """Refuse a file that could not be written later, when the routers have been changed.

    Args:
        path: the file; None is stdout.
        option: the one that names it, for the message.

    Raises:
        NotWritable: its folder is missing, or one may not write there.
    """
    if path is None:
        return
    try:
        folder = path.resolve().parent
        there, whole = folder.is_dir(), path.is_dir()
        target = path if path.exists() else folder
    except OSError as error:  # one may not even look there
        raise NotWritable(f"{option}: {path} cannot be written: {error.strerror}") from error
    if not there:
        raise NotWritable(f"{option}: there is no folder {folder}", f"`mkdir -p {folder}` makes it")
    if whole or not os.access(target, os.W_OK):
        raise NotWritable(f"{option}: {path} cannot be written")


def publish(text: str, path: Path | None = None) -> None:
    """Write the results to ``path``, or to stdout.

    A reader that has gone (``| head``) is no error. A regular file is replaced in one step: it
    holds the old results or the new ones; a link to it stays a link.

    Raises:
        NotWritable: the file, or stdout, cannot be written.
    """
    if path is None:
        _to_stdout(text)
        return
    try:
        write_file(text, path)
    except OSError as error:
        _to_stdout(text)
        raise NotWritable(
            f"--output: {path}: {error.strerror}", "The results are on stdout instead"
        ) from error


def write_file(text: str, path: Path) -> None:
    """Write ``path`` in one step where it is a regular file; a device or a pipe as it comes.

    Raises:
        OSError: it cannot be written; what was there before is whole.
    """
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")
    else:
        _replace(path.resolve(), text)


def _to_stdout(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would fail again when Python flushes it at its end.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise NotWritable(f"the results cannot be written to stdout: {error.strerror}") from error


def _replace(path: Path, text: str) -> None:
    import tempfile  # noqa: PLC0415 - 4 ms of --help

    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The process's umask; it can be read only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
