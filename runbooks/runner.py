"""The Nornir runner: parallel, interruptible, with a deadline per router, and no result is lost.

Nornir's own drains its whole queue after a Ctrl-C, waits forever for a router that hangs, and
loses every result when one worker raises.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from nornir.core.task import AggregatedResult, MultiResult, Result, Task

from inventory.errors import LvsfleetError
from runbooks.interrupt import Stop

if TYPE_CHECKING:
    from nornir.core import Nornir
    from nornir.core.inventory import Host

DEFAULT_WORKERS = 20


def configured_workers(nr: Nornir) -> int:
    """As the inventory's configuration says, in the words of either runner plugin.

    Raises:
        LvsfleetError: it says no number.
    """
    options = nr.config.runner.options
    workers = options.get("workers") or options.get("num_workers") or DEFAULT_WORKERS
    if not isinstance(workers, int) or workers < 1:
        raise LvsfleetError(
            f"config.yaml: runner.options.workers: {workers!r} is no number of routers",
            "Write 20, for example",
        )
    return workers


class NotBegun(Exception):
    """The run was stopped before this router's turn."""


class Abandoned(Exception):
    """The router was begun, and the run ended without waiting for it.

    Args:
        seconds: how long it had been at it.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not finished after {seconds:.0f} s")
        self.seconds = seconds


class Overdue(Abandoned):
    """The router was begun and did not finish within its deadline."""


class FleetRunner:
    """Runs a task on many routers at once.

    Args:
        workers: how many routers at once.
        deadline: seconds after which a router is no longer waited for; None waits forever. A
            thread cannot be ended from outside: what it does goes on until the program ends, and
            its result still counts if it comes before the others are done.
        stop: a request to stop, from elsewhere.
        on_stop: told at each request which routers are still at work.
        to_the_end: whoever is asked to stop gently begins with the others all the same: they are
            part of something that was begun already.
    """

    def __init__(
        self,
        workers: int = DEFAULT_WORKERS,
        deadline: float | None = None,
        stop: Stop | None = None,
        on_stop: Callable[[Sequence[str]], None] | None = None,
        *,
        to_the_end: bool = False,
    ) -> None:
        self.workers = workers
        self.deadline = deadline
        self.stop = stop or Stop()
        self.on_stop = on_stop
        self.to_the_end = to_the_end

    def abreast(self, routers: int) -> FleetRunner:
        """One for steps of a change that so many routers must take at the same time."""
        workers = max(self.workers, routers)
        return FleetRunner(workers, self.deadline, self.stop, self.on_stop, to_the_end=True)

    @property
    def stopped(self) -> bool:
        """Whether nobody begins any more."""
        return self.stop.at_once if self.to_the_end else self.stop.gently

    def run(self, task: Task, hosts: list[Host]) -> AggregatedResult:
        """Run ``task`` on each of ``hosts``; the results come in their order, one for each."""
        found = _Run(self, task, hosts).wait()
        result = AggregatedResult(task.name)
        for host, each in zip(hosts, found, strict=True):
            result[host.name] = each
        return result


class _Run:
    """One run of one task: the main thread waits, the workers take routers from a queue."""

    def __init__(self, runner: FleetRunner, task: Task, hosts: list[Host]) -> None:
        self.runner = runner
        self.task = task
        self.hosts = hosts
        self.pending = deque(range(len(hosts)))
        self.begun: dict[int, float] = {}
        self.done: dict[int, MultiResult] = {}
        self.overdue: set[int] = set()
        # put() of a SimpleQueue is reentrant: a signal handler may call it at any moment.
        self.events: SimpleQueue[tuple[int, MultiResult] | None] = SimpleQueue()

    def wait(self) -> list[MultiResult]:
        with self.runner.stop.waking(lambda: self.events.put(None)):
            # That it was asked to stop gently was answered when the steps before were at work.
            answered = min(self.runner.stop.requests, 1) if self.runner.to_the_end else 0
            if not self.runner.stopped:
                self._start_workers()
            while len(self.done.keys() | self.overdue) < len(self.hosts):
                if self.runner.stop.requests > answered:
                    answered = self.runner.stop.requests
                    self._stop()
                    continue
                self._take(self._patience())
                self._find_overdue()
        return [self.done.get(i) or self._given_up(i) for i in range(len(self.hosts))]

    def _start_workers(self) -> None:
        for started in range(min(self.runner.workers, len(self.hosts))):
            try:
                self._start_worker()
            except RuntimeError:  # the system gives no more threads; fewer do as well
                if not started:
                    raise
                break

    def _start_worker(self) -> None:
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            try:
                index = self.pending.popleft()
            except IndexError:
                return
            self.begun[index] = time.monotonic()
            self.events.put((index, self._one(self.hosts[index])))
            if index in self.overdue:
                return  # another worker has taken this one's place

    def _one(self, host: Host) -> MultiResult:
        try:
            return self.task.copy().start(host)
        except BaseException as error:  # whatever it is, it is this router's result
            return self._failed(host, error)

    def _failed(self, host: Host, error: BaseException) -> MultiResult:
        result = MultiResult(self.task.name)
        result.append(Result(host, failed=True, exception=error))
        return result

    def _take(self, patience: float | None) -> bool:
        """Take what comes within that time; whether anything came."""
        try:
            event = self.events.get(timeout=patience)
        except Empty:
            return False
        if event is not None:
            index, result = event
            self.done[index] = result
        return True

    def _running(self) -> list[int]:
        return [i for i in sorted(self.begun.copy()) if i not in self.done]

    def _patience(self) -> float | None:
        """Seconds until the next router can be overdue: one that begins now has the longest."""
        if self.runner.deadline is None:
            return None
        now = time.monotonic()
        begun = [self.begun[i] for i in self._running() if i not in self.overdue]
        return max(0.0, min(begun, default=now) + self.runner.deadline - now)

    def _find_overdue(self) -> None:
        if self.runner.deadline is None:
            return
        latest = time.monotonic() - self.runner.deadline
        for index in self._running():
            if index not in self.overdue and self.begun[index] <= latest:
                self.overdue.add(index)
                if self.pending:
                    self._start_worker()

    def _stop(self) -> None:
        while self._take(0):
            """Who has finished is neither waited for nor told of."""
        while self.pending and self.runner.stopped:
            try:
                index = self.pending.popleft()
            except IndexError:
                break
            self.done[index] = self._failed(self.hosts[index], NotBegun())
        if self.runner.on_stop is not None and (self.begun or not self.runner.to_the_end):
            self.runner.on_stop([self.hosts[i].name for i in self._running()])
        if self.runner.stop.at_once:
            self.overdue.update(i for i in range(len(self.hosts)) if i not in self.done)

    def _given_up(self, index: int) -> MultiResult:
        seconds = time.monotonic() - self.begun.get(index, time.monotonic())
        kind = Abandoned if self.runner.stop.at_once else Overdue
        return self._failed(self.hosts[index], kind(seconds))
