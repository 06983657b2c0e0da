"""``lvsfleet vip`` before somebody who reads the plan, and then types."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.lab.rollout.fleet import LVSFLEET

SECONDS = 150.0
"""Nothing takes longer, however busy the machine is."""


class Typed:
    """A command on a terminal.

    Attributes:
        shown: what that shows so far.
        process: the command.
    """

    def __init__(self, terminal: int, process: subprocess.Popen[bytes]) -> None:
        self.shown = ""
        self.process = process
        self._terminal = terminal

    def read_to(self, text: str) -> None:
        """Wait until the terminal shows something."""
        last = time.monotonic() + SECONDS
        while text not in self.shown:
            assert time.monotonic() < last, self.shown
            if not self._read():
                raise AssertionError(self.shown)

    def types(self, line: str) -> None:
        """Somebody types a line."""
        os.write(self._terminal, f"{line}\n".encode())

    def end(self) -> int:
        """Its exit code, when all that it says was read."""
        while self._read():
            pass
        return self.process.wait(SECONDS)

    def hang_up(self) -> None:
        """The terminal is closed."""
        os.close(self._terminal)
        self._terminal = -1

    def close(self) -> None:
        """Nobody is there any more."""
        self.process.kill()
        self.process.wait()
        if self._terminal >= 0:
            os.close(self._terminal)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._terminal], [], [], SECONDS)
        try:
            data = os.read(self._terminal, 65536) if ready else b""
        except OSError:  # the other end is closed
            data = b""
        self.shown += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)


@contextmanager
def typed(
    words: Sequence[str | Path], folder: Path, environment: Mapping[str, str]
) -> Iterator[Typed]:
    """Start it in a session of its own, whose terminal that is."""
    terminal, other = pty.openpty()
    path = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8", "TERM": "xterm"}
    process = subprocess.Popen(
        ["setsid", "--ctty", LVSFLEET, *words],
        stdin=other,
        stdout=other,
        stderr=other,
        env={**path, **environment},
        cwd=folder,
    )
    os.close(other)
    one = Typed(terminal, process)
    try:
        yield one
    finally:
        one.close()
