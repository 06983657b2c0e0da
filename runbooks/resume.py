"""The resumption: what an earlier run was interrupted in, or stopped before, is done now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any

from inventory.desired import Desired
from runbooks.conduct import Request, conduct
from runbooks.earlier import NotPossible, chosen, earlier, with_its_inventory
from runbooks.engine import Job
from runbooks.journal import RecordedRun, read
from runbooks.loading import load, refuse_absent_lab
from runbooks.policy import OnFailure, Policy
from runbooks.putback import job_back
from runbooks.reports.run import Run
from runbooks.unfinished import refuse
from runbooks.vip_again import is_of_a_vip, vip_on
from runbooks.waves import Share
from tasks.backends.protocol import Change
from tasks.errors import ChangedSince
from tasks.last_word import last_word
from tasks.observe import Observed
from tasks.outcome import THERE, Edit
from tasks.plan import plan


def resume(request: Request, run: str, *, given: Collection[str] = ()) -> Run:
    """Do it: the routers of ``run`` that are not known to be done, as a run of its own.

    Args:
        request: what was asked for; ``force`` also makes a change that ``run`` did not plan.
        run: the earlier run's name, its beginning or its last part.
        given: the options that were given; the others are as they were in ``run``.

    Raises:
        LvsfleetError: there is no such run, it is still at work, its journal lacks what it takes,
            or the inventory does not have its routers; nothing was contacted. Or the journal cannot
            be written; nothing was changed.
    """
    left = earlier(run)
    first = _first(left)
    request = with_its_options(with_its_inventory(request, left), left, given)
    if is_of_a_vip(left):
        return vip_on(request, left)
    nr, fleet = load(request.inventory)
    names = chosen(nr, request, left, undone(left))
    jobs = {
        name: _job(left, first, fleet.desired[name], force=request.force)
        for name in nr.inventory.hosts
        if name in names
    }
    if jobs:
        refuse_absent_lab(request.inventory)
    if not request.policy.dry_run:
        refuse(request.inventory, jobs)
    return conduct(request, nr, fleet, jobs, command="resume", of=left.id)


def undone(run: RecordedRun) -> list[str]:
    """The routers that a run was to change, or could not look at, and that may not be done."""
    return [name for name, each in run.routers.items() if each.status not in THERE]


def _first(run: RecordedRun) -> RecordedRun:
    """The run that was resumed, perhaps in several steps: it says what for.

    Raises:
        LvsfleetError: its journal is not there any more.
    """
    seen = {run.id}
    while run.command == "resume":
        run = read(str(run.options.get("of")))
        if run.id in seen:
            raise NotPossible(f"run {run.id} is said to resume itself", "Its journal is damaged")
        seen.add(run.id)
    return run


def _job(left: RecordedRun, first: RecordedRun, desired: Desired, *, force: bool) -> Job:
    if first.command == "rollback":
        forced = force or first.options.get("force") is True
        return job_back(read(str(first.options.get("of"))), desired.router, desired, force=forced)
    planned = left.routers[desired.router].changes
    desired = replace(desired, adopt=first.options.get("adopt") is True)

    def planner(observed: Observed) -> Change:
        change = plan(desired, observed)
        new = [each for each in change.edits if each not in planned]
        if planned and new and not force:
            raise ChangedSince(_difference(left, new), "--force makes this change all the same")
        return change

    return Job(desired, planner, last_word)


def _difference(left: RecordedRun, new: list[Edit]) -> str:
    what = f"run {left.id} did not plan this; the inventory or the router has changed since:"
    return "\n".join([what, *(each.line for each in new)])


def with_its_options(request: Request, left: RecordedRun, given: Collection[str]) -> Request:
    """The request, with the earlier run's options where none were given."""
    was = {name: value for name, value in left.options.items() if name not in given}
    plain = ("timeout", "confirm_timeout", "workers", "ask_pass", "ask_sudo_pass")
    own: dict[str, Any] = {name: was[name] for name in plain if name in was}
    try:
        policy = _policy(request.policy, was)
    except ValueError as error:
        raise NotPossible(
            f"run {left.id} had an option that this version does not know: {error}",
            "Give its options here: --batch, --on-failure and --max-failures",
        ) from error
    return replace(request, policy=policy, **own)


def _policy(policy: Policy, was: dict[str, Any]) -> Policy:
    known = {each.name for each in fields(Policy)} - {"dry_run"}
    values = {name: value for name, value in was.items() if name in known}
    for name in {"batch", "max_failures"} & values.keys():
        values[name] = Share.of_text(values[name])
    if "on_failure" in values:
        values["on_failure"] = OnFailure(values["on_failure"])
    return replace(policy, **values)
