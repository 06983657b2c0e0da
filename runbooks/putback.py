"""Taking back what an earlier run did to routers, from that run's journal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from inventory.desired import Backend, Desired
from inventory.errors import LvsfleetError
from runbooks.engine import Fleet, Job
from runbooks.journal import Journal, RecordedRun, kept
from runbooks.reports.run import run_id
from tasks.backends.protocol import Back, Change
from tasks.errors import ChangedSince, RouterError
from tasks.look import Look
from tasks.observe import Observed, of_sections
from tasks.outcome import THERE, Edit, Outcome, Status
from tasks.plan import by_backend, plan_back
from tasks.record import Unrecorded


def job_back(run: RecordedRun, router: str, desired: Desired, *, force: bool) -> Job:
    """What brings a router back to what it was before ``run``.

    Args:
        run: the earlier run.
        router: the router's name.
        desired: what it should be now; says how to ask it.
        force: also where it has been changed since; else that is refused, with the difference.

    Raises:
        LvsfleetError: the journal does not have what it takes.
    """
    recorded = run.routers.get(router)
    before = observed_then(run, router, "before")
    if recorded is None or before is None or not recorded.backend:
        raise LvsfleetError(
            f"run {run.id} has no record of what {router} was before it",
            f"`lvsfleet history {run.id}` shows what it has; --limit leaves {router} out",
        )
    after = observed_then(run, router, "after")
    backend = Backend(recorded.backend)

    def planner(now: Observed) -> Change:
        back = plan_back(backend, recorded.changes, before=before, after=after, now=now)
        if back.since and back.change.edits and not force:
            raise ChangedSince(_difference(run, back), "--force takes it back all the same")
        return back.change

    # The router is asked about the backend and the zones and policies that the run was about.
    zones = places(recorded.changes)
    besides = tuple(each for each in by_backend(recorded.changes) if each is not backend)
    asked = replace(desired, backend=backend, besides=besides, zone=zones, policy=None)
    return Job(asked, planner)


class PutBack:
    """Puts back, within a run that failed, what it changed; a run of its own in the journal.

    Args:
        fleet: what runs on the routers.
        failed: the run, as its journal has it.

    Attributes:
        run: its own name.
    """

    def __init__(self, fleet: Fleet, failed: RecordedRun) -> None:
        self.fleet = fleet
        self.failed = failed
        self.journal: Journal | None = None
        self.run = run_id(datetime.now(UTC), {each.cluster for each in failed.routers.values()})
        try:
            self.journal = fleet.journal_back()
            self.run = self.journal.folder.name
        except LvsfleetError as error:  # better put back without a record than not at all
            fleet.processor.note(f"This is not recorded: {error.message}")
        recorder = self.journal or Unrecorded()
        self.options = replace(fleet.options, run=self.run, steady=False, recorder=recorder)

    def router(self, done: Outcome) -> Outcome:
        """Put one router back; how it is left then.

        Args:
            done: what had come of it.
        """
        name = done.router
        if self.fleet.stop.gently:
            return done
        self.fleet.processor.note(f"Putting {name} back.")
        try:
            came = self._change(name)
        except LvsfleetError as error:
            came = Outcome(name, Status.FAILED, error=RouterError(error.message, error.hint))
        if self.journal is not None:
            self.journal.outcome(came)
        if came.status in THERE:
            return replace(done, status=Status.REVERTED, seconds=done.seconds + came.seconds)
        if came.error is None:  # it was never begun
            return done
        why = type(came.error)(
            f"it was changed, and could not be put back: {came.error.message}", came.error.hint
        )
        status = Status.UNKNOWN if came.status is Status.UNKNOWN else done.status
        return replace(done, status=status, error=why)

    def end(self) -> None:
        """Nothing more is put back."""
        if self.journal is not None:
            self.journal.end(interrupted=self.fleet.stop.gently)

    def _change(self, name: str) -> Outcome:
        jobs = {name: job_back(self.failed, name, self.fleet.desired[name], force=True)}
        seen = self.fleet.look(jobs)[name]
        if isinstance(seen, Outcome) or not seen.needs_change:
            return seen.outcome() if isinstance(seen, Look) else seen
        if self.journal is not None and seen.change is not None:
            cluster = self.fleet.desired[name].cluster
            self.journal.plan(name, seen.change.edits, seen.change.backend.value, cluster)
        return self.fleet.bring(jobs, {name: seen}, self.options)[name]


def places(changes: Iterable[Edit]) -> str | None:
    """What firewalld is asked about, as observe.sh takes several: a space between."""
    return " ".join(dict.fromkeys(each.place for each in changes if each.place)) or None


def observed_then(run: RecordedRun, router: str, name: str) -> Observed | None:
    """What a router was ``before`` or ``after`` a run; None where its journal does not have it."""
    try:
        return of_sections(kept(run.id, router, name))
    except FileNotFoundError:
        return None


def _difference(run: RecordedRun, back: Back) -> str:
    return f"it has been changed since run {run.id}:\n" + "\n".join(back.since)
