"""Where cgroups are, on machines of both kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.cgroup import mountpoint

HYBRID = """\
24 21 0:22 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
25 24 0:23 / /sys/fs/cgroup/systemd rw,relatime shared:9 - cgroup cgroup rw,name=systemd
26 24 0:24 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
UNIFIED = """\
30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 master:2 - cgroup2 cgroup2 rw,nsdelegate
"""
LEGACY = """\
25 24 0:23 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
"""


@pytest.mark.parametrize(
    ("mountinfo", "where"),
    [
        (HYBRID, Path("/sys/fs/cgroup/unified")),
        (UNIFIED, Path("/sys/fs/cgroup")),
        (LEGACY, None),
        ("", None),
    ],
)
def test_mountpoint(mountinfo: str, where: Path | None) -> None:
    assert mountpoint(mountinfo) == where
