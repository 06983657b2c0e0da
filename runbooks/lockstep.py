"""Change several routers as one: each stage on all of them before the next, all of them or none.

The run is armed on every router that it begins on. It is confirmed only when the last stage was
seen on all of them; whatever goes wrong before that is taken back everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from inventory.errors import LvsfleetError
from runbooks.abreast import Abreast, Member
from runbooks.clusters import Clusters
from runbooks.engine import Fleet, Job
from runbooks.journal import Journal
from runbooks.rolling import ASKED
from runbooks.stages import Ending, Stage
from runbooks.staging import Staging
from runbooks.takeback import take_back
from tasks.errors import ClusterUnsettled, RouterError
from tasks.look import Look
from tasks.outcome import Outcome, Status
from tasks.rollout import connections_of
from tasks.work import Work


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
                with ExitStack() as opened:
                    self._change({name: ready[name] for name in todo}, opened)
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

    def _change(self, looks: Mapping[str, Look], opened: ExitStack) -> None:
        journal = self.journal = self.fleet.journal()
        for name, seen in looks.items():
            if seen.change is not None:
                cluster = self.clusters.of(name)
                journal.plan(name, seen.change.edits, seen.change.backend.value, cluster)
        journal.wave(1, list(looks))
        if self.ending is not None:
            self.ending.begins(journal)
        abreast = self._abreast(looks, journal)
        try:
            Staging(abreast, self.jobs, self.clusters).go(self.stages)
            self._confirm(abreast, opened)
        except RouterError as error:
            self.stopped = error.message
            take_back(abreast, error, self._end)
        for name in looks:
            journal.outcome(self.outcomes[name])
        journal.end(interrupted=self.fleet.stop.gently, stopped=self.stopped)
        if self.ending is not None:
            self.ending.over(self.outcomes)

    def _abreast(self, looks: Mapping[str, Look], journal: Journal) -> Abreast:
        options = replace(self.fleet.options, recorder=journal)
        fleet = replace(self.fleet, runner=self.fleet.runner.abreast(len(looks)))
        abreast = Abreast(fleet, until=time.monotonic() + options.confirm_timeout)
        for name, seen in looks.items():
            if seen.observed is None:
                continue
            job, host = self.jobs[name], self.fleet.nornir.inventory.hosts[name]
            connections = connections_of(host, options.patience)
            work = Work(
                job.desired, job.planner, connections, lambda _, do: do(), options, ask=job.ask
            )
            abreast.members[name] = Member(work, seen, seen.observed, seen.observed)
        return abreast

    def _confirm(self, abreast: Abreast, opened: ExitStack) -> None:
        """All is seen once more, over new connections; then it is for good."""
        begun = [name for name, each in abreast.members.items() if each.parts]

        def see(member: Member, _: str) -> None:
            work = member.work
            member.shell = shell = opened.enter_context(work.connections.fresh())
            member.now = work.noted("verify", lambda: work.look(shell, work.planner))
            work.check_keepalived(member.before, member.now)

        def commit(member: Member, _: str) -> None:
            work, shell = member.work, member.shell
            if shell is not None:
                work.noted("commit", lambda: work.commit(shell, self.fleet.options.run))

        abreast.each(begun, "verify", see)
        abreast.refuse_to_go_on()
        abreast.each(begun, "commit", commit)
        for name in begun:
            self._end(abreast.members[name].seen.outcome(Status.CHANGED))
        self._finish()

    def _finish(self) -> None:
        if self.ending is None:
            return
        try:
            self.ending.finish()
        except LvsfleetError as error:
            said = ". ".join(filter(None, (error.message, error.hint)))
            self.stopped = f"the routers have it, but: {said}"

    def _end(self, outcome: Outcome) -> None:
        self.outcomes[outcome.router] = outcome
        self.fleet.processor.done(outcome)
