"""Edits on the disk: whole or not there, whatever fails and whoever writes besides."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from inventory.editing import writing
from inventory.editing.errors import ChangedMeanwhile, NotWritten
from inventory.editing.fileedit import FileEdit, merged, unified
from inventory.editing.writing import check_writable, put_back, write

OLD = b"ams:\n  # the first\n  web: 1\n\n  ftp: 2\nfra:\n  web: 3\n"
NEW = OLD.replace(b"web: 1", b"web: 9")
CALLS = (
    "open",
    "fstat",
    "fchmod",
    "fchown",
    "write",
    "fsync",
    "replace",
    "rename",
    "unlink",
    "close",
    "stat",
)
"""What `inventory.editing.writing` asks the system for; `pathlib` goes through these too."""


@pytest.fixture
def edit(tmp_path: Path) -> FileEdit:
    file = tmp_path / "groups.yaml"
    file.write_bytes(OLD)
    file.chmod(0o640)
    return FileEdit(file, "groups.yaml", OLD, NEW)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_written_with_its_mode_and_put_back(edit: FileEdit) -> None:
    check_writable([edit])
    assert edit.path.read_bytes() == OLD
    write([edit])
    assert edit.path.read_bytes() == NEW
    assert edit.path.stat().st_mode & 0o777 == 0o640
    put_back([edit])
    put_back([edit])
    assert edit.path.read_bytes() == OLD
    assert names(edit.path.parent) == ["groups.yaml"]


def test_the_new_file_is_on_the_disk_before_it_takes_the_place(
    edit: FileEdit, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    sync, rename = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        seen.append(f"sync {name} with {edit.path.read_bytes() == NEW}")
        sync(descriptor)

    def replaced(self: Path, target: Path) -> Path:
        assert self.read_bytes() == NEW
        seen.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    write([edit])
    folder = edit.path.parent.name
    assert seen == ["sync .groups.yaml.lvsfleet with False", "rename", f"sync {folder} with True"]


def test_a_link_stays_one(edit: FileEdit, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    link = home / "groups.yaml"
    link.symlink_to("../groups.yaml")
    write([FileEdit(link, "groups.yaml", OLD, NEW)])
    assert link.is_symlink()
    assert edit.path.read_bytes() == NEW
    assert names(home) == ["groups.yaml"]


def test_owner_and_attributes_stay(edit: FileEdit) -> None:
    with suppress(OSError):  # a file system without them
        os.setxattr(edit.path, "user.note", b"kept")
    attributes = os.listxattr(edit.path)
    if os.geteuid() == 0:
        os.chown(edit.path, 1234, 4321)
    was = edit.path.stat()
    write([edit])
    now = edit.path.stat()
    assert (now.st_uid, now.st_gid) == (was.st_uid, was.st_gid)
    assert os.listxattr(edit.path) == attributes
    assert now.st_ino != was.st_ino


def test_what_somebody_else_wrote_stays(edit: FileEdit) -> None:
    edit.path.write_bytes(OLD + b"# theirs\n")
    for step in (check_writable, write):
        with pytest.raises(ChangedMeanwhile, match=r"(?s)by hand.*\+  web: 9"):
            step([edit])
    assert edit.path.read_bytes() == OLD + b"# theirs\n"


def test_what_somebody_else_writes_at_the_last_moment_stays(
    edit: FileEdit, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def meanwhile(descriptor: int) -> None:
        real(descriptor)
        edit.path.write_bytes(OLD + b"# theirs\n")

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(ChangedMeanwhile):
        write([edit])
    assert edit.path.read_bytes() == OLD + b"# theirs\n"
    assert names(edit.path.parent) == ["groups.yaml"]


def test_a_file_that_is_gone(edit: FileEdit) -> None:
    edit.path.unlink()
    with pytest.raises(ChangedMeanwhile, match=r"groups\.yaml is gone"):
        write([edit])
    assert names(edit.path.parent) == []


def test_the_opposite_beside_what_somebody_else_wrote(edit: FileEdit) -> None:
    write([edit])
    edit.path.write_bytes(NEW.replace(b"web: 3", b"web: 4") + b"lon: {}\n")
    put_back([edit])
    assert edit.path.read_bytes() == OLD.replace(b"web: 3", b"web: 4") + b"lon: {}\n"


def test_the_opposite_where_somebody_else_wrote(edit: FileEdit) -> None:
    write([edit])
    theirs = NEW.replace(b"web: 9", b"web: 8")
    edit.path.write_bytes(theirs)
    with pytest.raises(ChangedMeanwhile, match=r"(?s)by hand.*-  web: 9\n\+  web: 1"):
        put_back([edit])
    assert edit.path.read_bytes() == theirs


def test_what_was_never_written_is_left(edit: FileEdit) -> None:
    theirs = OLD + b"# theirs\n"
    edit.path.write_bytes(theirs)
    put_back([edit])
    assert edit.path.read_bytes() == theirs


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("step", [check_writable, write])
def test_a_call_that_fails_leaves_the_old_or_the_new(
    edit: FileEdit, call: str, step: Callable[[list[FileEdit]], None]
) -> None:
    """Each call of each kind fails once: the first, the second, … until none is left to fail."""
    for turn in range(40):
        edit.path.write_bytes(OLD)
        failing = Failing(call, turn)
        with failing.installed():
            try:
                step([edit])
                done = True
            except NotWritten:
                done = False
        came = edit.path.read_bytes()
        assert came == (NEW if done and step is write else OLD), (call, turn)
        write([FileEdit(edit.path, "groups.yaml", came, NEW)])  # nothing is left that stops it
        assert names(edit.path.parent) == ["groups.yaml"]
        if failing.count <= turn:
            return
    pytest.fail("it never ends")


class Failing:
    """A function of `os` that fails at one of its calls."""

    def __init__(self, name: str, turn: int) -> None:
        self.count = 0
        self._name = name
        self._turn = turn
        self._real = getattr(os, name)
        self._thread = threading.get_ident()

    def __call__(self, *args: object, **kwargs: object) -> object:
        if threading.get_ident() != self._thread:  # somebody else's
            return self._real(*args, **kwargs)
        self.count += 1
        if self.count != self._turn + 1:
            return self._real(*args, **kwargs)
        if self._name == "close":
            self._real(*args, **kwargs)
        raise OSError(errno.EIO, "Input/output error")

    @contextmanager
    def installed(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, self._name, self)
            yield


KILLED = """
import os, sys, signal
from pathlib import Path
from inventory.editing.fileedit import FileEdit
from inventory.editing.writing import write

path, turn = Path(sys.argv[1]), int(sys.argv[2])
old, new = path.read_bytes(), Path(sys.argv[3]).read_bytes()
seen = 0
def trace(frame, event, arg):
    global seen
    if not frame.f_code.co_filename.endswith("writing.py"):
        return None
    if event == "line":
        seen += 1
        if seen == turn:
            os.kill(os.getpid(), signal.SIGKILL)
    return trace
edit = FileEdit(path, "groups.yaml", old, new)
children = int(sys.argv[4])
for turn in range(turn, turn + children):
    child = os.fork()
    if child == 0:
        sys.settrace(trace)
        write([edit])
        os._exit(7)
    _, status = os.waitpid(child, 0)
    now = path.read_bytes()
    assert now in (old, new), now
    print(turn, os.WIFSIGNALED(status), now == new, flush=True)
    if not os.WIFSIGNALED(status):
        break
    if now == new:
        path.write_bytes(old)
"""


def test_a_kill_at_any_line_leaves_the_old_or_the_new(edit: FileEdit, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.write_bytes(NEW)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), edit.path, "1", new, "400"],
        cwd=Path(writing.__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    killed = [line[2] for line in lines if line[1] == "True"]
    assert len(killed) > 40
    assert {"True", "False"} == set(killed)  # before the rename, and after
    assert lines[-1][1:] == ["False", "True"]  # the last one was left alone
    assert names(tmp_path) == ["groups.yaml", "new"]


def test_the_second_of_two_files_fails(
    edit: FileEdit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "hosts.yaml"
    other.write_bytes(OLD)
    edits = [edit, FileEdit(other, "hosts.yaml", OLD, NEW)]
    real = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if target.name == "hosts.yaml":
            raise OSError(errno.EIO, "Input/output error")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(NotWritten, match=r"hosts\.yaml cannot be written: Input/output error"):
        write(edits)
    assert [each.path.read_bytes() for each in edits] == [OLD, OLD]


def test_one_that_cannot_be_put_back_is_told(
    edit: FileEdit, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = os.fsync, 0

    def failing(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count >= 2:  # the folder's, and all after it
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(NotWritten, match=r"groups\.yaml could not be put back, and is new"):
        write([edit])
    assert edit.path.read_bytes() == NEW


def test_no_space_leaves_nothing(edit: FileEdit, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int, _data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(NotWritten, match="cannot be written: No space left on device"):
        check_writable([edit])
    assert names(edit.path.parent) == ["groups.yaml"]


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that everybody can get to; pytest's own are for one user, and shared by its runs."""
    places = (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # noqa: S108
    place = next(p for p in places if all(q.stat().st_mode & 0o001 for q in (p, *p.parents)))
    with tempfile.TemporaryDirectory(dir=place) as name:
        yield Path(name)


@contextmanager
def nobody() -> Iterator[None]:
    """Without root's rights, which would be asked nothing."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_who_may_not_write_is_told_before(elsewhere: Path) -> None:
    """One who may read the folder and not write there."""
    edit = FileEdit(elsewhere / "groups.yaml", "groups.yaml", OLD, NEW)
    edit.path.write_bytes(OLD)
    edit.path.chmod(0o644)
    elsewhere.chmod(0o555)
    refused = pytest.raises(NotWritten, match=r"groups\.yaml cannot be written: Permission denied")
    with nobody(), refused:
        check_writable([edit])
    assert names(elsewhere) == ["groups.yaml"]


def test_another_lvsfleet_is_waited_for(edit: FileEdit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_LOCK_SECONDS", 0.05)
    folder = os.open(edit.path.parent, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    with pytest.raises(NotWritten, match="another lvsfleet is writing"):
        write([edit])
    os.close(folder)
    write([edit])
    assert edit.path.read_bytes() == NEW


def test_a_file_system_without_locks(edit: FileEdit, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_descriptor: int, _what: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    write([edit])
    assert edit.path.read_bytes() == NEW


def test_the_diff_is_one_that_git_applies(edit: FileEdit, tmp_path: Path) -> None:
    for old, new in [
        (OLD, NEW),
        (OLD[:-1], NEW[:-1]),
        (OLD, NEW[:-1]),
        (OLD.replace(b"\n", b"\r\n"), NEW.replace(b"\n", b"\r\n")),
    ]:
        edit.path.write_bytes(old)
        told = unified(old, new, "groups.yaml")
        done = subprocess.run(
            ["git", "apply", "--whitespace=nowarn", "-"],
            input=told.encode(),
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert edit.path.read_bytes() == new


def test_no_password_is_shown() -> None:
    old = b"""ams:
  password: hunter2
  connection_options: {lvsfleet: {extras: {sudo_password: "hunter2, too", agent: false}}}
  vips: [1]
  data: {x-token: 'hunter2''s', vips: [1]}
  "password": "hunter2"   # said
"""
    told = unified(old, old.replace(b"[1]", b"[2]"), "groups.yaml")
    assert "hunter2" not in told
    assert "agent: false" in told
    assert "+  vips: [2]" in told
    assert told.count("…") == 5


@pytest.mark.parametrize(
    ("ours", "theirs", "both"),
    [
        (b"A\nb\nc\n", b"a\nb\nC\n", b"A\nb\nC\n"),
        (b"A\nb\nc\n", b"A\nb\nC\n", b"A\nb\nC\n"),  # alike in one place
        (b"b\nc\n", b"a\nb\nc\nd", b"b\nc\nd"),
        (b"A\nb\nc\n", b"X\nb\nc\n", None),
        (b"A\nb\nc\n", b"a\nB\nc\n", None),  # they touch
        (b"a\nb\nc\n", b"", b""),
    ],
)
def test_two_changes_at_once(ours: bytes, theirs: bytes, both: bytes | None) -> None:
    base = b"a\nb\nc\n"
    assert merged(base, ours, theirs) == merged(base, theirs, ours) == both
