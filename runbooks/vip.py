"""A VIP that comes, goes or moves: on its cluster's routers, in keepalived, in the inventory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from inventory.editing.changes import Change as Asked
from inventory.editing.git import check_committable
from inventory.editing.git import diff as git_diff
from inventory.editing.plan import Edit
from inventory.editing.target import known_vips
from inventory.editing.writing import check_writable
from inventory.errors import LvsfleetError
from inventory.problems import did_you_mean
from inventory.rules import Address
from runbooks.conduct import Request, conduct
from runbooks.encounter import Encounter, Shown
from runbooks.ending import InventoryEnding
from runbooks.engine import Fleet, Job
from runbooks.loading import load, refuse_absent_lab
from runbooks.lockstep import Lockstep, Stage
from runbooks.past import Past
from runbooks.probing import Probe
from runbooks.reports.run import InventoryChange, Run, Said
from runbooks.selection import select
from runbooks.unfinished import refuse, tell
from runbooks.vip_edit import edit_for
from tasks import vip as router
from tasks.backends.protocol import Change
from tasks.inspection import observe_all
from tasks.look import Look
from tasks.observe import Observed
from tasks.outcome import Outcome
from tasks.standing import Standing
from tasks.vip import Move

if TYPE_CHECKING:
    from nornir.core import Nornir

    from inventory.fleet import Fleet as Inventory


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
        inventory: its files are changed; else somebody else does, wherever it comes from.
        probe: the new VIP is sent to before the old one goes.
        source: the host of the inventory that sends; None is this machine.
        force: also an address that somebody else has, or that is in no network of the routers.
    """

    service: str
    old: str | None = None
    new: str | None = None
    keepalived: bool = True
    wait: float = 120.0
    commit: bool = False
    inventory: bool = True
    probe: bool = True
    source: str | None = None
    force: bool = False


def change_vip(
    request: Request, wish: Wish, *, past: Past | None = None, shown: Run | None = None
) -> Run:
    """Do it, or plan it.

    Args:
        request: how; with its policy's dry run nothing is changed.
        wish: what.
        past: the earlier run that this one takes back or goes on with.
        shown: the dry run that somebody saw and said yes to: nothing else is done.

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
        origin, edit = fleet, edit_for(nr, fleet, asked, among, written=wish.inventory)
    else:
        origin, edit = past.edit(nr, fleet, asked, among)
    ends = past.ends if past else ()
    if not request.policy.dry_run:
        refuse(request.inventory, edit.team.routers, but=ends)
    elif past is None:
        tell(request.inventory)
    _check(request, nr, wish, edit, shown)
    moves = _moves(origin, edit, wish, past)
    jobs = {
        name: Job(
            move.before,
            partial(router.whole, move),
            partial(router.told_besides, move),
            ask=observe_all,
        )
        for name, move in moves.items()
    }
    if past is not None:
        jobs = {name: past.job(moves[name], job) for name, job in jobs.items()}
    if not wish.keepalived:
        request = replace(request, confirm_timeout=request.confirm_timeout + wish.wait)

    guarded = past.guarded if past else True
    guarded = guarded and not (request.ask_pass or request.ask_sudo_pass)
    ending = InventoryEnding(edit, commit=wish.commit, guarded=guarded, ends=ends)

    probes: list[Probe] = []

    def engine(fleet: Fleet, jobs: Mapping[str, Job]) -> Lockstep:
        if past is not None:
            return Lockstep(fleet, jobs, stages(moves, wish), ending, look=past.look)
        probes.extend(_probe(fleet, moves, wish))
        probe = probes[0] if probes else None
        looking = _looking(moves, wish, shown, probe)
        return Lockstep(fleet, jobs, stages(moves, wish, probe), ending, look=looking)

    run = conduct(
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
            "no_inventory": not wish.inventory or None,
            "no_probe": not wish.probe or None,
            "probe_from": wish.source,
        },
    )
    return _told(run, edit, ending, probes)


def _check(request: Request, nr: Nornir, wish: Wish, edit: Edit, shown: Run | None) -> None:
    """Refuse what could not be done in the end, before any router is asked.

    Raises:
        LvsfleetError: why not.
    """
    if shown is not None and shown.inventory != _planned(edit):
        raise LvsfleetError(
            "the inventory is not any more what it was when the plan was shown",
            "Run again: it shows anew",
        )
    if wish.source is not None and wish.source not in nr.inventory.hosts:
        near = did_you_mean(wish.source, nr.inventory.hosts)
        raise LvsfleetError(f"--probe-from: {wish.source} is no host of the inventory", near)
    check_writable(edit.files)
    if wish.commit:
        check_committable(edit.files)
    refuse_absent_lab(request.inventory)


def _moves(origin: Inventory, edit: Edit, wish: Wish, past: Past | None) -> dict[str, Move]:
    asked = edit.change
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
    return {name: past.move(move) for name, move in moves.items()} if past else moves


def _looking(
    moves: Mapping[str, Move], wish: Wish, shown: Run | None, probe: Probe | None
) -> Callable[[Fleet, Mapping[str, Job]], dict[str, Look | Outcome]]:
    some = next(iter(moves.values()))
    encounter = Encounter(
        some.new,
        some.like,
        keepalived=wish.keepalived,
        force=wish.force,
        shown=_edits_of(shown),
    )

    def look(fleet: Fleet, jobs: Mapping[str, Job]) -> dict[str, Look | Outcome]:
        looks = encounter(fleet, jobs)
        return probe.checked(looks) if probe is not None else looks

    return look


def _told(run: Run, edit: Edit, ending: InventoryEnding, probes: Sequence[Probe]) -> Run:
    """The run, with what came of the probe and of the inventory."""
    findings = {name: told for probe in probes for name, told in probe.findings.items()}
    outcomes = tuple(
        replace(each, findings=(*each.findings, *findings.get(each.router, ())))
        for each in run.outcomes
    )
    return replace(run, outcomes=outcomes, inventory=_became(run, edit, ending))


def _probe(fleet: Fleet, moves: Mapping[str, Move], wish: Wish) -> list[Probe]:
    """None where none comes, or none is wanted."""
    move = next(iter(moves.values()))
    if move.new is None or not wish.probe:
        return []
    service = next(each for each in move.both.services if each.name == wish.service)
    return [Probe(fleet, move.new, move.like, service, wish.source)]


def _planned(edit: Edit) -> InventoryChange | None:
    """What the inventory's files are to become; None where they stay."""
    if not edit.files:
        return None
    return InventoryChange(tuple(file.label for file in edit.files), edit.diff)


def _became(run: Run, edit: Edit, ending: InventoryEnding) -> InventoryChange | None:
    planned = _planned(edit)
    if planned is None or run.dry_run:
        return planned
    if not ending.written:
        return replace(planned, status=Said.UNWRITTEN) if run.journal else None
    # Git shows nothing any more of what it has committed.
    diff = planned.diff if ending.committed else git_diff(edit.files)
    return replace(planned, diff=diff, status=Said.WRITTEN, commit=ending.committed)


def _edits_of(shown: Run | None) -> Shown | None:
    if shown is None:
        return None
    return {each.router: frozenset(each.changes) for each in shown.outcomes}


def stages(moves: Mapping[str, Move], wish: Wish, probe: Probe | None = None) -> list[Stage]:
    """The way there: what comes before what goes."""
    some = next(iter(moves.values()))
    new, old = some.new, some.old

    def planned(do: router.Plan) -> Callable[[str, Observed], Change]:
        return lambda name, observed: do(moves[name], observed)

    def of_others(name: str, _: Observed) -> Change:
        return Change(moves[name].both.backend)

    def held(new: Address, like: Address | None, standings: Mapping[str, Standing]) -> str:
        if probe is not None:
            probe.standings = standings
        return _held(new, like, standings)

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
                then=partial(held, new, some.like),
                patience=patience,
                check=probe,
                together=old is not None and wish.keepalived,
                ahead=wish.keepalived,
            )
        )
    if old is not None:
        found.append(
            Stage(
                f"{old} out of keepalived" if wish.keepalived else f"Waiting for {old} to go",
                planned(router.give_up) if wish.keepalived else of_others,
                then=partial(_gone, old, new),
                patience=patience,
                seen=False,
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
