"""The end of a run that changes the inventory, too: written last, and never left half done."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from inventory.editing.delta import Delta
from inventory.editing.errors import NotWritten
from inventory.editing.git import commit
from inventory.editing.plan import Edit
from inventory.editing.writing import write
from runbooks.guarding import Guardian, start_guardian
from runbooks.journal import Journal, NotRecorded
from runbooks.journal.unfinished import mark, unmark
from tasks.outcome import THERE, Outcome, Status

_MAY_BE_CHANGED = frozenset({Status.CHANGED, Status.UNKNOWN})


@dataclass
class InventoryEnding:
    """See `runbooks.stages.Ending`.

    Before the first router is changed it is on the disk what is going to become of the inventory,
    and that the run is not finished. A guardian waits for this program to die.

    Attributes:
        edit: the inventory's.
        commit: to git, too.
        guarded: whether another process may finish the run where this one dies: not where it could
            not log in.
        ends: earlier runs that are whole with this one.
    """

    edit: Edit
    commit: bool = False
    guarded: bool = True
    ends: Collection[str] = ()
    journal: Journal | None = field(default=None, init=False)
    written: bool = field(default=False, init=False)
    committed: str = field(default="", init=False)
    guardian: Guardian = field(default_factory=Guardian, init=False)

    @property
    def pending(self) -> bool:
        """Whether the inventory does not say it yet."""
        return bool(self.edit.files)

    def begins(self, journal: Journal) -> None:
        """Write down what is wanted, and have somebody watch.

        Raises:
            NotRecorded: that cannot be written; nothing was changed.
        """
        self.journal = journal
        run = journal.folder.name
        journal.inventory(
            [
                Delta.of(str(file.path.absolute()), file.label, file.before, file.after)
                for file in self.edit.files
            ]
        )
        try:
            mark(run)
        except OSError as error:
            raise NotRecorded(
                f"the journal cannot be written: {error.strerror or error}",
                "Make room, or set XDG_STATE_HOME to another folder. Nothing was changed",
            ) from error
        if self.guarded:
            self.guardian = start_guardian(journal.folder)

    def finish(self) -> None:
        """Write the inventory.

        Raises:
            NotWritten: it could not be.
            NotCommitted: it is written, and git would not take it.
        """
        self._is("starts")
        try:
            write(self.edit.files)
        except NotWritten as error:
            self._is("failed", error.message)
            run = self.journal.folder.name if self.journal else ""
            hint = f"`lvsfleet resume {run}` goes on, `lvsfleet rollback {run}` takes all back"
            raise type(error)(error.message, ". ".join(filter(None, (error.hint, hint)))) from error
        self._is("done")
        self.written = True
        if self.commit and self.edit.files:
            self.committed = commit(self.edit.files, str(self.edit.change))

    def over(self, outcomes: Mapping[str, Outcome]) -> None:
        """Nobody need watch any more, unless it is not known how a router was left."""
        statuses = {each.status for each in outcomes.values()}
        wanted = statuses <= THERE and (self.written or not self.edit.files)
        before = not statuses & _MAY_BE_CHANGED and not self.written
        if self.journal is not None and (wanted or before):
            unmark(self.journal.folder.name)
        if wanted:
            for run in self.ends:
                unmark(run)
        # The guardian waits for what a router does by itself; all else was said, and is the user's.
        if Status.UNKNOWN not in statuses:
            self.guardian.end()

    def _is(self, state: str, detail: str = "") -> None:
        if self.journal is not None:
            self.journal.inventory_is(state, detail)
