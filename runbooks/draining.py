"""A VIP that drains: its cluster's routers schedule nothing new, and what lives is counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from inventory.desired import Draining, Service
from inventory.editing.draining import Drain
from inventory.editing.team import service_of
from inventory.errors import LvsfleetError
from inventory.rules import Address, Protocol
from runbooks.conduct import Request
from runbooks.encounter import Encounter
from runbooks.engine import Fleet, Job
from runbooks.past import Past
from runbooks.reports.run import LiveCount, Run
from runbooks.stages import Stage
from runbooks.vip_run import Looking, VipRun
from tasks import vip as router
from tasks.backends.protocol import Change
from tasks.errors import Conflict
from tasks.inspection import observe_all
from tasks.live import Live, ask_live
from tasks.observe import Observed
from tasks.outcome import THERE
from tasks.reach import asking
from tasks.vip import Move

if TYPE_CHECKING:
    from nornir.core.inventory import Host

COMMANDS = ("drain", "undrain")
PAUSE = 1.0
"""Seconds between two counts."""
PATIENCE = 10.0
"""Seconds for a router to be asked once, also where that is beyond the end of the waiting."""


@dataclass(frozen=True, slots=True)
class DrainWish:
    """What is asked for.

    Attributes:
        service: whose VIP.
        vip: as it was typed.
        how: what becomes of new connections to it; None where it is to drain no longer.
        wait: seconds until the live connections are left alone; 0 does not count them.
        commit: the inventory's change is committed to git.
        inventory: its files are changed; else somebody else does, wherever it comes from.
    """

    service: str
    vip: str
    how: Draining | None
    wait: float = 0.0
    commit: bool = False
    inventory: bool = True


def drain(
    request: Request,
    wish: DrainWish,
    on_count: Callable[[LiveCount], None] = lambda _: None,
    *,
    past: Past | None = None,
    shown: Run | None = None,
) -> Run:
    """Have a VIP drain, or do so no longer; or plan it.

    Args:
        request: how; with its policy's dry run nothing is changed.
        wish: what.
        on_count: hears each count of the connections that live.
        past: the earlier run that this one takes back or goes on with.
        shown: the dry run that somebody saw and said yes to: nothing else is done.

    Raises:
        LvsfleetError: the inventory is refused or cannot be edited for it; nothing was contacted.
            Or the journal cannot be written; nothing was changed.
    """
    wanted = VipRun.of(
        request,
        wish.service,
        lambda known: Drain.of(wish.service, wish.vip, wish.how, known=known),
        commit=wish.commit,
        inventory=wish.inventory,
        past=past,
        shown=shown,
    )
    asked = wanted.edit.change
    moves = {name: _move(wanted, wish, name) for name in wanted.routers}
    if past is not None:
        moves = {name: past.move(move) for name, move in moves.items()}
    jobs = {
        name: Job(move.after, partial(planned, move, asked.from_address), ask=observe_all)
        for name, move in moves.items()
    }
    if past is not None:
        jobs = {name: past.job(moves[name], job) for name, job in jobs.items()}

    def course(_: Fleet) -> tuple[list[Stage], Looking]:
        way = Stage(str(asked), lambda name, seen: jobs[name].planner(seen), canary=True)
        return [way], Encounter(None, None, shown=wanted.edits_shown)

    before = service_of(wanted.fleet.desired[wanted.routers[0]], wish.service)
    was = before.how_drains(asked.from_address) if before and asked.from_address else None
    run = wanted.conduct(
        jobs,
        course,
        command=COMMANDS[wish.how is None],
        asked={
            "service": wish.service,
            "vip": wish.vip,
            "how": wish.how.value if wish.how else None,
            "was": was.value if was else None,
        },
    )
    fine = {each.status for each in run.outcomes} <= THERE and not run.stopped
    if wish.how is None or not wish.wait or run.dry_run or not fine or run.interrupted:
        return run
    service = service_of(wanted.edit.fleet.desired[wanted.routers[0]], wish.service)
    if service is None or asked.from_address is None:  # it was found there
        return run
    hosts = [wanted.nr.inventory.hosts[name] for name in wanted.routers]
    return replace(run, live=watch(hosts, service, asked.from_address, wish.wait, on_count))


def _move(wanted: VipRun, wish: DrainWish, name: str) -> Move:
    """A change in which no VIP comes or goes."""
    before, after = wanted.origin.desired[name], wanted.edit.fleet.desired[name]
    return Move(before, after, after, wish.service, None, None, None, keepalived=False)


def planned(move: Move, vip: Address | None, observed: Observed) -> Change:
    """What a router still needs, and that it then is as it is meant.

    Raises:
        Conflict: all is there, and somebody else's rule still marks what comes to the VIP, or turns
            away what has no mark: connections that exist would not live on.
        RouterError: see `tasks.plan.plan`.
    """
    change = router.shut_out(move, observed)
    found = service_of(move.after, move.service)
    if change.edits or found is None or vip is None or found.how_drains(vip) is None:
        return change
    from tasks.walk import Filters, Packet  # noqa: PLC0415 - 12 ms that a plan does not need

    filters = Filters.of(observed)
    for each in found.ports:
        for packet, said in filters.by_ports(Packet(vip, Protocol(each.protocol), each.ports)):
            what = f"{vip} port {packet.port}/{packet.protocol.value}"
            if said.mark:
                raise Conflict(
                    f"{what} still gets mark {said.mark}, by a rule that is not lvsfleet's: it"
                    " would still be scheduled",
                    "Delete that rule; lvsfleet compliance tells of it",
                )
            if said.strangers is False:
                raise Conflict(
                    f"{what} is turned away without its mark by {said}: connections that exist"
                    " would end",
                    "accept: true for the service lets it in, with a mark or without",
                )
    return change


def watch(
    hosts: list[Host],
    service: Service,
    vip: Address,
    seconds: float,
    on_count: Callable[[LiveCount], None],
) -> LiveCount:
    """Count what lives on whoever holds the VIP, until there is none or the time is over.

    A router that does not answer may hold it: then it is asked again. Ctrl-C ends the waiting, and
    nothing else.
    """
    end = time.monotonic() + seconds
    last = LiveCount(str(vip))
    try:
        while True:
            last, sure = _count(hosts, service, vip)
            on_count(last)
            if (sure and not last.connections) or time.monotonic() + PAUSE > end:
                return last
            time.sleep(PAUSE)
    except KeyboardInterrupt:
        return last


def _count(hosts: list[Host], service: Service, vip: Address) -> tuple[LiveCount, bool]:
    """What lives, and whether all that could say so was asked."""
    found: dict[str, Live] = {}
    for host in hosts:
        try:
            found[host.name] = asking(
                host,
                lambda shell: ask_live(shell, service, vip, deadline=PATIENCE),
                patience=PATIENCE,
            )
        except LvsfleetError:
            continue  # who cannot be asked tells nothing
    holders = {name: each for name, each in found.items() if each.holds}
    name, live = next(iter(holders.items()), ("", Live(holds=False)))
    sure = bool(holders) or len(found) == len(hosts)
    return LiveCount(str(vip), name, live.count, live.table), sure
