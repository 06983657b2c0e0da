"""Carry a planned change out: begin, verify, commit; or take it back and see that it is.

No Nornir and no SSH in here: the steps and the two connections are handed in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from inventory.desired import Desired
from tasks import change as router
from tasks.backends.protocol import Change
from tasks.errors import (
    ApplyFailed,
    ChangedMeanwhile,
    DeadlineExceeded,
    NotReady,
    NotUnderstood,
    RouterError,
    Unreachable,
)
from tasks.look import Connections, Look, Options, Planner, Step, held, look
from tasks.observe import Observed, observe
from tasks.outcome import Outcome, Status, Where
from tasks.parts import backends
from tasks.sections import Section
from tasks.shell import Shell

T = TypeVar("T")

_LOST = (Unreachable, DeadlineExceeded, NotUnderstood)
"""After one of these nobody knows how far the router got."""

LOOKS = 3
"""How often the router is looked at anew because somebody else changed its rules meanwhile."""


def bring(
    desired: Desired,
    planner: Planner,
    first: Look,
    *,
    connections: Connections,
    step: Step,
    options: Options,
) -> Outcome:
    """Carry out what ``first`` planned; never raises a RouterError.

    Args:
        desired: what the router should be.
        planner: plans anew, to see what is still to be done.
        first: the look that the change was planned by.
        connections: the ways to the router.
        step: how a phase is run.
        options: the run's.
    """
    begun = time.monotonic()
    work = _Work(desired, planner, connections, step, options)
    seen = first
    for number in range(1, LOOKS + 1):
        run = options.run if number == 1 else f"{options.run}-{number}"
        if number > 1:
            seen = look(desired, planner, connections=connections, step=step, options=options)
        outcome = work.attempt(seen, run)
        if not isinstance(outcome.error, ChangedMeanwhile) or outcome.status is Status.UNKNOWN:
            break
    return replace(outcome, seconds=first.seconds + time.monotonic() - begun)


class _Work:
    """The change of one router."""

    def __init__(
        self,
        desired: Desired,
        planner: Planner,
        connections: Connections,
        step: Step,
        options: Options,
    ) -> None:
        self.desired = desired
        self.planner = planner
        self.connections = connections
        self.step = step
        self.options = options
        self.until = time.monotonic() + options.timeout
        self.takes = 0.0

    def attempt(self, seen: Look, run: str) -> Outcome:
        """One look's change, carried out or taken back."""
        if seen.error or seen.change is None or seen.observed is None or not seen.change.edits:
            return seen.outcome()
        change, before = seen.change, seen.observed
        # Of each packet filter that it changes it is to be seen what it is after that.
        self.desired = replace(self.desired, besides=backends(change))
        self.takes = change.takes
        self.until += self.takes
        try:
            self.options.recorder.keep(self.desired.router, "before", before.sections)
            self.options.recorder.note(self.desired.router, "begin", "starts", run)
        except OSError as error:
            why = NotReady(
                f"the journal cannot be written: {error.strerror or error}",
                "Make room where the journal is (lvsfleet history says where), then run again",
            )
            return replace(seen.outcome(Status.FAILED), error=why)
        try:
            self.noted("begin", lambda: self.begin(change, before, run))
        except (ApplyFailed, *_LOST) as error:
            return self.take_back(seen, run, error)
        except RouterError as error:  # nothing was changed
            return replace(seen.outcome(Status.FAILED), error=error)
        try:
            with self.connections.fresh() as shell:
                self.noted("verify", lambda: self.verify(shell, before))
                self.noted("commit", lambda: self.commit(shell, run))
        except RouterError as error:
            return self.take_back(seen, run, error)
        return seen.outcome(Status.CHANGED)

    def noted(self, name: str, do: Callable[[], T]) -> T:
        """Run a step, with its end (and, but for begin, its start) in the journal.

        Once a change has begun, a journal that takes no more must not keep it from its end.
        """
        if name != "begin":
            self.note(name, "starts")
        try:
            result = self.step(name, do)
        except RouterError as error:
            self.note(name, "failed", f"{error.kind}: {error.message}")
            raise
        self.note(name, "done")
        return result

    def note(self, name: str, state: str, detail: str = "") -> None:
        with suppress(OSError):  # the recorder remembers that it failed; the run's report says so
            self.options.recorder.note(self.desired.router, name, state, detail)

    def keep(self, name: str, sections: dict[str, Section]) -> None:
        with suppress(OSError):  # as above
            self.options.recorder.keep(self.desired.router, name, sections)

    @property
    def confirm_timeout(self) -> float:
        """Seconds until the router takes the change back: the time that it takes is not counted."""
        return self.options.confirm_timeout + self.takes

    def left(self) -> float:
        """Seconds that are left for the next exchange."""
        return max(1.0, self.until - time.monotonic())

    def begin(self, change: Change, before: Observed, run: str) -> None:
        _refuse_half_seen(before)
        snapshot = router.begin(
            self.connections.first(),
            change,
            run=run,
            who=self.options.who,
            confirm_timeout=round(self.confirm_timeout),
            break_lock=self.options.break_lock,
            deadline=self.left(),
        )
        self.keep("snapshot", {name: Section(text, 0) for name, text in snapshot.items()})

    def verify(self, shell: Shell, before: Observed) -> None:
        """See over a new connection that the runtime is as wanted and nothing else moved."""
        now = observe(shell, self.desired, deadline=self.left())
        pending = self.planner(now).pending(Where.RUNTIME)
        if pending:
            raise ApplyFailed(
                "the router took the change, but does not have it:"
                f" {pending[0].op.value} {pending[0].rule} is still to be done",
                "Look at what else manages the packet filter there",
            )
        if before.units["keepalived"].active and not now.units["keepalived"].active:
            raise ApplyFailed(
                "keepalived stopped while the change was made",
                "Look at it there: journalctl -u keepalived",
            )
        was, holds = held(self.desired, before), held(self.desired, now)
        if self.options.steady and was != holds:
            moved = ", ".join(str(vip) for vip in sorted(was ^ holds, key=str))
            raise ApplyFailed(
                f"a VIP moved while the change was made: {moved}",
                "Look at keepalived on the cluster's routers; --now changes them all the same",
            )

    def commit(self, shell: Shell, run: str) -> None:
        now = router.commit(shell, self.desired, run=run, deadline=self.left())
        pending = self.planner(now).edits
        if pending:
            raise ApplyFailed(
                "the router saved the change, but reads back something else:"
                f" {pending[0].op.value} {pending[0].rule} ({pending[0].where.value}) is still"
                " to be done",
                "Look at what else writes to those files",
            )
        self.keep("after", dict(now.sections))

    def take_back(self, seen: Look, run: str, error: RouterError) -> Outcome:
        """Have the change taken back, at once or by the router's own timer, and see that it is."""
        self.until = time.monotonic() + self.confirm_timeout + self.takes + 30.0
        try:
            self.noted("revert", lambda: self.revert(seen, run))
        except RouterError as second:
            lasting = type(error)(
                f"{error.message}; and whether it was taken back is not known: {second.message}",
                f"The router takes it back on its own within {self.confirm_timeout:.0f} s;"
                " look at it then, or run again",
            )
            return replace(seen.outcome(Status.UNKNOWN), error=lasting)
        return replace(seen.outcome(Status.REVERTED), error=error)

    def revert(self, seen: Look, run: str) -> None:
        """Ask for it until it is done, by whomever, and look.

        Raises:
            ApplyFailed: what is there is not what was there before.
            RouterError: the router cannot be asked.
        """
        while True:
            try:
                with self.connections.fresh() as shell:
                    router.revert(shell, run=run, deadline=self.left())
                    now = observe(shell, self.desired, deadline=self.left())
                break
            except _LOST:
                if time.monotonic() + 2.0 > self.until:
                    raise
                time.sleep(1.0)
        still = self.planner(now).edits
        if seen.change is None or set(still) != set(seen.change.edits):
            raise ApplyFailed(
                "its rules are neither those of before nor those that were wanted",
                "Look at the router; a copy of its rules is below /var/lib/lvsfleet/runs",
            )


def _refuse_half_seen(before: Observed) -> None:
    """Stop where another run is at work: half of what it does may be in what was seen.

    Raises:
        Locked: one is.
    """
    for run, _, state in (line.partition(" ") for line in before.leftovers):
        if before.lock and before.lock.split()[0] == run:
            raise router.locked(f"{state} {before.lock}")
