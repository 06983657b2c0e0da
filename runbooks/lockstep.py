"""Change several routers as one: each stage on all of them before the next, all of them or none.

The run is armed on every router that it begins on. It is confirmed only when the last stage was
seen on all of them; whatever goes wrong before that is taken back everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from typing import TYPE_CHECKING, Protocol

from inventory.errors import LvsfleetError
from runbooks.clusters import Clusters
from runbooks.engine import Fleet, Job
from runbooks.journal import Journal
from runbooks.outcomes import outcome_of
from runbooks.rolling import ASKED
from tasks.backends.protocol import Change
from tasks.errors import ApplyFailed, ClusterUnsettled, NotReady, RouterError
from tasks.keepalived.change import WHAT as KEEPALIVED
from tasks.keepalived.complaints import compare
from tasks.look import Look
from tasks.observe import Observed
from tasks.outcome import Outcome, Status
from tasks.parts import behind, joined, names, superseded
from tasks.rollout import connections_of, step_of
from tasks.shell import Shell
from tasks.standing import Standing
from tasks.work import LOST, Work

if TYPE_CHECKING:
    from nornir.core.task import Result, Task


_FOR_ONE = 30.0
"""Seconds for a router that is alone in its cluster to be told that it is: nobody waits for it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What all routers do before any goes on.

    Attributes:
        said: what it is, for whoever watches.
        plan: from a router's name and what it is to what it still needs for this.
        saved: what it does is saved with the run; else a later stage says what is.
        canary: one BACKUP does it first, and is seen to have it.
        then: what must be so after it on the cluster: gives what is not yet, in words; asked again
            until it is, or ``patience`` is over.
        patience: seconds for that.
        check: done once after it; raises a RouterError where all is to be taken back.
        together: only where all routers are still to be changed; where one has all of it already,
            they are not alike until the others have, too.
        ahead: what it does is done along with the stage before it already, but not read by
            keepalived until it is this one's turn.
        seen: each router is looked at when it has done it; else the next stage's look is enough.
    """

    said: str
    plan: Callable[[str, Observed], Change]
    saved: bool = True
    canary: bool = False
    then: Callable[[Mapping[str, Standing]], str] | None = None
    patience: float = 10.0
    check: Callable[[], None] | None = None
    together: bool = False
    ahead: bool = False
    seen: bool = True


class Ending(Protocol):
    """What a run does besides its routers, and what sees to it that nothing stays half done."""

    @property
    def pending(self) -> bool:
        """Whether there is something to do besides the routers."""
        ...

    def begins(self, journal: Journal) -> None:
        """The first router is going to be changed.

        Raises:
            LvsfleetError: it must not be; nothing was changed.
        """
        ...

    def finish(self) -> None:
        """All routers have it: do the rest, e.g. write the inventory.

        Raises:
            LvsfleetError: that could not be done.
        """
        ...

    def over(self, outcomes: Mapping[str, Outcome]) -> None:
        """Nothing more is done; what came of all routers."""
        ...


@dataclass
class _Router:
    """One router's part.

    Attributes:
        work: its run.
        seen: the look that it began with.
        before: what it was then.
        now: what it is.
        shell: over the connection that was made when all of its change was there.
        parts: how many there are.
        unread: the part with files that keepalived is still to read.
        listed_anew: keepalived was told to read other files.
        error: what went wrong on it, first.
    """

    work: Work
    seen: Look
    before: Observed
    now: Observed
    shell: Shell | None = None
    parts: int = 0
    unread: str = ""
    listed_anew: bool = False
    error: RouterError | None = None


@dataclass
class Lockstep:
    """One change of several routers that ends as a whole; used as `runbooks.rolling.Rolling` is.

    Attributes:
        fleet: what runs on the routers.
        jobs: what each is to be brought to in the end.
        stages: on the way there.
        ending: what is done besides, when all are confirmed.
        look: how all are looked at before anything is changed.
        waves, outcomes, stopped, journal: as of `Rolling`.
    """

    fleet: Fleet
    jobs: Mapping[str, Job]
    stages: Sequence[Stage]
    ending: Ending | None = None
    look: Callable[[Fleet, Mapping[str, Job]], dict[str, Look | Outcome]] = Fleet.look
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    waves: list[list[str]] = field(default_factory=list)
    stopped: str = ""
    journal: Journal | None = None

    def __post_init__(self) -> None:
        self.clusters = Clusters(self.fleet)
        self._routers: dict[str, _Router] = {}
        self._open = ExitStack()

    def run(self) -> tuple[Outcome, ...]:
        """Do it; one outcome for each job, in their order.

        Raises:
            LvsfleetError: the journal cannot be written; nothing was changed.
        """
        looks = self.look(self.fleet, self.jobs)
        self.outcomes = {
            name: seen if isinstance(seen, Outcome) else seen.outcome()
            for name, seen in looks.items()
        }
        ready = {name: seen for name, seen in looks.items() if isinstance(seen, Look)}
        failed = [n for n, each in self.outcomes.items() if each.status is Status.FAILED]
        todo = [name for name, seen in ready.items() if seen.needs_change]
        self.waves = [todo] if todo else []
        if failed:
            self._refuse(todo, f"{' and '.join(failed)} failed: all of them change, or none")
        elif todo and self._settled(todo):
            if self.fleet.stop.gently:
                self.stopped = ASKED
            elif not self.fleet.policy.dry_run:
                with self._open:
                    self._change({name: ready[name] for name in todo})
        elif not todo and not self.fleet.policy.dry_run and not self.fleet.stop.gently:
            self._only_finish()
        return tuple(self.outcomes[name] for name in self.jobs)

    def _only_finish(self) -> None:
        """The routers have it: what is left is a run all the same."""
        if self.ending is None:
            return
        if self.ending.pending:
            self.journal = self.fleet.journal()
            self.ending.begins(self.journal)
            self._finish()
            self.journal.end(stopped=self.stopped)
        self.ending.over(self.outcomes)

    def _refuse(self, todo: Iterable[str], why: str) -> None:
        self.stopped = why
        for name in todo:
            self._end(Outcome(name, Status.SKIPPED))

    def _settled(self, todo: Sequence[str]) -> bool:
        if self.fleet.policy.now:
            return True
        self.clusters.learn(todo, ())
        for name in todo:
            trouble = self.clusters.trouble_of(name)
            if trouble:
                error = ClusterUnsettled(
                    f"cluster {self.clusters.of(name)}: {trouble}",
                    "Mend keepalived first; --now goes on all the same",
                )
                self._end(replace(self.outcomes[name], status=Status.FAILED, error=error))
        return not any(each.status is Status.FAILED for each in self.outcomes.values())

    def _change(self, looks: Mapping[str, Look]) -> None:
        journal = self.journal = self.fleet.journal()
        for name, seen in looks.items():
            if seen.change is not None:
                cluster = self.clusters.of(name)
                journal.plan(name, seen.change.edits, seen.change.backend.value, cluster)
        journal.wave(1, list(looks))
        if self.ending is not None:
            self.ending.begins(journal)
        options = replace(self.fleet.options, recorder=journal)
        self.until = time.monotonic() + options.confirm_timeout
        for name, seen in looks.items():
            if seen.observed is None:
                continue
            job, host = self.jobs[name], self.fleet.nornir.inventory.hosts[name]
            connections = connections_of(host, options.patience)
            work = Work(
                job.desired, job.planner, connections, lambda _, do: do(), options, ask=job.ask
            )
            self._routers[name] = _Router(work, seen, seen.observed, seen.observed)
        try:
            self._stages()
            self._confirm()
        except RouterError as error:
            self._take_back(error)
        for name in looks:
            journal.outcome(self.outcomes[name])
        journal.end(interrupted=self.fleet.stop.gently, stopped=self.stopped)
        if self.ending is not None:
            self.ending.over(self.outcomes)

    # -- the stages ---------------------------------------------------------------------------

    def _stages(self) -> None:
        whole = len(self._routers) == len(self.jobs)
        due = [stage for stage in self.stages if whole or not stage.together]
        for stage, following in zip(due, [*due[1:], None], strict=True):
            makes = [stage, following] if following is not None and following.ahead else [stage]
            plan: Callable[[str, Observed], Change] = partial(_planned, makes)
            changes = {name: plan(name, each.now) for name, each in self._routers.items()}
            todo = [name for name, change in changes.items() if change.edits]
            concerned = ", ".join(dict.fromkeys((*todo, *self._unread())))
            self.fleet.processor.note(f"{stage.said}: {concerned or 'there already'}.")
            groups = self._groups(stage, todo)
            for group in groups:
                self._refuse_to_go_on()
                make = partial(self._make, {name: changes[name] for name in group}, stage.saved)
                self._each(group, "change", make)
                # Behind the last stage all of it is seen anyway.
                if stage.seen and following is not None:
                    alone = group is not groups[-1]
                    self._each(group, "verify", partial(self._verify, plan, alone))
            if makes == [stage]:
                self._read_again(self._unread())
            self._wait(stage)
            if stage.check is not None:
                stage.check()

    def _groups(self, stage: Stage, todo: list[str]) -> list[list[str]]:
        """One BACKUP alone, then the others; all at once in an emergency."""
        backups = [name for name in todo if not self.clusters_master(name)]
        if not stage.canary or self.fleet.policy.now or not backups or todo == backups[:1]:
            return [todo] if todo else []
        return [backups[:1], [name for name in todo if name != backups[0]]]

    def clusters_master(self, name: str) -> bool:
        """Whether a router held a VIP when the run began."""
        return not self.fleet.policy.now and self.clusters.is_master(name)

    def _refuse_to_go_on(self) -> None:
        if self.fleet.stop.gently:
            raise ApplyFailed("it was asked to stop", "Run again")

    def _unread(self) -> list[str]:
        """Where keepalived is still to read files."""
        return [name for name, each in self._routers.items() if each.unread]

    def _make(self, changes: Mapping[str, Change], saved: bool, router: _Router, name: str) -> None:
        change = behind(router.parts, changes[name])
        self._advance(router, change if saved else superseded(change))
        for part in names(change):
            if part.endswith(f"-{KEEPALIVED}"):
                router.unread = part

    def _advance(self, router: _Router, change: Change) -> None:
        work, run = router.work, self.fleet.options.run
        if not router.parts:
            work.record(change, router.before, run)
            left = self.until - time.monotonic()
            if left < 1:
                raise NotReady(
                    "there is no time left until the others take it back", "Give more time"
                )
            work.noted("begin", lambda: work.begin(change, router.before, run, seconds=left))
        else:
            work.noted("advance", lambda: work.advance(change, run))
        router.parts += len(names(change))
        new = compare(work.told.get("before", ""), work.told.get("after", ""))
        if new:
            raise ApplyFailed(
                f"keepalived complains of its files as they would be: {'; '.join(new)}",
                "Look at them: nothing of this is left there",
            )

    def _read_again(self, names: Sequence[str]) -> None:
        """Keepalived reads its files on all of them at once.

        Each takes the run back by itself when the others have not done so in a third of the time
        after which a BACKUP that hears no advert of its own takes over.
        """
        if not names:
            return
        self._refuse_to_go_on()
        alone = self.clusters.seconds_to_notice(names) / 3 if len(names) > 1 else _FOR_ONE
        run = self.fleet.options.run

        def reread(router: _Router, _: str) -> None:
            router.listed_anew = True
            work = router.work
            work.noted("reread", lambda: work.reread(router.unread, run, alone=alone))

        def follow(router: _Router, _: str) -> None:
            work = router.work
            work.noted("follow", lambda: work.follow(router.unread, run))
            router.unread = ""

        self._each(names, "reread", reread)
        self._each(names, "follow", follow)

    def _verify(
        self, plan: Callable[[str, Observed], Change], canary: bool, router: _Router, name: str
    ) -> None:
        """Over a connection of its own where others follow; all are seen so in the end."""
        work = router.work
        with ExitStack() as stack:
            new = stack.enter_context(work.connections.fresh()) if canary else None
            shell = new or work.connections.first()
            see = partial(work.look, shell, partial(plan, name))
            router.now = work.noted("verify", see)

    def _wait(self, stage: Stage) -> None:
        if stage.then is None:
            return
        end = time.monotonic() + stage.patience
        while True:
            trouble = stage.then(self.fleet.standings(self.jobs))
            if not trouble:
                return
            if time.monotonic() > end:
                raise ApplyFailed(trouble, "Look at keepalived there: journalctl -u keepalived")
            self._refuse_to_go_on()
            time.sleep(0.1)

    # -- the end ------------------------------------------------------------------------------

    def _confirm(self) -> None:
        """All is seen once more, over new connections; then it is for good."""
        begun = [name for name, each in self._routers.items() if each.parts]

        def see(router: _Router, _: str) -> None:
            work = router.work
            router.shell = shell = self._open.enter_context(work.connections.fresh())
            router.now = work.noted("verify", lambda: work.look(shell, work.planner))
            work.check_keepalived(router.before, router.now)

        def commit(router: _Router, _: str) -> None:
            work, shell = router.work, router.shell
            if shell is not None:
                work.noted("commit", lambda: work.commit(shell, self.fleet.options.run))

        self._each(begun, "verify", see)
        self._refuse_to_go_on()
        self._each(begun, "commit", commit)
        for name in begun:
            self._end(self._routers[name].seen.outcome(Status.CHANGED))
        self._finish()

    def _finish(self) -> None:
        if self.ending is None:
            return
        try:
            self.ending.finish()
        except LvsfleetError as error:
            said = ". ".join(filter(None, (error.message, error.hint)))
            self.stopped = f"the routers have it, but: {said}"

    def _take_back(self, why: RouterError) -> None:
        """On all that have begun, at once; those that have not are as they were."""
        self.stopped = why.message
        begun = [
            name
            for name, each in self._routers.items()
            if each.parts or isinstance(each.error, (ApplyFailed, *LOST))
        ]

        self._await_silent(begun)

        def back(router: _Router, _: str) -> None:
            with_others = f"taken back with the others: {why.message}"
            error = router.error or ApplyFailed(with_others, why.hint)
            self._end(router.work.take_back(router.seen, self.fleet.options.run, error))

        self._all(begun, "revert", back)
        for name, each in self._routers.items():
            if name not in begun:
                status = Status.FAILED if each.error else Status.SKIPPED
                self._end(replace(each.seen.outcome(status), error=each.error))

    def _await_silent(self, begun: Sequence[str]) -> None:
        """Where one that lists other VIPs by now cannot be told, all wait for the same timer."""
        anew = [name for name in begun if self._routers[name].listed_anew]
        if len(anew) <= 1:
            return
        answering = self.fleet.standings(anew)
        silent = [name for name in anew if name not in answering]
        left = self.until - time.monotonic()
        if not silent or left <= 0:
            return
        self.fleet.processor.note(
            f"{' and '.join(silent)} cannot be told to take it back, and does so by itself in"
            f" {left:.0f} s: all of them do so then, or there would be two MASTERs."
        )
        end = time.monotonic() + left
        while (left := end - time.monotonic()) > 0 and not self.fleet.stop.at_once:
            time.sleep(min(0.1, left))

    def _end(self, outcome: Outcome) -> None:
        self.outcomes[outcome.router] = outcome
        self.fleet.processor.done(outcome)

    # -- all routers at once ------------------------------------------------------------------

    def _each(self, routers: Iterable[str], name: str, do: Callable[[_Router, str], None]) -> None:
        """The same on all of them, in parallel.

        Raises:
            RouterError: the first one's that failed, when all have ended.
        """
        self._all(routers, name, do)
        errors = [(n, r.error) for n, r in self._routers.items() if r.error is not None]
        for router, error in errors:
            raise type(error)(f"{router}: {error.message}", error.hint)

    def _all(self, routers: Iterable[str], name: str, do: Callable[[_Router, str], None]) -> None:
        def task_of(task: Task) -> Result:
            from nornir.core.task import Result  # noqa: PLC0415 - nornir is slow to import

            router = self._routers[task.host.name]
            router.work.step = step_of(task)
            try:
                do(router, task.host.name)
            except RouterError as error:
                router.error = router.error or error
            return Result(host=task.host)

        with self.fleet.processor.silently():
            results = self.fleet.on_each(routers, name, task_of)
        for router, result in results.items():
            if result.failed and self._routers[router].error is None:
                self._routers[router].error = outcome_of(router, result).error


def _planned(stages: Sequence[Stage], name: str, observed: Observed) -> Change:
    """What a router still needs for these stages, as one change."""
    return reduce(joined, (stage.plan(name, observed) for stage in stages))
