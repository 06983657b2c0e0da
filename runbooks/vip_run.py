"""One run that changes a VIP, in whichever way: its cluster's routers, then the inventory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from inventory.editing.draining import Drain, Wanted
from inventory.editing.git import check_committable
from inventory.editing.git import diff as git_diff
from inventory.editing.plan import Edit
from inventory.editing.target import known_vips
from inventory.editing.team import service_of
from inventory.editing.writing import check_writable
from inventory.errors import LvsfleetError
from inventory.fleet import Fleet as Inventory
from runbooks.conduct import Request, conduct
from runbooks.encounter import Shown
from runbooks.ending import InventoryEnding
from runbooks.engine import Fleet, Job
from runbooks.later import naming_later
from runbooks.loading import load, refuse_absent_lab
from runbooks.lockstep import Lockstep
from runbooks.past import Past
from runbooks.reports.run import InventoryChange, Run, Said
from runbooks.selection import select
from runbooks.stages import Stage
from runbooks.unfinished import refuse, tell
from runbooks.vip_edit import edit_for
from tasks.look import Look
from tasks.outcome import THERE, Outcome

if TYPE_CHECKING:
    from nornir.core import Nornir

Looking = Callable[[Fleet, Mapping[str, Job]], dict[str, Look | Outcome]]
"""How all routers are looked at before anything is changed."""

Course = Callable[[Fleet], tuple[Sequence[Stage], Looking]]
"""How the routers go there, and how they are looked at before."""


@dataclass(frozen=True)
class VipRun:
    """What was found right; nothing was contacted yet.

    Attributes:
        request: how.
        nr: the whole inventory.
        fleet: the same, checked.
        origin: the fleet that the change begins from, which an earlier run may have left.
        edit: what becomes of the inventory.
        commit: that is committed to git.
        inventory: its files are changed; else it is left to others.
        past: the earlier run that this one takes back or goes on with.
        shown: the dry run that somebody saw and said yes to: nothing else is done.
    """

    request: Request
    nr: Nornir
    fleet: Inventory
    origin: Inventory
    edit: Edit
    commit: bool
    inventory: bool
    past: Past | None = None
    shown: Run | None = None

    @classmethod
    def of(
        cls,
        request: Request,
        service: str,
        ask: Callable[[Iterable[str]], Wanted],
        *,
        commit: bool,
        inventory: bool,
        past: Past | None,
        shown: Run | None,
    ) -> VipRun:
        """The run that is wanted.

        Args:
            request: how; with its policy's dry run nothing will be changed.
            service: whose VIP.
            ask: from the service's VIPs to what is wanted.
            commit: see the attributes.
            inventory: likewise.
            past: likewise.
            shown: likewise.

        Raises:
            LvsfleetError: the inventory is refused or cannot be edited for it, or somebody else has
                the VIP; or it is not what it was when the plan was shown.
        """
        nr, fleet = load(request.inventory)
        asked = ask(known_vips(fleet, service))
        among = None
        if request.limit or request.filters:
            among = select(nr.inventory.hosts, request.limit, request.filters)
        if past is None:
            origin, edit = fleet, edit_for(nr, fleet, asked, among, written=inventory)
        else:
            with naming_later(past.run, asked):
                origin, edit = past.edit(nr, fleet, asked, among)
        if not request.policy.dry_run:
            refuse(request.inventory, edit.team.routers, but=past.ends if past else ())
        elif past is None:
            tell(request.inventory)
        run = cls(request, nr, fleet, origin, edit, commit, inventory, past, shown)
        if shown is not None and shown.inventory != run.planned:
            raise LvsfleetError(
                "the inventory is not any more what it was when the plan was shown",
                "Run again: it shows anew",
            )
        check_writable(edit.files)
        if commit:
            check_committable(edit.files)
        refuse_absent_lab(request.inventory)
        return run

    @property
    def routers(self) -> tuple[str, ...]:
        """All that are concerned."""
        return self.edit.team.routers

    @property
    def edits_shown(self) -> Shown | None:
        """By router what somebody saw; None where nobody was asked."""
        if self.shown is None:
            return None
        return {each.router: frozenset(each.changes) for each in self.shown.outcomes}

    def conduct(
        self,
        jobs: Mapping[str, Job],
        course: Course,
        *,
        command: str,
        asked: Mapping[str, str | float | bool | None],
        wait: float = 0.0,
    ) -> Run:
        """Do it, or plan it.

        Args:
            jobs: what each router is to be brought to in the end.
            course: how they go there.
            command: what was asked for, for the journal.
            asked: its words, likewise.
            wait: seconds in which somebody else has to do something.

        Raises:
            LvsfleetError: the journal cannot be written; nothing was changed.
        """
        past, request = self.past, self.request
        guarded = past is None or past.guarded
        ending = InventoryEnding(
            self.edit,
            commit=self.commit,
            guarded=guarded and not (request.ask_pass or request.ask_sudo_pass),
            ends=past.ends if past else (),
        )

        def engine(fleet: Fleet, jobs: Mapping[str, Job]) -> Lockstep:
            stages, look = course(fleet)
            return Lockstep(fleet, jobs, stages, ending, look=past.look if past else look)

        run = conduct(
            replace(request, confirm_timeout=request.confirm_timeout + wait),
            self.nr,
            self.fleet,
            jobs,
            command=past.command if past else command,
            of=past.run.id if past else None,
            engine=engine,
            asked={
                **asked,
                "commit": self.commit or None,
                "no_inventory": not self.inventory or None,
            },
        )
        return replace(run, inventory=self._became(run, ending))

    @property
    def planned(self) -> InventoryChange | None:
        """What the inventory's files are to become; None where they stay, and say it."""
        if self.edit.files:
            return InventoryChange(tuple(f.label for f in self.edit.files), self.edit.diff)
        says = _says(self.fleet, self.edit)
        if says and self.inventory:
            return None
        return InventoryChange((), "", Said.AGREES if says else Said.LEFT)

    def _became(self, run: Run, ending: InventoryEnding) -> InventoryChange | None:
        planned = self.planned
        if planned is None or run.dry_run:
            return planned
        if not planned.files:
            return planned if {each.status for each in run.outcomes} <= THERE else None
        if not ending.written:
            return replace(planned, status=Said.UNWRITTEN) if run.journal else None
        # Git shows nothing any more of what it has committed.
        diff = planned.diff if ending.committed else git_diff(self.edit.files)
        return replace(planned, diff=diff, status=Said.WRITTEN, commit=ending.committed)


def _says(fleet: Inventory, edit: Edit) -> bool:
    """Whether the inventory says of all routers what is wanted."""
    wanted = edit.change
    for name in edit.team.routers:
        service = service_of(fleet.desired[name], wanted.service)
        if service is None:
            continue
        if isinstance(wanted, Drain):
            if service.how_drains(wanted.from_address) is not wanted.how:
                return False
        elif wanted.from_address in service.vips or (
            wanted.to_address is not None and wanted.to_address not in service.vips
        ):
            return False
    return True
