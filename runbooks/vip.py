"""A VIP that comes, goes or moves: on its cluster's routers, in keepalived, in the inventory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from inventory.editing.changes import Change as Asked
from inventory.editing.git import check_committable
from inventory.editing.plan import plan_edit
from inventory.editing.target import known_vips
from inventory.editing.writing import check_writable
from inventory.rules import Address
from runbooks.conduct import Request, conduct
from runbooks.ending import InventoryEnding
from runbooks.engine import Fleet, Job
from runbooks.loading import load, refuse_absent_lab
from runbooks.lockstep import Lockstep, Stage
from runbooks.past import Past
from runbooks.reports.run import Run
from runbooks.selection import select
from runbooks.unfinished import refuse
from tasks import vip as router
from tasks.backends.protocol import Change
from tasks.inspection import observe_all
from tasks.observe import Observed
from tasks.standing import Standing
from tasks.vip import Move


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.

    Attributes:
        service: whose VIP.
        old: the VIP that goes, as it was typed; None where one only comes.
        new: the VIP that comes; None where one only goes.
        keepalived: its files are changed too; else somebody else does, and that is waited for.
        wait: seconds for that.
        commit: the inventory's change is committed to git.
    """

    service: str
    old: str | None = None
    new: str | None = None
    keepalived: bool = True
    wait: float = 120.0
    commit: bool = False


def change_vip(request: Request, wish: Wish, *, past: Past | None = None) -> Run:
    """Do it, or plan it.

    Args:
        request: how; with its policy's dry run nothing is changed.
        wish: what.
        past: the earlier run that this one takes back or goes on with.

    Raises:
        LvsfleetError: the inventory is refused or cannot be edited for it, or somebody else has the
            VIP; nothing was contacted. Or the journal cannot be written; nothing was changed.
    """
    nr, fleet = load(request.inventory)
    known = known_vips(fleet, wish.service)
    asked = Asked.of(wish.service, old=wish.old, new=wish.new, known=known)
    among = None
    if request.limit or request.filters:
        among = select(nr.inventory.hosts, request.limit, request.filters)
    if past is None:
        origin, edit = fleet, plan_edit(nr, fleet, asked, among=among)
    else:
        origin, edit = past.edit(nr, fleet, asked, among)
    ends = past.ends if past else ()
    if not request.policy.dry_run:
        refuse(request.inventory, edit.team.routers, but=ends)
    check_writable(edit.files)
    if wish.commit:
        check_committable(edit.files)
    refuse_absent_lab(request.inventory)
    moves = {
        name: Move.of(
            origin.desired[name],
            edit.fleet.desired[name],
            wish.service,
            asked.to_address,
            asked.from_address,
            keepalived=wish.keepalived,
        )
        for name in edit.team.routers
    }
    if past is not None:
        moves = {name: past.move(move) for name, move in moves.items()}
    jobs = {
        name: Job(move.before, partial(router.whole, move), ask=observe_all)
        for name, move in moves.items()
    }
    if past is not None:
        jobs = {name: past.job(moves[name], job) for name, job in jobs.items()}
    if not wish.keepalived:
        request = replace(request, confirm_timeout=request.confirm_timeout + wish.wait)

    guarded = past.guarded if past else True
    if request.ask_pass or request.ask_sudo_pass:
        guarded = False
    ending = InventoryEnding(edit, commit=wish.commit, guarded=guarded, ends=ends)

    def engine(fleet: Fleet, jobs: Mapping[str, Job]) -> Lockstep:
        return Lockstep(
            fleet, jobs, stages(moves, wish), ending, look=past.look if past else Fleet.look
        )

    return conduct(
        request,
        nr,
        fleet,
        jobs,
        command=past.command if past else "vip",
        of=past.run.id if past else None,
        engine=engine,
        asked={
            "service": wish.service,
            "old": wish.old,
            "new": wish.new,
            "no_keepalived": not wish.keepalived or None,
            "wait": wish.wait if not wish.keepalived else None,
            "commit": wish.commit or None,
        },
    )


def stages(moves: Mapping[str, Move], wish: Wish) -> list[Stage]:
    """The way there: what comes before what goes."""
    some = next(iter(moves.values()))
    new, old = some.new, some.old

    def planned(do: router.Plan) -> Callable[[str, Observed], Change]:
        return lambda name, observed: do(moves[name], observed)

    def of_others(name: str, _: Observed) -> Change:
        return Change(moves[name].both.backend)

    patience = 10.0 if wish.keepalived else wish.wait
    found: list[Stage] = []
    if new is not None:
        found.append(
            Stage(f"Marks for {new}", planned(router.let_in), saved=old is None, canary=True)
        )
        found.append(
            Stage(
                f"{new} into keepalived" if wish.keepalived else f"Waiting for {new}",
                planned(router.take_up) if wish.keepalived else of_others,
                then=partial(_held, new, some.like),
                patience=patience,
                together=old is not None and wish.keepalived,
            )
        )
    if old is not None:
        found.append(
            Stage(
                f"{old} out of keepalived" if wish.keepalived else f"Waiting for {old} to go",
                planned(router.give_up) if wish.keepalived else of_others,
                then=partial(_gone, old, new),
                patience=patience,
            )
        )
        found.append(Stage(f"No more marks for {old}", planned(router.shut_out)))
    return found


def _held(new: Address, like: Address | None, standings: Mapping[str, Standing]) -> str:
    """What is wrong with who holds a VIP; empty where one router does, the one with its sibling."""
    holders = _holders(new, standings)
    if len(holders) != 1:
        return f"{new} is held by {' and '.join(holders) or 'nobody'}"
    beside = _holders(like, standings) if like is not None else holders
    if beside and beside != holders:
        return f"{new} is held by {holders[0]}, and {like} by {' and '.join(beside)}"
    return ""


def _gone(old: Address, new: Address | None, standings: Mapping[str, Standing]) -> str:
    holders = _holders(old, standings)
    if holders:
        return f"{old} is still held by {' and '.join(holders)}"
    return _held(new, None, standings) if new is not None else ""


def _holders(vip: Address, standings: Mapping[str, Standing]) -> list[str]:
    return [name for name, each in standings.items() if vip in each.addresses]
