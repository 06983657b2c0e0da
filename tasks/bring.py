"""Bring one router there: observe, plan, begin, verify, commit; or take it back and see that it is.

No Nornir and no SSH in here: the steps and the two connections are handed in.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from inventory.desired import Desired
from tasks import change as router
from tasks.backends.protocol import Change
from tasks.errors import (
    ApplyFailed,
    ChangedMeanwhile,
    DeadlineExceeded,
    NotUnderstood,
    RouterError,
    Unreachable,
)
from tasks.observe import Observed, observe
from tasks.outcome import Outcome, Status, Where
from tasks.plan import plan
from tasks.shell import Shell

T = TypeVar("T")

_LOST = (Unreachable, DeadlineExceeded, NotUnderstood)
"""After one of these nobody knows how far the router got."""

LOOKS = 3
"""How often the router is looked at anew because somebody else changed its rules meanwhile."""


class Step(Protocol):
    """How a phase is run, so that whoever watches sees its name."""

    def __call__(self, name: str, do: Callable[[], T], /) -> T:
        """Run ``do`` as the phase ``name`` and give its result; its errors pass through."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """How a rollout is done.

    Attributes:
        run: the run's name; letters, digits and dashes.
        who: who runs it, for whoever meets the router's lock; no white space.
        dry_run: only look.
        timeout: seconds for one router, without taking a change back.
        confirm_timeout: seconds until a router takes an unconfirmed change back on its own.
    """

    run: str
    who: str = "lvsfleet"
    dry_run: bool = False
    timeout: float = 120.0
    confirm_timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class Connections:
    """The ways to one router.

    Attributes:
        read: asks a question over the kept connection, again where it breaks.
        first: the kept connection, for what must not be done twice.
        fresh: a new connection beside it, which proves that the router lets one in.
    """

    read: Callable[[Callable[[Shell], Observed]], Observed]
    first: Callable[[], Shell]
    fresh: Callable[[], AbstractContextManager[Shell]]


def bring(desired: Desired, *, connections: Connections, step: Step, options: Options) -> Outcome:
    """Bring one router where ``desired`` says; never raises a RouterError."""
    begun = time.monotonic()
    work = _Work(desired, connections, step, options, until=begun + options.timeout)
    try:
        return work.outcome(*work.whole(), seconds=time.monotonic() - begun)
    except RouterError as error:
        return work.outcome(Status.FAILED, error, seconds=time.monotonic() - begun)


class _Work:
    """One router's rollout, and what it has learnt so far."""

    def __init__(
        self,
        desired: Desired,
        connections: Connections,
        step: Step,
        options: Options,
        *,
        until: float,
    ) -> None:
        self.desired = desired
        self.connections = connections
        self.step = step
        self.options = options
        self.until = until
        self.change: Change | None = None

    def outcome(
        self, status: Status, error: RouterError | None = None, *, seconds: float
    ) -> Outcome:
        """What came of it."""
        change = self.change
        return Outcome(
            router=self.desired.router,
            status=status,
            backend=change.backend.value if change else "",
            changes=change.edits if change else (),
            findings=change.findings if change else (),
            error=error,
            seconds=seconds,
            commands=change.commands if change else (),
        )

    def whole(self) -> tuple[Status, RouterError | None]:
        """All attempts: a write is only tried again after another look."""
        for look in range(1, LOOKS + 1):
            run = self.options.run if look == 1 else f"{self.options.run}-{look}"
            try:
                return self.attempt(run)
            except ChangedMeanwhile:
                if look == LOOKS:
                    raise
        raise AssertionError("the loop returns or raises")

    def attempt(self, run: str) -> tuple[Status, RouterError | None]:
        """One look and what follows from it.

        Raises:
            RouterError: nothing was changed.
        """
        before = self.step("observe", self.look)
        self.change = change = self.step("plan", lambda: plan(self.desired, before))
        if not change.edits:
            return Status.UNCHANGED, None
        if self.options.dry_run:
            return Status.PLANNED, None
        try:
            self.step("begin", lambda: self.begin(change, run))
        except (ApplyFailed, *_LOST) as error:  # any other error: nothing was changed
            return self.take_back(run, change, error)
        try:
            self.confirm(run)
        except ChangedMeanwhile as error:
            status, lasting = self.take_back(run, change, error)
            if status is Status.REVERTED:
                raise
            return status, lasting
        except RouterError as error:
            return self.take_back(run, change, error)
        return Status.CHANGED, None

    def left(self) -> float:
        """Seconds that are left for the next exchange."""
        return max(1.0, self.until - time.monotonic())

    def look(self) -> Observed:
        return self.connections.read(
            lambda shell: observe(shell, self.desired, deadline=self.left())
        )

    def begin(self, change: Change, run: str) -> None:
        router.begin(
            self.connections.first(),
            change,
            run=run,
            who=self.options.who,
            confirm_timeout=round(self.options.confirm_timeout),
            deadline=self.left(),
        )

    def confirm(self, run: str) -> None:
        """See over a new connection that the runtime is as wanted; then keep it.

        Raises:
            RouterError: it is not, or it cannot be kept.
        """
        with self.connections.fresh() as shell:
            self.step("verify", lambda: self.verify(shell))
            self.step("commit", lambda: self.commit(shell, run))

    def verify(self, shell: Shell) -> None:
        now = observe(shell, self.desired, deadline=self.left())
        pending = plan(self.desired, now).pending(Where.RUNTIME)
        if pending:
            raise ApplyFailed(
                "the router took the change, but does not have it:"
                f" {pending[0].op.value} {pending[0].rule} is still to be done",
                "Look at what else manages the packet filter there",
            )

    def commit(self, shell: Shell, run: str) -> None:
        now = router.commit(shell, self.desired, run=run, deadline=self.left())
        pending = plan(self.desired, now).edits
        if pending:
            raise ApplyFailed(
                "the router saved the change, but reads back something else:"
                f" {pending[0].op.value} {pending[0].rule} ({pending[0].where.value}) is still"
                " to be done",
                "Look at what else writes to those files",
            )

    def take_back(self, run: str, change: Change, error: RouterError) -> tuple[Status, RouterError]:
        """Have the change taken back, at once or by the router's own timer, and see that it is."""
        self.until = time.monotonic() + self.options.confirm_timeout + 30.0
        try:
            return self.step("revert", lambda: self.revert(run, change)), error
        except RouterError as second:
            lasting = type(error)(
                f"{error.message}; and whether it was taken back is not known: {second.message}",
                f"The router takes it back on its own within {self.options.confirm_timeout:.0f} s;"
                " look at it then, or run again",
            )
            return Status.UNKNOWN, lasting

    def revert(self, run: str, change: Change) -> Status:
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
        still = plan(self.desired, now).edits
        if set(still) != set(change.edits):
            raise ApplyFailed(
                "its rules are neither those of before nor those that were wanted",
                "Look at the router; a copy of its rules is below /var/lib/lvsfleet/runs",
            )
        return Status.REVERTED
