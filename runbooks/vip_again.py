"""A run that changed a VIP, taken back or gone on with; as a run of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from inventory.desired import Draining
from runbooks.conduct import Request, conduct
from runbooks.draining import DrainWish, drain
from runbooks.earlier import NotPossible
from runbooks.journal import RecordedRun
from runbooks.journal.unfinished import ending, marked
from runbooks.loading import load
from runbooks.past import Past, vips
from runbooks.reports.run import Run
from runbooks.unfinished import LOG, whole
from runbooks.vip import Wish, change_vip
from tasks.outcome import THERE


def is_of_a_vip(run: RecordedRun) -> bool:
    """Whether a VIP came, went, moved or drained with it, in whichever direction."""
    moved, drains = vips(run)
    return isinstance(run.options.get("service"), str) and bool(moved or drains)


def vip_back(request: Request, run: RecordedRun) -> Run:
    """Take it back: what it brought goes, what it took away comes, and that first.

    Raises:
        LvsfleetError: as `runbooks.rollback.rollback` does.
    """
    if not run.touched and (run.edit is None or run.edit.state != "done"):
        return _nothing(request, run, "rollback")
    return _again(request, _wish_back(run), Past(run, back=True, force=request.force))


def vip_on(request: Request, run: RecordedRun) -> Run:
    """Go on with it: what is there on all routers is confirmed, all else is done anew.

    Raises:
        LvsfleetError: as `runbooks.resume.resume` does.
    """
    there = all(each.status in THERE for each in run.routers.values())
    if there and run.edit is not None and whole(run) and run.id not in marked():
        return _nothing(request, run, "resume")
    return _again(request, _wish(run), Past(run, back=False, force=request.force))


def go_on(request: Request, run: RecordedRun) -> Run:
    """The same for who is the only one at it already; nobody watches over it.

    A dry run changes nothing but what ``run`` left armed: that is brought to its end.
    """
    past = Past(run, back=False, force=request.force, guarded=False, closes=True)
    now = replace(request, policy=replace(request.policy, now=True))
    return _change(now, _wish(run), past)


def _again(request: Request, wish: Wish | DrainWish, past: Past) -> Run:
    if past.unfinished:
        # Its routers may list other VIPs, and then both are MASTER: that is what this mends.
        request = replace(request, policy=replace(request.policy, now=True))
    if request.policy.dry_run:
        return _change(request, wish, past)
    with _alone(past.run):
        return _change(request, wish, past)


def _change(request: Request, wish: Wish | DrainWish, past: Past) -> Run:
    if isinstance(wish, DrainWish):
        return drain(request, wish, past=past)
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


def _wish(run: RecordedRun) -> Wish | DrainWish:
    if vips(run)[1]:
        return _drain_wish(run, "how")
    old, new = (run.options.get(name) for name in ("old", "new"))
    wait = run.options.get("wait")
    wish = Wish(
        service=str(run.options["service"]),
        old=old if isinstance(old, str) else None,
        new=new if isinstance(new, str) else None,
        keepalived=run.options.get("no_keepalived") is not True,
        commit=run.options.get("commit") is True,
        inventory=run.options.get("no_inventory") is not True,
    )
    return replace(wish, wait=float(wait)) if isinstance(wait, int | float) else wish


def _wish_back(run: RecordedRun) -> Wish | DrainWish:
    wish = _wish(run)
    if isinstance(wish, DrainWish):
        return _drain_wish(run, "was")
    return replace(wish, old=wish.new, new=wish.old)


def _drain_wish(run: RecordedRun, option: str) -> DrainWish:
    how = run.options.get(option)
    return DrainWish(
        service=str(run.options["service"]),
        vip=str(run.options["vip"]),
        how=Draining(how) if how in set(Draining) else None,
        commit=run.options.get("commit") is True,
        inventory=run.options.get("no_inventory") is not True,
    )
