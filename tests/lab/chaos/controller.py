"""A rollout as a process of its own, which can be stopped at a point and killed there.

The process is lvsfleet itself; `driver` only makes it wait at the points that a test names.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.lab.rollout.fleet import Answer

ROOT = Path(__file__).parents[3]
SECONDS = 240.0
"""For a rollout that ends by itself, on a machine that is busy with others."""


class Controller:
    """A running rollout.

    Args:
        inventory: folder.
        home: its home folder, made where it is missing.
        options: of the rollout.
        points: by router, the point at which it waits, as "before begin", "sent begin" (the bytes
            are on their way, no answer was read) or "after begin".
        action: what it does when all of these routers are at their points: "kill" itself, "int" or
            "int int" for Ctrl-C, or nothing: it waits for `go`.
        environment: more of it.
        command: what is run.
    """

    def __init__(
        self,
        inventory: Path,
        home: Path,
        options: Sequence[str],
        *,
        points: Mapping[str, str],
        action: str,
        environment: Mapping[str, str],
        command: Sequence[str] = ("rollout",),
    ) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        argv = [sys.executable, "-m", "tests.lab.chaos.driver", str(home), action]
        argv += [f"{router}={point}" for router, point in points.items()]
        argv += ["--", *command, "--format", "json", "--inventory", str(inventory), *options]
        clean = {name: os.environ[name] for name in ("PATH",) if name in os.environ}
        clean |= {"HOME": str(home), "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT), **environment}
        self.out = (home / "stdout").open("w+")
        self.err = (home / "stderr").open("w+")
        self.process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err, env=clean, cwd=home
        )

    def there(self, seconds: float = SECONDS) -> None:
        """Wait until all routers are at their points, or the process has ended."""
        wait_for(lambda: (self.home / "there").exists() or self.process.poll() is not None, seconds)

    def go(self) -> None:
        """Let it go on."""
        (self.home / "go").touch()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it as a power cut does; fine when it has ended."""
        self.process.kill()
        self.process.wait()

    def answer(self, seconds: float = SECONDS) -> Answer:
        """Wait for its end; the code is negative when it was killed."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        texts = []
        for stream in (self.out, self.err):
            stream.seek(0)
            texts.append(stream.read())
            stream.close()
        return Answer(self.process.returncode, *texts)


def wait_for(what: Callable[[], object], seconds: float, *, every: float = 0.02) -> None:
    """Wait until something holds.

    Raises:
        AssertionError: it does not in so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        time.sleep(every)
