"""A VIP that comes, goes or moves: on its cluster's routers, in keepalived, in the inventory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from inventory.editing.changes import Change as Asked
from inventory.errors import LvsfleetError
from inventory.problems import did_you_mean
from runbooks.conduct import Request
from runbooks.encounter import Encounter, Shown
from runbooks.engine import Fleet, Job
from runbooks.past import Past
from runbooks.probing import Probe
from runbooks.reports.run import Run
from runbooks.stages import Stage
from runbooks.vip_run import Looking, VipRun
from runbooks.vip_stages import stages
from tasks import vip as router
from tasks.inspection import observe_all
from tasks.look import Look
from tasks.outcome import Outcome
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
    wanted = VipRun.of(
        request,
        wish.service,
        lambda known: Asked.of(wish.service, old=wish.old, new=wish.new, known=known),
        commit=wish.commit,
        inventory=wish.inventory,
        past=past,
        shown=shown,
    )
    _check_source(wish, wanted.nr.inventory.hosts)
    moves = _moves(wanted, wish, past)
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
    probes: list[Probe] = []

    def course(fleet: Fleet) -> tuple[list[Stage], Looking]:
        if past is None:
            probes.extend(_probe(fleet, moves, wish))
        probe = probes[0] if probes else None
        way = stages(moves, keepalived=wish.keepalived, wait=wish.wait, probe=probe)
        return way, _looking(moves, wish, wanted.edits_shown, probe)

    run = wanted.conduct(
        jobs,
        course,
        command="vip",
        asked={
            "service": wish.service,
            "old": wish.old,
            "new": wish.new,
            "no_keepalived": not wish.keepalived or None,
            "wait": wish.wait if not wish.keepalived else None,
            "no_probe": not wish.probe or None,
            "probe_from": wish.source,
        },
        wait=0.0 if wish.keepalived else wish.wait,
    )
    return _with(run, probes)


def _check_source(wish: Wish, hosts: Collection[str]) -> None:
    """Refuse a host that is none.

    Raises:
        LvsfleetError: it is none.
    """
    if wish.source is not None and wish.source not in hosts:
        near = did_you_mean(wish.source, hosts)
        raise LvsfleetError(f"--probe-from: {wish.source} is no host of the inventory", near)


def _moves(wanted: VipRun, wish: Wish, past: Past | None) -> dict[str, Move]:
    asked = wanted.edit.change
    moves = {
        name: Move.of(
            wanted.origin.desired[name],
            wanted.edit.fleet.desired[name],
            wish.service,
            asked.to_address,
            asked.from_address,
            keepalived=wish.keepalived,
        )
        for name in wanted.routers
    }
    return {name: past.move(move) for name, move in moves.items()} if past else moves


def _looking(
    moves: Mapping[str, Move], wish: Wish, shown: Shown | None, probe: Probe | None
) -> Looking:
    some = next(iter(moves.values()))
    encounter = Encounter(
        some.new, some.like, keepalived=wish.keepalived, force=wish.force, shown=shown
    )

    def look(fleet: Fleet, jobs: Mapping[str, Job]) -> dict[str, Look | Outcome]:
        looks = encounter(fleet, jobs)
        return probe.checked(looks) if probe is not None else looks

    return look


def _with(run: Run, probes: Sequence[Probe]) -> Run:
    """The run, with what came of the probe."""
    findings = {name: told for probe in probes for name, told in probe.findings.items()}
    outcomes = tuple(
        replace(each, findings=(*each.findings, *findings.get(each.router, ())))
        for each in run.outcomes
    )
    return replace(run, outcomes=outcomes)


def _probe(fleet: Fleet, moves: Mapping[str, Move], wish: Wish) -> list[Probe]:
    """None where none comes, or none is wanted."""
    move = next(iter(moves.values()))
    if move.new is None or not wish.probe:
        return []
    service = next(each for each in move.both.services if each.name == wish.service)
    return [Probe(fleet, move.new, move.like, service, wish.source)]
