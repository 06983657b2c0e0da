"""An earlier run that changed a VIP: taken back, or gone on with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from inventory.desired import Backend, Desired
from inventory.editing.changes import Change as Asked
from inventory.editing.draining import Drain, Wanted
from inventory.editing.errors import EditRefused, NotEditable
from inventory.editing.fileedit import FileEdit, merged
from inventory.editing.plan import Edit, plan_edit, with_files
from inventory.fleet import Fleet as Inventory
from runbooks.closing import close
from runbooks.engine import Fleet, Job
from runbooks.journal import End, NotRead, RecordedRun, read
from runbooks.journal.place import runs
from runbooks.journal.sections import with_passwords, without_passwords
from runbooks.journal.unfinished import marked
from runbooks.putback import observed_then, places
from runbooks.unfinished import whole
from runbooks.vip_edit import edit_for
from tasks.backends.protocol import Back, Change
from tasks.errors import ChangedSince
from tasks.keepalived.answer import files_of
from tasks.keepalived.change import WHAT as KEEPALIVED
from tasks.keepalived.editing import FileEdit as Shown
from tasks.keepalived.files import Files
from tasks.look import Look, Planner
from tasks.observe import Observed
from tasks.outcome import Edit as RuleEdit
from tasks.outcome import Outcome
from tasks.plan import by_backend, plan_back
from tasks.vip import Move

if TYPE_CHECKING:
    from nornir.core import Nornir


@dataclass(frozen=True)
class Past:
    """What is to become of an earlier run.

    Attributes:
        run: what its journal says.
        back: it is taken back; else gone on with.
        force: also where something was changed since.
        guarded: another process may finish it where this one dies.
        closes: what the run left armed is brought to its end even in a dry run.
    """

    run: RecordedRun
    back: bool
    force: bool = False
    guarded: bool = True
    closes: bool = False

    @cached_property
    def ends(self) -> tuple[str, ...]:
        """The unfinished runs that are whole when this is done: that one, and others like it."""
        return tuple(name for name in marked() if name == self.run.id or self._alike(name))

    def _alike(self, name: str) -> bool:
        try:
            other = read(name)
        except NotRead:  # its journal was deleted, or nobody knows what it says
            return not (runs() / name).exists()
        return (
            other.end is not End.RUNNING
            and other.inventory == self.run.inventory
            and other.options.get("service") == self.run.options.get("service")
            and vips(other) == vips(self.run)
        )

    @property
    def command(self) -> str:
        """What the new run is called."""
        return "rollback" if self.back else "resume"

    @property
    def unfinished(self) -> bool:
        """Whether routers may not be alike, and so not settled."""
        return self.run.id in marked() and not whole(self.run)

    def edit(
        self, nr: Nornir, fleet: Inventory, asked: Wanted, among: Collection[str] | None
    ) -> tuple[Inventory, Edit]:
        """The inventory's edit, and the fleet that it begins from.

        Where the inventory says already what it is to say, there is nothing to write.

        Raises:
            LvsfleetError: as `inventory.editing.plan.plan_edit` does.
        """
        among = among or self.run.routers.keys() & fleet.desired.keys() or None
        written = self.run.options.get("no_inventory") is not True
        try:
            if written:
                edit = plan_edit(nr, fleet, asked, among=among)
            else:
                edit = edit_for(nr, fleet, asked, among, written=False)
        except EditRefused as refusal:
            if isinstance(refusal, NotEditable) and self.run.edit and self.run.edit.files:
                raise  # it was written, and would say what is no longer so
            if isinstance(asked, Drain):
                return fleet, edit_for(nr, fleet, asked, among, written=False)
            opposite = Asked.of(asked.service, old=asked.new, new=asked.old)
            try:
                before = edit_for(nr, fleet, opposite, among, written=False)
            except EditRefused:
                raise refusal from None
            return before.fleet, Edit(asked, before.team, (), (), fleet)
        exact = self._files(edit) if self.back else None
        return fleet, (exact and with_files(nr, edit, exact)) or edit

    def _files(self, edit: Edit) -> tuple[FileEdit, ...] | None:
        """The inventory's files as they were, to the byte; None where one was written since."""
        deltas = {each.path: each for each in self.run.edit.files} if self.run.edit else {}
        found = []
        for file in edit.files:
            delta = deltas.pop(str(file.path.absolute()), None)
            was = delta.undone(file.before) if delta is not None else None
            if was is None:
                return None
            found.append(FileEdit(file.path, file.label, file.before, was))
        return None if deltas else tuple(found)

    def move(self, move: Move) -> Move:
        """How one router goes there."""
        name = move.before.router
        before = observed_then(self.run, name, "before")
        after = observed_then(self.run, name, "after")
        if not self.back or before is None or name not in self.run.routers:
            return move
        backend = self.run.routers[name].backend
        rules: Planner | None = None
        if backend:

            def rules(now: Observed) -> Change:
                return self._rules_back(name, now).change

        files = None
        if after is not None:
            was, became = files_of(before.sections), files_of(after.sections)

            def files(now: Files) -> Mapping[str, str] | None:
                return files_back(was, became, now)

        return replace(move, rules=rules, files=files)

    def job(self, move: Move, job: Job) -> Job:
        """What one router is to be brought to, where nothing was changed since the run."""
        desired, planner = self._asked(job.desired), self._planner(move, job.planner)
        return replace(job, desired=desired, planner=planner)

    def look(self, fleet: Fleet, jobs: Mapping[str, Job]) -> dict[str, Look | Outcome]:
        """Look at the routers when nothing of the run is armed on them any more."""
        if (self.closes or not fleet.policy.dry_run) and self.unfinished:
            close(fleet, jobs, self.run)
        return fleet.look(jobs)

    def _asked(self, desired: Desired) -> Desired:
        """Also about all that the run changed there."""
        recorded = self.run.routers.get(desired.router)
        rules = _rules(recorded.changes) if recorded else []
        if not self.back or recorded is None or not rules or not recorded.backend:
            return desired
        backend = Backend(recorded.backend)
        besides = tuple(each for each in by_backend(rules) if each is not backend)
        zone = places(rules) or desired.zone
        return replace(desired, backend=backend, besides=besides, zone=zone)

    def _planner(self, move: Move, plan: Planner) -> Planner:
        """``plan``, but for what was changed since the run: that is refused, unless forced."""
        name = move.before.router

        def refusing(now: Observed) -> Change:
            change = plan(now)
            since = self._since(name, move, now, change) if change.edits else []
            if since and not self.force:
                verb = "takes it back" if self.back else "goes on"
                raise ChangedSince(
                    f"it has been changed since run {self.run.id}:\n" + "\n".join(since),
                    f"--force {verb} all the same",
                )
            return change

        return refusing

    def _since(self, name: str, move: Move, now: Observed, change: Change) -> list[str]:
        recorded = self.run.routers.get(name)
        if recorded is None:
            return []
        if not self.back:
            return [each.line for each in change.edits if each not in recorded.changes]
        since = list(self._rules_back(name, now).since) if move.rules is not None else []
        after = observed_then(self.run, name, "after")
        if move.files is None or after is None or not move.keepalived:
            return since
        files = files_of(now.sections)
        if move.files(files) is not None:
            return since
        for path, text in files_of(after.sections).texts.items():
            shown = without_passwords(files.texts.get(path, ""))
            since += Shown(path, text, shown).diff()
        return since

    def _rules_back(self, name: str, now: Observed) -> Back:
        recorded = self.run.routers[name]
        before = observed_then(self.run, name, "before")
        backend = Backend(recorded.backend)
        rules = _rules(recorded.changes)
        if before is None or not rules:
            return Back(Change(backend))
        after = observed_then(self.run, name, "after")
        return plan_back(backend, rules, before=before, after=after, now=now)


def files_back(was: Files, became: Files, now: Files) -> Mapping[str, str] | None:
    """Keepalived's files without an edit, and with all that others wrote elsewhere since.

    Args:
        was: what they were before it, without passwords.
        became: what they were after it, likewise.
        now: what they are.

    Returns:
        By path all that are read now; None where its lines are not what it made of them.
    """
    found = dict(now.texts)
    for path, text in was.texts.items():
        if became.texts.get(path) == text:
            continue
        if path not in found or path not in became.texts:
            return None
        shown = without_passwords(found[path])
        texts = (became.texts[path], text, shown)
        both = merged(*(each.encode("utf-8", "surrogateescape") for each in texts))
        if both is None:
            return None
        mended = with_passwords(both.decode("utf-8", "surrogateescape"), found[path])
        if mended is None:
            return None
        found[path] = mended
    return found


def _rules(changes: Collection[RuleEdit]) -> list[RuleEdit]:
    return [each for each in changes if not each.scope.startswith(f"{KEEPALIVED} ")]


def vips(run: RecordedRun) -> tuple[frozenset[object], object]:
    """The VIPs that a run moved, in whichever direction; the VIP that drains, or does no longer."""
    old, new, drains = (run.options.get(name) for name in ("old", "new", "vip"))
    return frozenset({old, new} - {None}), drains
