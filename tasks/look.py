"""The look at one router: what it is, and the change that it needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from inventory.desired import Desired
from inventory.rules import Address
from tasks.backends.protocol import Change
from tasks.checks.ours import leftovers
from tasks.errors import RouterError
from tasks.observe import Observed, observe
from tasks.outcome import Finding, Outcome, Status
from tasks.record import Recorder, Unrecorded
from tasks.retry import LATEST as PATIENCE
from tasks.shell import Shell

T = TypeVar("T")

Planner = Callable[[Observed], Change]
"""From what a router is to the change that it needs; raises a RouterError where there is none."""

Beside = Callable[[Desired, Observed, Change], Iterable[Finding]]
"""What else is to be told of a router, beside the change that it needs."""


class Ask(Protocol):
    """How a router is looked at."""

    def __call__(self, shell: Shell, desired: Desired, /, *, deadline: float) -> Observed:
        """See `tasks.observe.observe`."""
        ...


class Step(Protocol):
    """How a phase is run, so that whoever watches sees its name."""

    def __call__(self, name: str, do: Callable[[], T], /) -> T:
        """Run ``do`` as the phase ``name`` and give its result; its errors pass through."""
        ...


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


@dataclass(frozen=True, slots=True)
class Options:
    """How one router is changed.

    Attributes:
        run: the run's name; letters, digits and dashes.
        who: who runs it, for whoever meets the router's lock; one word.
        timeout: seconds for one router, without taking a change back.
        patience: seconds for connecting to it.
        confirm_timeout: seconds until a router takes an unconfirmed change back on its own.
        break_lock: take the lock of a run that has nothing to do on the router any more.
        steady: a change that moves a VIP is taken back.
        recorder: where it is noted what is about to be done.
    """

    run: str
    who: str = "lvsfleet"
    timeout: float = 120.0
    patience: float = PATIENCE
    confirm_timeout: float = 60.0
    break_lock: bool = False
    steady: bool = True
    recorder: Recorder = field(default_factory=Unrecorded)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a router gave.

    Attributes:
        router: its name.
        observed: what it is; None where it could not be asked.
        change: what it needs; None where that could not be planned.
        error: why not; None where all went well.
        seconds: how long it took.
    """

    router: str
    observed: Observed | None = None
    change: Change | None = None
    error: RouterError | None = None
    seconds: float = 0.0

    @property
    def needs_change(self) -> bool:
        """Whether something is to be done."""
        return self.error is None and self.change is not None and bool(self.change.edits)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the plan saw, and what earlier runs left behind."""
        planned = self.change.findings if self.change else ()
        return (*planned, *(leftovers(self.observed) if self.observed else ()))

    def outcome(self, status: Status | None = None) -> Outcome:
        """What came of the router if it is only looked at.

        Args:
            status: how it is left; by default what the look says.
        """
        change = self.change
        if status is None:
            wanted = Status.PLANNED if self.needs_change else Status.UNCHANGED
            status = Status.FAILED if self.error else wanted
        return Outcome(
            router=self.router,
            status=status,
            backend=change.backend.value if change else "",
            changes=change.edits if change else (),
            findings=self.findings,
            error=self.error,
            seconds=self.seconds,
            commands=change.commands if change else (),
            diffs=change.diffs if change else {},
        )


def nothing(_desired: Desired, _observed: Observed, _change: Change) -> tuple[Finding, ...]:
    """A `Beside` that tells nothing."""
    return ()


def look(
    desired: Desired,
    planner: Planner,
    *,
    connections: Connections,
    step: Step,
    options: Options,
    beside: Beside = nothing,
    ask: Ask = observe,
) -> Look:
    """Ask one router and plan its change; an error is part of the value."""
    begun = time.monotonic()
    observed: Observed | None = None
    change: Change | None = None
    error: RouterError | None = None
    try:
        observed = step(
            "observe",
            lambda: connections.read(lambda shell: ask(shell, desired, deadline=options.timeout)),
        )
        seen = observed
        change = step("plan", lambda: planner(seen))
        change = replace(change, findings=(*change.findings, *beside(desired, seen, change)))
    except RouterError as problem:
        error = problem
    return Look(desired.router, observed, change, error, time.monotonic() - begun)


def held(desired: Desired, observed: Observed) -> frozenset[Address]:
    """The VIPs of the router's services that it holds."""
    return observed.addresses.intersection(v for each in desired.services for v in each.vips)
