"""Puts an edit on the disk: every file wholly old or wholly new, whenever the power goes."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from inventory import yamlfile
from inventory.editing.errors import ChangedMeanwhile, NotWritten
from inventory.editing.fileedit import FileEdit, merged
from inventory.problems import one_of

_LOCK_SECONDS = 10.0
_NOT_THERE = {errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF, errno.EINVAL}
"""What a file system (NFS, FUSE) answers that has no lock or no fsync for a folder."""


def check_writable(files: Sequence[FileEdit]) -> None:
    """Refuse what could not be written later, when the routers have been changed.

    Everything is done that `write` does, up to the rename: the new files are on the disk for a
    moment, with mode, owner and attributes.

    Raises:
        NotWritten: a file cannot be written; nothing is left behind.
        ChangedMeanwhile: it is not any more what it was.
    """
    for file in files:
        with _prepared(file, file.after):
            pass


def write(files: Sequence[FileEdit]) -> None:
    """Write all files, each in one step; links to them stay links, mode and owner stay.

    A kill between two files leaves one of them new: routers of one cluster then differ in the
    inventory, which every command says and refuses.

    Raises:
        ChangedMeanwhile: one is not any more what the edit is made for.
        NotWritten: one cannot be written. All are as they were then; if not, the text says so.
    """
    if len(files) > 1:
        check_writable(files)
    try:
        for file in files:
            with _prepared(file, file.after) as new:
                new.take_place()
    except NotWritten as error:
        for file in files:
            with suppress(NotWritten):
                if _bytes_of(file) == file.after:
                    put_back([file])
        new_ones = [file.label for file in files if _is(file, file.after)]
        if new_ones:
            text = f"{error.message}; {one_of(new_ones, 'and')} could not be put back, and is new"
            raise type(error)(text, error.hint) from error
        raise


def put_back(files: Sequence[FileEdit]) -> None:
    """Take a written edit back.

    A file that nobody wrote since has its old bytes again; in one that somebody wrote, the opposite
    edit is made. One that was not written stays.

    Raises:
        NotWritten: one cannot be written.
        ChangedMeanwhile: somebody wrote at the very place; with the diff to make by hand. The other
            files are put back all the same.
    """
    refused: list[NotWritten] = []
    for file in files:
        try:
            _put_back(file)
        except NotWritten as error:
            refused.append(error)
    if refused:
        raise refused[0]


def _put_back(file: FileEdit) -> None:
    now = _bytes_of(file)
    if now == file.before:
        return
    old = file.before if now == file.after else merged(file.after, file.before, now)
    if old == now:
        return
    if old is None or (yamlfile.decode(old).faults and not yamlfile.decode(now).faults):
        raise ChangedMeanwhile(
            f"{file.label} was written by somebody else since, at the same place; to take the "
            f"change back, make this one by hand:\n{file.opposite.diff}"
        )
    opposite = FileEdit(file.path, file.label, before=now, after=old)
    with _prepared(opposite, opposite.after) as new:
        new.take_place()


class _New:
    """The new file beside the old one, complete and on the disk."""

    def __init__(self, edit: FileEdit, target: Path, path: Path, folder: int) -> None:
        self._edit = edit
        self._target = target
        self._path = path
        self._folder = folder

    def take_place(self) -> None:
        """Become the file, unless that was written since."""
        _refuse_changed(self._edit)
        self._path.replace(self._target)
        try:
            os.fsync(self._folder)
        except OSError as error:
            if error.errno not in _NOT_THERE:  # then folders are on the disk as they are
                raise


@contextmanager
def _prepared(edit: FileEdit, data: bytes) -> Iterator[_New]:
    """The new file, under a lock that keeps other lvsfleets off the folder.

    Raises:
        NotWritten: see `write`; the new file is gone then.
    """
    try:
        target = _target(edit)
        new = target.with_name(f".{target.name}.lvsfleet")
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _lock(folder, edit)
            _refuse_changed(edit)
            with suppress(FileNotFoundError):  # of one that was killed
                new.unlink()
            try:
                _create(new, target, data)
                yield _New(edit, target, new, folder)
            finally:
                with suppress(OSError):
                    new.unlink()
        finally:
            os.close(folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise NotWritten(
            f"{edit.label} cannot be written: {reason}",
            f"`ls -ld {edit.path.parent} {edit.path}` shows who may",
        ) from error


def _target(edit: FileEdit) -> Path:
    """The file itself, where the path is a link."""
    try:
        target = edit.path.resolve(strict=True)
    except FileNotFoundError as error:
        raise ChangedMeanwhile(f"{edit.label} is gone") from error
    if not target.is_file():
        raise NotWritten(f"{edit.label} is no regular file")
    if not os.access(target, os.W_OK):
        raise NotWritten(
            f"{edit.label} cannot be written: it is read-only for this user",
            f"See `ls -l {target}`",
        )
    return target


def _lock(folder: int, edit: FileEdit) -> None:
    """Lock a folder until its descriptor is closed; where the file system has no locks, don't."""
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise NotWritten(
                    f"{edit.label} cannot be written: another lvsfleet is writing in its folder",
                    f"`fuser -v {edit.path.resolve().parent}` names it",
                ) from None
            time.sleep(0.02)
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise
            return
        else:
            return


def _create(new: Path, like: Path, data: bytes) -> None:
    """A file with ``data``, and with the mode, owner and attributes of another; on the disk."""
    status = like.stat()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(new, flags, 0o600)
    try:
        mine = os.fstat(descriptor)
        if (mine.st_uid, mine.st_gid) != (status.st_uid, status.st_gid):
            os.fchown(descriptor, status.st_uid, status.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
        _copy_attributes(descriptor, like)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_attributes(descriptor: int, like: Path) -> None:
    """Access lists and labels, as far as the file system has them and lets one set them."""
    if not hasattr(os, "listxattr"):
        return
    with suppress(OSError):
        for name in os.listxattr(like):
            with suppress(OSError):
                os.setxattr(descriptor, name, os.getxattr(like, name))


def _refuse_changed(edit: FileEdit) -> None:
    if _bytes_of(edit) != edit.before:
        raise ChangedMeanwhile(
            f"{edit.label} was written by somebody else since it was read; it stays as it is. To "
            f"make the change by hand:\n{edit.diff}"
        )


def _is(edit: FileEdit, data: bytes) -> bool:
    with suppress(NotWritten):
        return _bytes_of(edit) == data
    return False


def _bytes_of(edit: FileEdit) -> bytes:
    try:
        return edit.path.read_bytes()
    except OSError as error:
        raise ChangedMeanwhile(f"{edit.label} cannot be read: {error.strerror}") from error
