"""One change of a lab at a time: an exclusive lock per lab number, gone with the process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.topology import Names

_FOLDER = Path("/run/lock")


@contextmanager
def held(names: Names) -> Iterator[int]:
    """Wait for the lab's lock and hold it.

    Programs that inherit the descriptor hold it too: after a ``kill -9`` of the holder, the next
    one waits until the step under way is over, and so never races with it.

    Yields:
        The lock's descriptor.
    """
    _FOLDER.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(_FOLDER / f"{names.base}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
