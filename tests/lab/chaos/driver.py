"""Runs lvsfleet, and stops it where a test says: HOME ACTION ROUTER=POINT… -- ARGUMENTS.

When all of the routers are at their points the action is taken; a router that does not come to its
point is not waited for without end. Points are "before STEP", "opened STEP" (the router was told to
run the script), "sent STEP" (all of its input is on its way), "after STEP".
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

from runbooks.cli import main
from runbooks.interrupt import Stop
from tasks.connect.transport import Channel, Transport
from tasks.errors import ApplyFailed
from tasks.work import Work

T = TypeVar("T")
AT_MOST = 60.0
"""Seconds for the others to come, and for whoever waits for all: he starts a second rollout."""


class Points:
    """Where each router is to stop, and who is there."""

    def __init__(self, home: Path, action: str, points: dict[str, str]) -> None:
        self.home = home
        self.action = action
        self.points = points
        self.here: set[str] = set()
        self.asked = 0  # how often lvsfleet has seen that it is to stop
        self.lock = threading.Lock()
        self.now = threading.local()

    def at(self, point: str) -> None:
        """This thread's router is at a point of this thread's step."""
        router = getattr(self.now, "router", None)
        step = getattr(self.now, "step", "")
        if router is None or self.points.get(router) != f"{point} {step}":
            return
        with self.lock:
            if router in self.here:
                return
            self.here.add(router)
        deadline = time.monotonic() + AT_MOST
        while self.here != self.points.keys() and time.monotonic() < deadline:
            time.sleep(0.01)
        with self.lock:
            self._act()
        while not (self.home / "go").exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def _act(self) -> None:
        if (self.home / "there").exists():
            return
        if self.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        for number in range(1, self.action.count("int") + 1):
            os.kill(os.getpid(), signal.SIGINT)
            deadline = time.monotonic() + AT_MOST  # two that wait are one
            while self.asked < number and time.monotonic() < deadline:
                time.sleep(0.01)
        (self.home / "there").touch()
        if self.action == "int":  # asked twice, it ends with its routers where they are
            (self.home / "go").touch()


def install(points: Points) -> None:
    """Wrap the steps and the exchange; Nornir runs a step in the router's own thread."""
    noted, open_exec, request = Work.noted, Transport.open_exec, Stop.request

    def requesting(self: Stop) -> None:
        request(self)
        points.asked += 1

    def noting(self: Work, name: str, do: Callable[[], T]) -> T:
        points.now.router, points.now.step = self.desired.router, name
        points.at("before")
        if name == "verify" and points.points.get(self.desired.router, "").endswith("revert"):
            do = _fail
        try:
            return noted(self, name, do)
        finally:
            points.at("after")
            points.now.router = None

    def opening(self: Transport, command: bytes, *, timeout: float) -> Channel:
        channel = open_exec(self, command, timeout=timeout)
        points.at("opened")
        close = channel.shutdown_write

        def sent() -> None:
            close()
            points.at("sent")

        channel.shutdown_write = sent  # type: ignore[method-assign]
        return channel

    Stop.request = requesting  # type: ignore[method-assign]
    Work.noted = noting  # type: ignore[method-assign]
    Transport.open_exec = opening  # type: ignore[method-assign]


def _fail() -> NoReturn:
    raise ApplyFailed("made to fail, so that it is taken back")


def run() -> None:
    """See above."""
    own = sys.argv[1:]
    split = own.index("--")
    home, action, *pairs = own[:split]
    points = dict(pair.split("=", 1) for pair in pairs)
    if points:
        install(Points(Path(home), action, points))
    sys.argv = ["lvsfleet", *own[split + 1 :]]
    main()


if __name__ == "__main__":
    run()
