"""The job that takes back what an earlier run did to a router, from that run's journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inventory.desired import Backend, Desired
from inventory.errors import LvsfleetError
from runbooks.engine import Job
from runbooks.journal import kept, read
from tasks.backends.protocol import Back, Change
from tasks.errors import ChangedSince
from tasks.observe import Observed, of_sections
from tasks.outcome import Edit
from tasks.plan import plan_back


def job_back(run: str, router: str, desired: Desired, *, force: bool = True) -> Job:
    """What brings a router back to what it was before ``run``.

    Args:
        run: the earlier run's name.
        router: the router's.
        desired: what it should be now; says how to ask it.
        force: also where it has been changed since; else that is refused, with the difference.

    Raises:
        LvsfleetError: the journal does not have what it takes.
    """
    recorded = read(run).routers.get(router)
    before = _kept(run, router, "before")
    if recorded is None or before is None:
        raise LvsfleetError(
            f"run {run} has no record of what {router} was before it",
            "lvsfleet history RUN shows what it has",
        )
    after = _kept(run, router, "after")
    backend = Backend(recorded.backend)

    def planner(now: Observed) -> Change:
        back = plan_back(backend, recorded.changes, before=before, after=after, now=now)
        if back.since and back.change.edits and not force:
            raise ChangedSince(_difference(run, back), "--force takes it back all the same")
        return back.change

    # The router is asked about the backend and the zone that the run was about.
    zone = _zone(recorded.changes) if backend is Backend.FIREWALLD else None
    return Job(replace(desired, backend=backend, zone=zone), planner)


def _zone(changes: Sequence[Edit]) -> str | None:
    return next((each.zone for each in changes if each.zone), None)


def _kept(run: str, router: str, name: str) -> Observed | None:
    try:
        return of_sections(kept(run, router, name))
    except FileNotFoundError:
        return None


def _difference(run: str, back: Back) -> str:
    return f"it has been changed since run {run}:\n" + "\n".join(back.since)
