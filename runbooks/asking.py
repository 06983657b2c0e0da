"""Ask many routers at once, for commands that only read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from runbooks.counting import Counting
from runbooks.interrupt import Stop, stopping_on_signals
from runbooks.outcomes import outcome_of, traceback_of
from runbooks.reports.text import visible
from runbooks.runner import FleetRunner, configured_workers
from tasks.errors import RouterError

if TYPE_CHECKING:
    from nornir.core import Nornir
    from nornir.core.task import Result, Task

T = TypeVar("T")

_GRACE = 45.0
"""Seconds for a router beyond its deadline: connecting has one of its own."""


@dataclass
class Asking:
    """How routers are asked.

    Attributes:
        nornir: the whole inventory.
        workers: routers at once; None is what the inventory's configuration says.
        timeout: seconds for one.
        verbosity: 1 shows each router that is done, and tracebacks.
        stop: asked to stop.
    """

    nornir: Nornir
    workers: int | None
    timeout: float
    verbosity: int = 0
    stop: Stop = field(default_factory=Stop)

    def pause(self, seconds: float) -> None:
        """Sleep, but no longer than until somebody asks to stop."""
        with stopping_on_signals(self.stop):
            self.stop.wait(seconds)

    def __call__(
        self, routers: Collection[str], do: Callable[[Task], Result], kind: type[T]
    ) -> tuple[dict[str, T], dict[str, RouterError]]:
        """Run a task on routers: what they answered, and why the others did not.

        Args:
            routers: those to ask.
            do: the task; its result is a ``kind``.
            kind: what an answer is.

        Raises:
            LvsfleetError: the inventory does not say how many at once; nothing was contacted.
        """
        runner = FleetRunner(
            workers=self.workers or configured_workers(self.nornir),
            deadline=self.timeout + _GRACE,
            stop=self.stop,
        )
        counting = Counting(sys.stderr, len(routers), verbose=self.verbosity > 0)
        selected = self.nornir.filter(filter_func=lambda host: host.name in routers)
        selected.data.reset_failed_hosts()
        with stopping_on_signals(self.stop):
            try:
                ready = selected.with_runner(runner).with_processors([counting])
                results = ready.run(task=do, name="ask", raise_on_error=False)
            finally:
                counting.close()
        answers: dict[str, T] = {}
        failed: dict[str, RouterError] = {}
        for name, result in results.items():
            value = result[0].result
            if isinstance(value, kind) and result[0].exception is None:
                answers[name] = value
                continue
            error = outcome_of(name, result).error
            failed[name] = error or RouterError("it was not asked: the run was stopped")
            if self.verbosity and (fault := traceback_of(result)):
                sys.stderr.write(f"{visible(name)}: traceback\n{fault}")
        return answers, failed
