"""Control groups: who belongs to a router, without pid files and so without pids used again.

A process is in its router's cgroup from before it becomes the router until it is gone, and all
its children with it. Only the version-2 hierarchy is used, as a hybrid machine has it beside
version 1 and a modern one has it alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from inventory.errors import LvsfleetError

KILL_SECONDS = 60.0


def mountpoint(mountinfo: str) -> Path | None:
    """Where the cgroup2 hierarchy is mounted, as /proc/self/mountinfo tells (see proc(5))."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            return Path(before.split(" ")[4])
    return None


def root() -> Path:
    """The host's cgroup2 hierarchy.

    Raises:
        LvsfleetError: there is none.
    """
    found = mountpoint(Path("/proc/self/mountinfo").read_text())
    if found is None:
        raise LvsfleetError(
            "the lab needs a cgroup to delegate, and no cgroup2 is mounted",
            "mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified",
        )
    return found


def members(group: Path) -> list[int]:
    """The pids in a cgroup and below it; empty when it is gone."""
    pids: list[int] = []
    for folder, _, _ in os.walk(group):
        # A cgroup may go between listing it and reading it.
        with contextlib.suppress(OSError):
            pids += map(int, (Path(folder) / "cgroup.procs").read_text().split())
    return pids


def populated(group: Path) -> bool:
    """Whether any process is in a cgroup or below it."""
    try:
        return "populated 1" in (group / "cgroup.events").read_text()
    except OSError:
        return False


def kill(group: Path) -> None:
    """End every process in a cgroup and below it, wait until they are gone, and remove it.

    Raises:
        LvsfleetError: some process does not go.
    """
    deadline = time.monotonic() + KILL_SECONDS
    while populated(group):
        if time.monotonic() > deadline:
            raise LvsfleetError(f"processes in {group} do not end: {members(group)}")
        try:
            (group / "cgroup.kill").write_text("1")
        except FileNotFoundError:  # Linux before 5.14
            for pid in members(group):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    for folder, _, _ in os.walk(group, topdown=False):
        _remove(Path(folder), deadline)


def _remove(group: Path, deadline: float) -> None:
    while True:
        try:
            group.rmdir()
        except FileNotFoundError:
            return
        except OSError as busy:
            # The kernel counts an ending process for a moment longer than "populated" does.
            if time.monotonic() > deadline:
                raise LvsfleetError(f"{group} cannot be removed: {busy.strerror}") from busy
            time.sleep(0.01)
        else:
            return
