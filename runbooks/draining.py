"""A VIP that drains: its cluster's routers schedule nothing new, and what lives is counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from inventory.desired import Desired, Draining, Service
from inventory.editing.draining import Drain
from inventory.editing.errors import NothingToChange, NotWritten
from inventory.editing.git import check_committable, commit
from inventory.editing.plan import Edit, plan_edit
from inventory.editing.target import known_vips
from inventory.editing.team import service_of
from inventory.editing.writing import check_writable, write
from inventory.errors import LvsfleetError
from inventory.rules import Address, Protocol
from runbooks.conduct import Request, conduct
from runbooks.engine import Fleet, Job
from runbooks.journal import Journal, RecordedRun
from runbooks.loading import load, refuse_absent_lab
from runbooks.lockstep import Lockstep, Stage
from runbooks.reports.run import InventoryChange, LiveCount, Run, Said
from runbooks.selection import select
from runbooks.unfinished import refuse
from runbooks.vip_edit import edit_of_nothing
from tasks.backends.protocol import Change
from tasks.errors import Conflict
from tasks.inspection import observe_all
from tasks.live import Live, ask_live
from tasks.observe import Observed
from tasks.outcome import Outcome, Status
from tasks.plan import plan
from tasks.reach import asking

if TYPE_CHECKING:
    from nornir.core.inventory import Host

COMMANDS = ("drain", "undrain")
PAUSE = 1.0
"""Seconds between two counts."""

_FINE = frozenset({Status.CHANGED, Status.UNCHANGED})


@dataclass(frozen=True, slots=True)
class DrainWish:
    """What is asked for.

    Attributes:
        service: whose VIP.
        vip: as it was typed.
        how: what becomes of new connections to it; None where it is to drain no longer.
        wait: seconds until the live connections are left alone; 0 does not count them.
        commit: the inventory's change is committed to git.
    """

    service: str
    vip: str
    how: Draining | None
    wait: float = 0.0
    commit: bool = False


@dataclass
class _Ending:
    """The inventory, written when all routers have it; see `runbooks.lockstep.Ending`.

    Where this program dies before, the routers have what the inventory does not say yet: the same
    command again writes it. Nothing is at stake until then but that.
    """

    edit: Edit
    commit: bool
    written: bool = field(default=False, init=False)

    @property
    def pending(self) -> bool:
        return bool(self.edit.files)

    def begins(self, journal: Journal) -> None:
        """Nothing of it needs to be known before."""

    def finish(self) -> None:
        try:
            write(self.edit.files)
        except NotWritten as error:
            hint = f"{error.hint}; then the same command again writes it".removeprefix("; ")
            raise type(error)(error.message, hint) from error
        self.written = True
        if self.commit and self.edit.files:
            commit(self.edit.files, str(self.edit.change))

    def over(self, outcomes: Mapping[str, Outcome]) -> None:
        """Nobody was watching."""


def drain(
    request: Request, wish: DrainWish, on_count: Callable[[LiveCount], None] = lambda _: None
) -> Run:
    """Have a VIP drain, or do so no longer; or plan it.

    Args:
        request: how; with its policy's dry run nothing is changed.
        wish: what.
        on_count: hears each count of the connections that live.

    Raises:
        LvsfleetError: the inventory is refused or cannot be edited for it; nothing was contacted.
            Or the journal cannot be written; nothing was changed.
    """
    nr, fleet = load(request.inventory)
    asked = Drain.of(wish.service, wish.vip, wish.how, known=known_vips(fleet, wish.service))
    among = None
    if request.limit or request.filters:
        among = select(nr.inventory.hosts, request.limit, request.filters)
    try:
        edit = plan_edit(nr, fleet, asked, among=among)
    except NothingToChange as same:
        edit = edit_of_nothing(fleet, asked, same)
    if not request.policy.dry_run:
        refuse(request.inventory, edit.team.routers)
    check_writable(edit.files)
    if wish.commit:
        check_committable(edit.files)
    refuse_absent_lab(request.inventory)
    vip, after = asked.from_address, edit.fleet.desired
    jobs = {
        name: Job(after[name], partial(planned, after[name], wish.service, vip), ask=observe_all)
        for name in edit.team.routers
    }
    ending = _Ending(edit, wish.commit)
    run = conduct(
        request,
        nr,
        fleet,
        jobs,
        command=COMMANDS[wish.how is None],
        engine=lambda fleet, jobs: _engine(fleet, jobs, str(asked), ending),
        asked={
            "service": wish.service,
            "vip": wish.vip,
            "how": wish.how.value if wish.how else None,
            "commit": wish.commit or None,
        },
    )
    if edit.files:
        said = Said.WRITTEN if ending.written else Said.UNWRITTEN
        said = Said.PLANNED if run.dry_run else said
        files = tuple(file.label for file in edit.files)
        run = replace(run, inventory=InventoryChange(files, edit.diff, said))
    fine = {each.status for each in run.outcomes} <= _FINE and not run.stopped
    if wish.how is None or not wish.wait or run.dry_run or not fine or run.interrupted:
        return run
    service = service_of(after[edit.team.routers[0]], wish.service)
    if service is None:  # it was found there
        return run
    hosts = [nr.inventory.hosts[name] for name in edit.team.routers]
    return replace(run, live=watch(hosts, service, vip, wish.wait, on_count))


def _engine(fleet: Fleet, jobs: Mapping[str, Job], said: str, ending: _Ending) -> Lockstep:
    stage = Stage(said, lambda name, observed: jobs[name].planner(observed), canary=True)
    return Lockstep(fleet, jobs, [stage], ending)


def planned(desired: Desired, service: str, vip: Address, observed: Observed) -> Change:
    """What a router still needs, and that it then is as it is meant.

    Raises:
        Conflict: all is there, and somebody else's rule still marks what comes to the VIP, or turns
            away what has no mark: connections that exist would not live on.
        RouterError: see `tasks.plan.plan`.
    """
    change = plan(desired, observed)
    found = service_of(desired, service)
    if change.edits or found is None or found.how_drains(vip) is None:
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

    Ctrl-C ends the waiting, and nothing else.
    """
    end = time.monotonic() + seconds
    last = LiveCount(str(vip))
    try:
        while True:
            last = _count(hosts, service, vip, max(1.0, end - time.monotonic()))
            on_count(last)
            if not last.connections or time.monotonic() + PAUSE > end:
                return last
            time.sleep(PAUSE)
    except KeyboardInterrupt:
        return last


def _count(hosts: list[Host], service: Service, vip: Address, patience: float) -> LiveCount:
    found: dict[str, Live] = {}
    for host in hosts:
        try:
            found[host.name] = asking(
                host,
                lambda shell: ask_live(shell, service, vip, deadline=10.0),
                patience=min(patience, 5.0),
            )
        except LvsfleetError:
            continue  # who cannot be asked tells nothing
    holders = {name: each for name, each in found.items() if each.holds}
    name, live = next(iter(holders.items()), ("", Live(holds=False)))
    return LiveCount(str(vip), name, live.count, live.table)


def refuse_as_earlier(run: RecordedRun) -> None:
    """Stop who would take a run back that had a VIP drain: the inventory says so, too.

    Raises:
        LvsfleetError: it is such a run.
    """
    if run.command not in COMMANDS:
        return
    vip = f"{run.options.get('service')} {run.options.get('vip')}"
    if run.command == "drain":
        way = f"`lvsfleet vip undrain {vip}` takes it back, `lvsfleet vip drain {vip}` goes on"
    else:
        way = f"`lvsfleet vip drain {vip}` takes it back, `lvsfleet vip undrain {vip}` goes on"
    raise LvsfleetError(f"run {run.id} is a vip {run.command}", way)
