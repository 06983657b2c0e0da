"""Change a fleet: look at all, then wave by wave, each only when the last one turned out well."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from inventory.desired import Desired
from runbooks.engine import Fleet, Job
from runbooks.journal import Journal
from runbooks.policy import OnFailure
from runbooks.putback import job_back
from runbooks.roles import Roles, roles_of
from runbooks.settle import PATIENCE, settle
from runbooks.waves import Candidate, waves
from tasks.errors import ClusterUnsettled
from tasks.look import Look
from tasks.outcome import Outcome, Status

FAILURES = frozenset({Status.FAILED, Status.REVERTED, Status.UNKNOWN})


@dataclass
class Rolling:
    """One change of the fleet, and what has come of it so far.

    Attributes:
        fleet: what runs on the routers.
        jobs: what each router is to be brought to.
        outcomes: what came of each router that is finished.
        looks: of the routers that need a change.
        before: the roles in the clusters that will be touched, before anything was.
        waves: the routers in the order in which they were, or would be, changed.
        changed: those that were, in that order.
        stopped: why the run went no further; empty where it did.
    """

    fleet: Fleet
    jobs: Mapping[str, Job]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    looks: dict[str, Look] = field(default_factory=dict)
    before: dict[str, Roles] = field(default_factory=dict)
    waves: list[list[str]] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    stopped: str = ""

    def run(self) -> tuple[Outcome, ...]:
        """Do it; one outcome for each job, in their order.

        Raises:
            LvsfleetError: the journal cannot be written; nothing was changed.
        """
        policy = self.fleet.policy
        self._look()
        todo = list(self.looks)
        if todo and not policy.now:
            todo = self._settled(todo)
        self._plan_waves(todo)
        if policy.dry_run:
            for name in todo:
                self.outcomes[name] = self.looks[name].outcome()
        elif todo:
            journal = self._begin_journal()
            try:
                self._roll(journal)
            finally:
                self._end_journal(journal)
        return tuple(self.outcomes[name] for name in self.jobs)

    def _look(self) -> None:
        for name, seen in self.fleet.look(self.jobs).items():
            if isinstance(seen, Outcome):
                self.outcomes[name] = seen
            elif seen.needs_change:
                self.looks[name] = seen
            else:
                self.outcomes[name] = seen.outcome()

    def _cluster(self, router: str) -> str | None:
        return self.fleet.desired[router].cluster

    def _clusters(self, routers: Iterable[str]) -> dict[str, list[Desired]]:
        """The clusters of ``routers``, each with all of its routers."""
        names = {self._cluster(router) for router in routers}
        found: dict[str, list[Desired]] = {}
        for each in self.fleet.desired.values():
            if each.cluster is not None and each.cluster in names:
                found.setdefault(each.cluster, []).append(each)
        return found

    def _settled(self, todo: Sequence[str]) -> list[str]:
        """Those whose cluster has one MASTER; the others fail, before anything is touched."""
        clusters = self._clusters(todo)
        members = [each.router for group in clusters.values() for each in group]
        observed = {n: s.observed for n, s in self.looks.items() if s.observed is not None}
        observed |= self.fleet.observe([name for name in members if name not in observed])
        self.before = {name: roles_of(name, group, observed) for name, group in clusters.items()}
        if any(roles.trouble for roles in self.before.values()):
            self._wait_for_roles(clusters)
        ready: list[str] = []
        for name in todo:
            own = self._cluster(name)
            trouble = self.before[own].trouble if own is not None else ""
            if not trouble:
                ready.append(name)
                continue
            error = ClusterUnsettled(
                f"cluster {own}: {trouble}",
                "Mend keepalived first; or, if this change is what mends it, --now makes it"
                " without waiting for one MASTER",
            )
            self._finish(replace(self.looks[name].outcome(Status.FAILED), error=error))
        return ready

    def _wait_for_roles(self, clusters: Mapping[str, list[Desired]]) -> None:
        """Routers that have just booted take a moment to find out who is MASTER."""
        self.fleet.processor.note("Waiting for each cluster to have one MASTER.")
        last = time.monotonic() + PATIENCE
        while any(roles.trouble for roles in self.before.values()):
            if time.monotonic() > last or self.fleet.stop.gently:
                return
            self.fleet.stop.wait(0.5)
            members = [each.router for group in clusters.values() for each in group]
            seen = self.fleet.observe(members)
            self.before = {name: roles_of(name, group, seen) for name, group in clusters.items()}

    def _finish(self, outcome: Outcome) -> None:
        """A router's end that no task of its own came to."""
        self.outcomes[outcome.router] = outcome
        self.fleet.processor.done(outcome)

    def _plan_waves(self, todo: Sequence[str]) -> None:
        if self.fleet.policy.now:
            self.waves = [list(todo)] if todo else []
            return
        candidates = []
        for name in todo:
            cluster = self._cluster(name)
            master = cluster is not None and self.before[cluster].is_master(name)
            candidates.append(Candidate(name, cluster, master))
        self.waves = waves(candidates, self.fleet.policy.batch)

    def _begin_journal(self) -> Journal:
        journal = self.fleet.journal()
        self.fleet.options = replace(self.fleet.options, recorder=journal)
        for name in (name for wave in self.waves for name in wave):
            change = self.looks[name].change
            if change is not None:
                journal.plan(name, change.edits, change.backend.value, self._cluster(name))
        return journal

    def _end_journal(self, journal: Journal) -> None:
        for name, outcome in self.outcomes.items():
            if name in self.looks:
                journal.outcome(outcome)
        journal.end(interrupted=self.fleet.stop.gently, stopped=self.stopped)

    def _roll(self, journal: Journal) -> None:
        for number, wave in enumerate(self.waves, start=1):
            self._pause(number)
            if self.fleet.stop.gently:
                self.stopped = "it was asked to stop"
            if self.stopped:
                break
            if len(self.waves) > 1:
                word = ", the canary" if number == 1 else ""
                said = f"Wave {number} of {len(self.waves)}{word}: {', '.join(wave)}"
                self.fleet.processor.note(said)
            journal.wave(number, wave)
            self._change(wave)
            self.stopped = self._why_stop(wave, canary=number == 1)
        for name in (name for wave in self.waves for name in wave):
            if name not in self.outcomes:
                self._finish(Outcome(name, Status.SKIPPED))
        if self.stopped and self.fleet.policy.on_failure is OnFailure.ROLLBACK:
            self._put_back(journal)

    def _pause(self, number: int) -> None:
        seconds = self.fleet.policy.pause
        if number > 1 and seconds and not self.stopped and not self.fleet.stop.gently:
            self.fleet.processor.note(f"Pausing for {seconds:g} s.")
            self.fleet.stop.wait(seconds)

    def _change(self, wave: Sequence[str]) -> None:
        options = replace(self.fleet.options, steady=not self.fleet.policy.now)
        jobs = {name: self.jobs[name] for name in wave}
        for name, outcome in self.fleet.bring(jobs, self.looks, options).items():
            self.outcomes[name] = outcome
            if outcome.status is Status.CHANGED:
                self.changed.append(name)

    def _why_stop(self, wave: Sequence[str], *, canary: bool) -> str:
        """Why no further wave may begin; empty where one may."""
        trouble = self._roles_trouble(wave)
        if trouble:
            return trouble
        tried = [name for each in self.waves for name in each if name in self.outcomes]
        failed = [name for name in tried if self.outcomes[name].status in FAILURES]
        if not failed or self.fleet.policy.on_failure is OnFailure.CONTINUE:
            return ""
        if canary and not self.fleet.policy.now:
            return f"the canary {failed[0]} failed"
        unknown = [name for name in failed if self.outcomes[name].status is Status.UNKNOWN]
        if unknown:
            return f"{unknown[0]} could not be verified"
        whole = sum(len(each) for each in self.waves)
        if len(failed) > self.fleet.policy.max_failures.of(whole, least=0):
            return f"{', '.join(failed)} failed"
        return ""

    def _roles_trouble(self, wave: Sequence[str]) -> str:
        """What became of the roles in the clusters that the wave touched."""
        touched = [name for name in wave if self.outcomes[name].status is not Status.FAILED]
        clusters = self._clusters(touched)
        if self.fleet.policy.now or not clusters:
            return ""
        changes = [self.looks[name].change for name in touched]
        risky = any(change is not None and change.lets_in for change in changes)
        members = [each.router for group in clusters.values() for each in group]

        def now() -> list[tuple[Roles, Roles]]:
            observed = self.fleet.observe(members)
            return [
                (self.before[cluster], roles_of(cluster, group, observed))
                for cluster, group in clusters.items()
            ]

        seconds = self.fleet.policy.settle if risky else 0.0
        return settle(now, seconds=seconds, stop=self.fleet.stop)

    def _put_back(self, journal: Journal) -> None:
        """Every router that this run changed, newest first, one at a time."""
        options = replace(self.fleet.options, run=f"{self.fleet.options.run}-back", steady=False)
        for name in reversed(self.changed):
            self.fleet.processor.note(f"Putting {name} back.")
            jobs = {name: job_back(journal.folder.name, name, self.fleet.desired[name])}
            seen = self.fleet.look(jobs)[name]
            if isinstance(seen, Look) and seen.needs_change:
                seen = self.fleet.bring(jobs, {name: seen}, options)[name]
            came = seen.outcome() if isinstance(seen, Look) else seen
            if came.status in (Status.CHANGED, Status.UNCHANGED):
                self._finish(replace(self.outcomes[name], status=Status.REVERTED))
            else:
                self._finish(replace(came, status=Status.UNKNOWN))
