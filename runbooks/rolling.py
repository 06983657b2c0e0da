"""Change a fleet: look at all, then wave by wave, each only when the last one turned out well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from runbooks import holding
from runbooks.clusters import Clusters
from runbooks.engine import FAILURES, Fleet, Job
from runbooks.journal import Journal, read
from runbooks.policy import OnFailure
from runbooks.putback import PutBack
from runbooks.waves import Candidate, waves
from tasks.errors import ClusterUnsettled
from tasks.look import Look
from tasks.outcome import Outcome, Status

ASKED = "it was asked to stop"


@dataclass
class Rolling:
    """One change of the fleet, and what has come of it so far.

    Attributes:
        fleet: what runs on the routers.
        jobs: what each router is to be brought to.
        outcomes: what came of each router that is finished.
        looks: of the routers that need a change.
        waves: the routers in the order in which they were, or would be, changed.
        changed: those that were, in that order.
        stopped: why the run went no further, or what is wrong at its end; empty where all went on.
        journal: of the run; None where it never came to a change.
    """

    fleet: Fleet
    jobs: Mapping[str, Job]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    looks: dict[str, Look] = field(default_factory=dict)
    waves: list[list[str]] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    stopped: str = ""
    journal: Journal | None = None

    def __post_init__(self) -> None:
        self.clusters = Clusters(self.fleet)
        self._silent: list[str] = []

    def run(self) -> tuple[Outcome, ...]:
        """Do it; one outcome for each job, in their order.

        Raises:
            LvsfleetError: the journal cannot be written; nothing was changed.
        """
        self._look()
        todo = list(self.looks)
        if todo and not self.fleet.policy.now and not self.fleet.stop.gently:
            todo = self._settled(todo)
        if self.fleet.stop.gently:
            self.stopped = ASKED
            self._skip(todo)
        else:
            self._plan_waves(todo)
            if self.fleet.policy.dry_run:
                self.outcomes |= {name: self.looks[name].outcome() for name in todo}
            elif todo:
                self._journaled()
        return tuple(self.outcomes[name] for name in self.jobs)

    def _look(self) -> None:
        for name, seen in self.fleet.look(self.jobs).items():
            if isinstance(seen, Outcome) or seen.observed is None:
                self._silent.append(name)
            if isinstance(seen, Outcome):
                self.outcomes[name] = seen
            elif seen.needs_change:
                self.looks[name] = seen
            else:
                self.outcomes[name] = seen.outcome()

    def _settled(self, todo: Sequence[str]) -> list[str]:
        """Those whose cluster is whole and has one MASTER; the others end before anything begins.

        Two MASTERs are an error; who stands beside a router that fails is held back.
        """
        todo = self._going_on(todo)  # first, since roles that nobody tells would be waited for
        self.clusters.learn(todo, self._silent)
        ready: list[str] = []
        for name in self._going_on(todo):
            trouble = self.clusters.trouble_of(name)
            if not trouble:
                ready.append(name)
                continue
            error = ClusterUnsettled(
                f"cluster {self.clusters.of(name)}: {trouble}",
                "Mend keepalived first; or, if this change is what mends it, --now makes it"
                " without waiting for one MASTER",
            )
            self._finish(replace(self.looks[name].outcome(Status.FAILED), error=error))
        return ready

    def _going_on(self, routers: Sequence[str]) -> list[str]:
        """Those beside which no router of their cluster has failed; the others are held back."""
        policy = self.fleet.policy
        if policy.now or policy.on_failure is OnFailure.CONTINUE:
            return list(routers)
        ready: list[str] = []
        for name in routers:
            cluster = self.clusters.of(name)
            others = [each for n, each in self.outcomes.items() if self.clusters.of(n) == cluster]
            error = holding.reason(cluster, others, self.clusters.silent_beside(name))
            if cluster is None or error is None:
                ready.append(name)
            else:
                self._finish(replace(self.looks[name].outcome(Status.SKIPPED), error=error))
        return ready

    def _finish(self, outcome: Outcome) -> None:
        """A router's end that no task of its own came to."""
        self.outcomes[outcome.router] = outcome
        self.fleet.processor.done(outcome)

    def _skip(self, routers: Sequence[str]) -> None:
        for name in routers:
            if name not in self.outcomes:
                self._finish(Outcome(name, Status.SKIPPED))

    def _plan_waves(self, todo: Sequence[str]) -> None:
        if self.fleet.policy.now:
            self.waves = [list(todo)] if todo else []
            return
        candidates = [
            Candidate(name, self.clusters.of(name), self.clusters.is_master(name)) for name in todo
        ]
        self.waves = waves(candidates, self.fleet.policy.batch)

    def _journaled(self) -> None:
        """Roll, with a journal. What fell out before has its end in there from the beginning."""
        journal = self.journal = self.fleet.journal()
        self.fleet.options = replace(self.fleet.options, recorder=journal)
        for name in self._in_order():
            change = self.looks[name].change
            if change is not None:
                journal.plan(name, change.edits, change.backend.value, self.clusters.of(name))
        early = dict(self.outcomes)
        for outcome in early.values():
            if outcome.status is not Status.UNCHANGED:
                journal.outcome(outcome)
        try:
            self._roll(journal)
        finally:
            for name, outcome in self.outcomes.items():
                if name not in early:
                    journal.outcome(outcome)
            journal.end(interrupted=self.fleet.stop.gently, stopped=self.stopped)

    def _in_order(self) -> list[str]:
        return [name for wave in self.waves for name in wave]

    def _roll(self, journal: Journal) -> None:
        for number, wave in enumerate(self.waves, start=1):
            self._pause(number)
            if self.fleet.stop.gently:
                self.stopped = self.stopped or ASKED
            if self.stopped:
                break
            ready = self._going_on(wave)
            if not ready:
                continue
            if len(self.waves) > 1:
                word = ", the canary" if number == 1 else ""
                said = f"Wave {number} of {len(self.waves)}{word}: {', '.join(ready)}"
                self.fleet.processor.note(said)
            journal.wave(number, ready)
            self._change(ready)
            if not self.fleet.stop.gently:  # no router is asked anything any more
                self.stopped = self._why_stop(number)
        self._skip(self._in_order())
        if self.stopped and self.fleet.policy.on_failure is OnFailure.ROLLBACK:
            self._put_back(journal)

    def _put_back(self, journal: Journal) -> None:
        if self.fleet.stop.gently or not self.changed:
            return
        back = PutBack(self.fleet, read(journal.folder.name))
        for name in reversed(self.changed):
            self._finish(back.router(self.outcomes[name]))
        self.stopped += f"; run {back.run} put back what had been changed"
        back.end()

    def _pause(self, number: int) -> None:
        seconds = self.fleet.policy.pause
        if number > 1 and seconds and not self.stopped and not self.fleet.stop.gently:
            self.fleet.processor.note(f"Pausing for {seconds:g} s.")
            self.fleet.stop.wait(seconds)
            if not self.fleet.stop.gently:
                self.stopped = self._roles_trouble(number, seconds=0.0)

    def _change(self, wave: Sequence[str]) -> None:
        options = replace(self.fleet.options, steady=not self.fleet.policy.now)
        jobs = {name: self.jobs[name] for name in wave}
        for name, outcome in self.fleet.bring(jobs, self.looks, options).items():
            self.outcomes[name] = outcome
            if outcome.status is Status.CHANGED:
                self.changed.append(name)

    def _why_stop(self, number: int) -> str:
        """Why no wave may come after this one; empty where one may."""
        policy = self.fleet.policy
        seconds = self._seconds_to_watch(self.waves[number - 1])
        trouble = self._roles_trouble(number, seconds=seconds)
        at_the_end = number == len(self.waves) and policy.on_failure is not OnFailure.ROLLBACK
        if trouble or at_the_end or policy.on_failure is OnFailure.CONTINUE:
            return trouble
        failed = [
            name
            for name in self._in_order()
            if name in self.outcomes and self.outcomes[name].status in FAILURES
        ]
        if not failed:
            return ""
        if number == 1 and len(self.waves) > 1:
            return f"the canary {failed[0]} failed"
        unknown = [name for name in failed if self.outcomes[name].status is Status.UNKNOWN]
        if unknown:
            return f"{unknown[0]} could not be verified"
        if len(failed) > policy.max_failures.of(len(self._in_order()), least=0):
            return f"{', '.join(failed)} failed"
        return ""

    def _roles_trouble(self, number: int, *, seconds: float) -> str:
        """What became of the roles in the clusters of the first ``number`` waves and the next."""
        if self.fleet.policy.now:
            return ""
        concerned = [name for wave in self.waves[: number + 1] for name in wave]
        return self.clusters.trouble_after(concerned, seconds=seconds)

    def _seconds_to_watch(self, wave: Sequence[str]) -> float:
        """How long it takes to notice that a wave shut VRRP out, if it may have."""
        changes = [
            self.looks[name].change
            for name in wave
            if self.outcomes[name].status not in {Status.FAILED, Status.SKIPPED}
        ]
        risky = any(change is not None and change.lets_in for change in changes)
        if not risky:
            return 0.0
        settle = self.fleet.policy.settle
        return self.clusters.seconds_to_notice(wave) if settle is None else settle
