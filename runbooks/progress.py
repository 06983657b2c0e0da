"""What is heard of a run while it goes on: Nornir's events, handed to a display that may fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from runbooks.outcomes import outcome_of
from runbooks.reports.table import change_text
from runbooks.reports.text import visible
from tasks.look import Look
from tasks.outcome import Outcome

if TYPE_CHECKING:
    from nornir.core.inventory import Host
    from nornir.core.task import AggregatedResult, MultiResult, Task


class Display(Protocol):
    """Shows a run while it goes on; called from many threads."""

    def phase(self, router: str, phase: str) -> None:
        """``router`` begins a phase; the empty one is its very beginning."""

    def done(self, outcome: Outcome) -> None:
        """A router is finished."""

    def note(self, text: str) -> None:
        """Something that concerns the whole run."""

    def close(self) -> None:
        """The run is over; take away what is not to stay."""


class Lines:
    """One line for each router that is done, for logs and pipes.

    Args:
        stream: where to; stderr.
        verbose: a line for every phase as well, and what was sent.
    """

    def __init__(self, stream: TextIO, *, verbose: bool = False) -> None:
        self.stream = stream
        self.verbose = verbose
        self._lock = threading.Lock()

    def phase(self, router: str, phase: str) -> None:
        """A line with ``-v`` only."""
        if self.verbose and phase:
            self._write(f"{visible(router)}: {phase}")

    def done(self, outcome: Outcome) -> None:
        """What came of the router; with ``-v`` also what was sent to it."""
        router = visible(outcome.router)
        changes = change_text(outcome)
        word = f"{outcome.status.value} {changes}".strip()
        sent = outcome.commands if self.verbose else ()
        verb = "would send" if outcome.status.value == "planned" else "sent"
        lines = [f"{router}: {verb}: {visible(line)}" for c in sent for line in c.splitlines()]
        self._write("\n".join([*lines, f"{router}: {word} ({outcome.seconds:.1f} s)"]))

    def note(self, text: str) -> None:
        """The text on a line of its own."""
        self._write(text)

    def close(self) -> None:
        """Nothing is left to do."""

    def _write(self, text: str) -> None:
        with self._lock:
            self.stream.write(f"{text}\n")
            self.stream.flush()


class ProgressProcessor:
    """Nornir's processor: it tells a display what happens, and no display can sink the run.

    Nornir lets whatever a processor raises end the whole run and lose its results. The signatures
    are Nornir's, arguments that nothing is done with included.

    Args:
        display: what to tell.
        looking: a look is all there is, so a router that needs a change is finished with it.

    Attributes:
        failure: the first exception that the display raised; nothing is shown after it.
    """

    def __init__(self, display: Display, *, looking: bool = False) -> None:
        self.display = display
        self.failure: Exception | None = None
        self._looking = looking
        self._silent = False
        self._told: set[str] = set()

    @contextmanager
    def silently(self) -> Iterator[None]:
        """Tell nothing meanwhile, for looks that are nobody's turn."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False

    def close(self) -> None:
        """The run is over."""
        self._safely(self.display.close)

    def task_started(self, task: Task) -> None:  # noqa: ARG002
        """Nothing is shown yet."""
        self._told = set()

    def task_completed(self, task: Task, result: AggregatedResult) -> None:  # noqa: ARG002
        """Routers that were never begun or never finished are told of here."""
        for router, each in result.items():
            if router not in self._told:
                self._done(router, each)

    def task_instance_started(self, task: Task, host: Host) -> None:  # noqa: ARG002
        """A router begins."""
        self._safely(lambda: self.display.phase(host.name, ""))

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:  # noqa: ARG002
        """A router is finished."""
        self._done(host.name, result)

    def subtask_instance_started(self, task: Task, host: Host) -> None:
        """A router begins a phase."""
        self._safely(lambda: self.display.phase(host.name, task.name))

    def subtask_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """The next phase, or the router's end, says so."""

    def note(self, text: str) -> None:
        """Show something that concerns the whole run."""
        self._safely(lambda: self.display.note(text))

    def _done(self, router: str, result: MultiResult) -> None:
        self._told.add(router)
        seen = result[0].result
        if isinstance(seen, Look) and seen.needs_change and not self._looking:
            self._safely(lambda: self.display.phase(router, "waiting"))
        else:
            self.done(outcome_of(router, result))

    def done(self, outcome: Outcome) -> None:
        """A router is finished, however that came."""
        self._safely(lambda: self.display.done(outcome))

    def _safely(self, show: Callable[[], None]) -> None:
        if self.failure is not None or self._silent:
            return
        try:
            show()
        except Exception as error:  # whatever it is: the routers come first
            self.failure = error


def display_for(
    stream: TextIO, clusters: dict[str, str | None], *, verbose: bool = False
) -> Display:
    """The display that suits ``stream``: a live table on a terminal, else lines.

    With ``-v`` there are lines on a terminal too, since what was sent is to stay readable.
    """
    if verbose or not stream.isatty():
        return Lines(stream, verbose=verbose)
    from runbooks.live import LiveTable  # noqa: PLC0415 - only where it is shown

    return LiveTable(stream, clusters, clock=time.monotonic)
