"""The journal on a disk that is really full: a small file system of its own."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbooks.journal import End, Journal, NotRecorded, kept, read, recorded
from runbooks.journal.place import runs
from tasks.outcome import Outcome, Status
from tasks.sections import Section

RUN = "20261123T074512Z-ams-4f2a"
STARTED = datetime(2026, 11, 23, 7, 45, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """256 KiB, as the place of the journal."""
    if os.geteuid() != 0:
        pytest.fail("tests/lab needs root: it mounts a file system", pytrace=False)
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", str(tmp_path)]
    subprocess.run(mount, check=True)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def begun(run: str = RUN) -> Journal:
    return Journal.create(
        run, command="rollout", inventory=None, selection={}, options={}, started=STARTED
    )


def fill(disk: Path) -> Path:
    """Use up the last byte of the disk."""
    file = disk / "ballast"
    with file.open("wb", buffering=0) as ballast:
        for size in (4096, 1):
            with suppress(OSError):
                while ballast.write(b"x" * size) == size:
                    pass
    return file


def test_a_full_disk_stops_a_run_before_it_changes_anything(disk: Path) -> None:
    runs().mkdir(parents=True)
    ballast = fill(disk)
    with pytest.raises(NotRecorded, match=r"No space left on device.*Nothing was changed"):
        begun()
    assert recorded() == []
    ballast.unlink()
    begun().close()
    assert recorded() == [RUN]


def test_a_disk_that_fills_up_costs_only_what_came_then(disk: Path) -> None:
    journal = begun()
    journal.keep("ams1", "before", {"a": Section("old", 0)})
    journal.note("ams1", "begin", "starts", RUN)
    ballast = fill(disk)
    refused = 0
    for _ in range(50):  # the file's last page takes some more
        try:
            journal.note("ams1", "begin", "done")
        except OSError:
            refused += 1
    assert refused > 0
    with pytest.raises(OSError, match="No space left"):
        journal.keep("ams1", "before", {"a": Section("new" * 9999, 0)})
    journal.outcome(Outcome("ams1", Status.REVERTED))
    journal.end()
    assert journal.failed is not None
    assert journal.failed.errno == errno.ENOSPC
    run = read(RUN)
    assert run.routers["ams1"].begun
    assert len(run.routers["ams1"].steps) == 51 - refused
    assert kept(RUN, "ams1", "before") == {"a": Section("old", 0)}

    ballast.unlink()
    journal.note("ams2", "begin", "starts")
    journal.outcome(Outcome("ams2", Status.UNKNOWN))
    journal.end()
    journal.close()
    run = read(RUN)
    assert run.end is End.ENDED
    assert [each.name for each in run.open][-1] == "ams2"


def test_a_disk_that_may_only_be_read_is_said(disk: Path) -> None:
    journal = begun()
    journal.note("ams1", "begin", "starts")
    journal.close()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(NotRecorded, match="Read-only file system"):
        begun("20261123T074512Z-ams-77aa")
    assert read(RUN).end is End.CUT_OFF
