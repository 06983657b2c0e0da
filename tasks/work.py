"""The run that changes one router, as its steps: begin, advance, verify, commit.

No Nornir and no SSH in here: the two connections and how a step is run are handed in.
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
    DeadlineExceeded,
    NotReady,
    NotUnderstood,
    RouterError,
    Unreachable,
)
from tasks.look import Ask, Connections, Options, Planner, Step, held
from tasks.observe import Observed, observe
from tasks.outcome import Where
from tasks.parts import backends
from tasks.sections import Section
from tasks.shell import Shell

T = TypeVar("T")

LOST = (Unreachable, DeadlineExceeded, NotUnderstood)
"""After one of these nobody knows how far the router got."""


class Work:
    """One run on one router.

    Args:
        desired: what the router should be; says how to ask it.
        planner: plans anew, to see what is still to be done.
        connections: the ways to the router.
        step: how a phase is run.
        options: the run's.
        ask: how the router is looked at.
    """

    def __init__(
        self,
        desired: Desired,
        planner: Planner,
        connections: Connections,
        step: Step,
        options: Options,
        *,
        ask: Ask = observe,
    ) -> None:
        self.desired = desired
        self.planner = planner
        self.connections = connections
        self.step = step
        self.options = options
        self.ask = ask
        self.until = time.monotonic() + options.timeout
        self.takes = 0.0
        self.run = ""  # that has begun on the router
        self.told: dict[str, str] = {}  # what keepalived says of its files before and after
        self.files: dict[str, Section] = {}  # keepalived's, as they were read last

    def record(self, change: Change, before: Observed, run: str) -> None:
        """Note what is about to begin.

        Raises:
            NotReady: the journal takes no more; nothing was changed.
        """
        # Of each packet filter that it changes it is to be seen what it is after that.
        self.desired = replace(self.desired, besides=backends(change))
        self.takes = change.takes
        self.until += self.takes
        try:
            self.options.recorder.keep(self.desired.router, "before", before.sections)
            self.options.recorder.note(self.desired.router, "begin", "starts", run)
        except OSError as error:
            raise NotReady(
                f"the journal cannot be written: {error.strerror or error}",
                "Make room where the journal is (lvsfleet history says where), then run again",
            ) from error

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
        """Write down where a step stands."""
        with suppress(OSError):  # the recorder remembers that it failed; the run's report says so
            self.options.recorder.note(self.desired.router, name, state, detail)

    def keep(self, name: str, sections: dict[str, Section]) -> None:
        """Keep what the router answered."""
        with suppress(OSError):  # as above
            self.options.recorder.keep(self.desired.router, name, sections)

    @property
    def confirm_timeout(self) -> float:
        """Seconds until the router takes the change back: the time that it takes is not counted."""
        return self.options.confirm_timeout + self.takes

    def left(self) -> float:
        """Seconds that are left for the next exchange."""
        return max(1.0, self.until - time.monotonic())

    def begin(
        self, change: Change, before: Observed, run: str, *, seconds: float | None = None
    ) -> None:
        """Have the router arm its revert and make the change; its snapshot is kept.

        Args:
            change: what to do.
            before: what it was planned for.
            run: the run's name.
            seconds: until the router takes it back; what the run's options say where None.

        Raises:
            ApplyFailed: the router refused the change; it is to be taken back.
            RouterError: of `LOST`, nobody knows; any other one, nothing was changed.
        """
        _refuse_half_seen(before)
        self.run = run
        snapshot = router.begin(
            self.connections.first(),
            change,
            run=run,
            who=self.options.who,
            confirm_timeout=round(self.confirm_timeout if seconds is None else seconds, 1),
            break_lock=self.options.break_lock,
            deadline=self.left(),
        )
        self.told = snapshot.tests
        self.keep("snapshot", {name: Section(text, 0) for name, text in snapshot.files.items()})

    def advance(self, change: Change, run: str) -> None:
        """Have the router make one more part of the run that it has begun.

        Raises:
            ApplyFailed: it could not be made; the run is to be taken back.
            RouterError: likewise, or nobody knows.
        """
        self.takes += change.takes
        self.until += change.takes
        shell = self.connections.first()
        self.told = router.advance(shell, change, run=run, deadline=self.left())

    def reread(self, part: str, run: str, *, alone: float) -> None:
        """Have keepalived read the files that a part wrote; see `tasks.change.reread`.

        Raises:
            RouterError: it could not be told, or nobody knows.
        """
        deadline = min(self.left(), alone)
        shell = self.connections.first()
        try:
            router.reread(shell, part, run=run, alone=alone, deadline=deadline)
        except DeadlineExceeded:
            raise DeadlineExceeded(
                f"keepalived was not told within {deadline:.1f} s to read its files: for longer it"
                " may not list other VIPs than its cluster's other routers, or both are MASTER",
                "Run again when it is less busy; a longer advert_int gives it more time",
            ) from None

    def follow(self, part: str, run: str) -> None:
        """Tell that the cluster's other routers have done so, too.

        Raises:
            RouterError: it came too late, or nobody knows.
        """
        router.follow(self.connections.first(), part, run=run, deadline=self.left())

    def verify(self, shell: Shell, before: Observed) -> Observed:
        """See over a new connection that the runtime is as wanted and nothing else moved.

        Raises:
            ApplyFailed: it is not; the change is to be taken back.
            RouterError: the router cannot be asked.
        """
        now = self.look(shell, self.planner)
        self.check_keepalived(before, now)  # first: it says why a VIP moved
        was, holds = held(self.desired, before), held(self.desired, now)
        if self.options.steady and was != holds:
            moved = ", ".join(str(vip) for vip in sorted(was ^ holds, key=str))
            raise ApplyFailed(
                f"a VIP moved while the change was made: {moved}",
                "Look at keepalived on the cluster's routers; --now changes them all the same",
            )
        return now

    def check_keepalived(self, before: Observed, now: Observed) -> None:
        """See that keepalived runs where it ran.

        Raises:
            ApplyFailed: it does not.
        """
        if before.units["keepalived"].active and not now.units["keepalived"].active:
            raise ApplyFailed(
                "keepalived stopped while the change was made",
                "Look at it there: journalctl -u keepalived",
            )

    def look(self, shell: Shell, planner: Planner) -> Observed:
        """See that nothing is left to be done in the runtime.

        Raises:
            ApplyFailed: something is.
            RouterError: the router cannot be asked.
        """
        now = self.ask(shell, self.desired, deadline=self.left())
        self.files = {n: each for n, each in now.sections.items() if n.startswith("keepalived:")}
        pending = planner(now).pending(Where.RUNTIME)
        if pending and {f"{self.run} {each}" for each in ("reverting", "unseen")} & {
            *now.leftovers
        }:
            raise ApplyFailed(
                "the router took the change back before it was confirmed",
                "Run again; where router or line are slow, with a longer --confirm-timeout",
            )
        if pending:
            raise ApplyFailed(
                "the router took the change, but does not have it:"
                f" {pending[0].op.value} {pending[0].rule} is still to be done",
                "Look at what else manages the packet filter there",
            )
        return now

    def commit(self, shell: Shell, run: str) -> None:
        """Win the claim against the router's revert, have it saved, and see that it is.

        Raises:
            ApplyFailed: it is not; the change is to be taken back.
            RouterError: the connection broke; nobody knows.
        """
        now = router.commit(shell, self.desired, run=run, deadline=self.left())
        pending = self.planner(now).edits
        if pending:
            raise ApplyFailed(
                "the router saved the change, but reads back something else:"
                f" {pending[0].op.value} {pending[0].rule} ({pending[0].where.value}) is still"
                " to be done",
                "Look at what else writes to those files",
            )
        self.keep("after", {**self.files, **now.sections})


def _refuse_half_seen(before: Observed) -> None:
    """Stop where another run is at work: half of what it does may be in what was seen.

    Raises:
        Locked: one is.
    """
    for run, _, state in (line.partition(" ") for line in before.leftovers):
        if before.lock and before.lock.split()[0] == run:
            raise router.locked(f"{state} {before.lock}")
