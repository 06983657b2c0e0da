"""How many routers have been asked, on one line of a terminal that is gone in the end."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from nornir.core.inventory import Host
    from nornir.core.task import AggregatedResult, MultiResult, Task

_PATIENCE = 0.7
"""Seconds before there is anything to show."""


class Counting:
    """A Nornir processor that counts; it shows nothing where nobody watches, and never raises.

    Args:
        stream: where to; stderr.
        routers: how many there are.
        verbose: a line for each router.
    """

    def __init__(self, stream: TextIO, routers: int, *, verbose: bool) -> None:
        self._stream = stream
        self._routers = routers
        self._done = 0
        self._verbose = verbose
        self._shown = False
        self._live = stream.isatty() and not verbose
        self._begun = time.monotonic()
        self._lock = threading.Lock()

    def close(self) -> None:
        """The run is over."""
        if self._shown:
            self._write("\r\x1b[K")

    def task_started(self, task: Task) -> None:
        """Nothing is shown yet."""

    def task_completed(self, task: Task, result: AggregatedResult) -> None:
        """The report says how it went."""

    def task_instance_started(self, task: Task, host: Host) -> None:
        """Nothing is shown yet."""

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:  # noqa: ARG002 - Nornir's signature
        """One more is done."""
        with self._lock:
            self._done += 1
            if self._verbose:
                self._write(f"{host.name}: asked\n")
            elif self._live and time.monotonic() - self._begun > _PATIENCE:
                self._shown = True
                self._write(f"\r\x1b[K{self._done} of {self._routers} routers asked")

    def subtask_instance_started(self, task: Task, host: Host) -> None:
        """There are none."""

    def subtask_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """There are none."""

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # nobody is there any more; the routers come first
            self._live = self._verbose = False
