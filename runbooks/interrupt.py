"""Being asked to stop: the first Ctrl-C (or SIGTERM, SIGHUP) gently, the second at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from types import FrameType


class Stop:
    """How often the run was asked to stop, and whom that wakes.

    Only the main thread asks (from a signal handler) and only the main thread reads, so there is
    no lock: a signal handler that waits for one can wait forever.
    """

    def __init__(self) -> None:
        self.requests = 0
        self._wake: Callable[[], None] = lambda: None

    def request(self) -> None:
        """Ask once more."""
        self.requests += 1
        self._wake()

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than until somebody asks."""
        asked: SimpleQueue[None] = SimpleQueue()
        with self.waking(lambda: asked.put(None)), suppress(Empty):
            if not self.requests:
                asked.get(timeout=seconds)

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call ``wake`` at every request meanwhile; it must be safe in a signal handler."""
        self._wake = wake
        try:
            yield
        finally:
            self._wake = lambda: None

    @property
    def gently(self) -> bool:
        """Begin no further router."""
        return self.requests >= 1

    @property
    def at_once(self) -> bool:
        """Wait no longer for those that were begun."""
        return self.requests > 1


@contextmanager
def stopping_on_signals(stop: Stop) -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP into requests to stop; the third one acts as ever.

    A signal that is ignored (``nohup``, a job in the background) stays so.
    """

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.request()
        if stop.at_once:
            restore()

    before = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if (handler := signal.getsignal(number)) is not signal.SIG_IGN
    }

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, ask)
    try:
        yield
    finally:
        restore()
