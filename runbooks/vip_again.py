"""A run that changed a VIP, taken back or gone on with; as a run of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from runbooks.conduct import Request, conduct
from runbooks.earlier import NotPossible
from runbooks.journal import RecordedRun
from runbooks.journal.unfinished import ending, marked
from runbooks.loading import load
from runbooks.past import Past
from runbooks.reports.run import Run
from runbooks.unfinished import LOG, whole
from runbooks.vip import Wish, change_vip
from tasks.outcome import Status


def is_of_a_vip(run: RecordedRun) -> bool:
    """Whether a VIP came, went or moved with it, in whichever direction."""
    return isinstance(run.options.get("service"), str) and any(_vips(run))


def vip_back(request: Request, run: RecordedRun) -> Run:
    """Take it back: what it brought goes, what it took away comes, and that first.

    Raises:
        LvsfleetError: as `runbooks.rollback.rollback` does.
    """
    old, new = _vips(run)
    touched = [n for n, each in run.routers.items() if each.status is Status.CHANGED or each.open]
    if not touched and (run.edit is None or run.edit.state != "done"):
        return _nothing(request, run, "rollback")
    wish = replace(_wish(run), old=new, new=old)
    return _again(request, wish, Past(run, back=True, force=request.force))


def vip_on(request: Request, run: RecordedRun) -> Run:
    """Go on with it: what is there on all routers is confirmed, all else is done anew.

    Raises:
        LvsfleetError: as `runbooks.resume.resume` does.
    """
    done = {Status.CHANGED, Status.UNCHANGED}
    there = all(each.status in done for each in run.routers.values())
    if there and run.edit is not None and whole(run) and run.id not in marked():
        return _nothing(request, run, "resume")
    return _again(request, _wish(run), Past(run, back=False, force=request.force))


def go_on(request: Request, run: RecordedRun) -> Run:
    """The same for who is the only one at it already; nobody watches over it.

    A dry run changes nothing but what ``run`` left armed: that is brought to its end.
    """
    past = Past(run, back=False, force=request.force, guarded=False, closes=True)
    now = replace(request, policy=replace(request.policy, now=True))
    return change_vip(now, _wish(run), past=past)


def _again(request: Request, wish: Wish, past: Past) -> Run:
    if past.unfinished:
        # Its routers may list other VIPs, and then both are MASTER: that is what this mends.
        request = replace(request, policy=replace(request.policy, now=True))
    if request.policy.dry_run:
        return change_vip(request, wish, past=past)
    with _alone(past.run):
        return change_vip(request, wish, past=past)


@contextmanager
def _alone(run: RecordedRun) -> Iterator[None]:
    with ending(run.id) as free:
        if not free:
            raise NotPossible(
                f"run {run.id} is just being ended by another process",
                f"Wait for it; {run.folder / LOG} says how far it is",
            )
        yield


def _nothing(request: Request, run: RecordedRun, command: str) -> Run:
    nr, fleet = load(request.inventory)
    return conduct(request, nr, fleet, {}, command=command, of=run.id)


def _wish(run: RecordedRun) -> Wish:
    old, new = _vips(run)
    wait = run.options.get("wait")
    wish = Wish(
        service=str(run.options["service"]),
        old=old,
        new=new,
        keepalived=run.options.get("no_keepalived") is not True,
        commit=run.options.get("commit") is True,
        inventory=run.options.get("no_inventory") is not True,
    )
    return replace(wish, wait=float(wait)) if isinstance(wait, int | float) else wish


def _vips(run: RecordedRun) -> tuple[str | None, str | None]:
    old, new = (run.options.get(name) for name in ("old", "new"))
    return (old if isinstance(old, str) else None, new if isinstance(new, str) else None)
