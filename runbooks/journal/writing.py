"""The journal of one run, as it is written: every step is on the disk before it is taken."""

from __future__ import annotations

import fcntl
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inventory.editing.delta import Delta
from inventory.errors import LvsfleetError
from runbooks.journal import events
from runbooks.journal.log import Log, SharedSync
from runbooks.journal.place import (
    JOURNAL,
    ROUTERS,
    file_name,
    is_run,
    make_folder,
    make_folders,
    new_file,
    replace_file,
    runs,
    sync_folder,
)
from runbooks.journal.pruning import prune
from runbooks.journal.sections import to_json
from tasks.outcome import Edit, Outcome
from tasks.sections import Section


class NotRecorded(LvsfleetError):
    """The journal cannot be written; nothing was changed."""


class Journal:
    """A run's journal; a `tasks.record.Recorder`. Made with `create`; called from many threads.

    Attributes:
        folder: where it is.
        failed: the first error in writing it; None where there was none.
    """

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.folder = folder
        self.failed: OSError | None = None
        self._log = Log(descriptor)
        self._sync_routers = SharedSync(lambda: sync_folder(folder / ROUTERS))
        self._began = time.monotonic()
        self._known: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._commits: Counter[str] = Counter()

    @classmethod
    def create(
        cls,
        run: str,
        *,
        command: str,
        inventory: Path | None,
        selection: Mapping[str, Sequence[str]],
        options: Mapping[str, events.Option],
        started: datetime,
        who: str = "",
    ) -> Journal:
        """Begin the journal of a run that is going to change something.

        Args:
            run: the run's name.
            command: what was asked for, e.g. ``rollout``.
            inventory: its folder; None is the repository's example.
            selection: what was given with ``--limit`` and ``--filter``.
            options: how the fleet is changed; only those in `events.RECORDED` are written down.
            started: when the run started.
            who: who runs it, as the routers' locks say.

        Raises:
            NotRecorded: the disk is full, it may not be written there, or there is such a run.
            NoPlace: there is no home folder.
        """
        from importlib.metadata import version  # noqa: PLC0415 - slow, and not for reading

        if not is_run(run):
            raise NotRecorded(f"{run!r} is no name for a run", "Use letters, digits and dashes")
        folder = runs() / run
        beginning = {
            "format": events.FORMAT,
            "run": run,
            "command": command,
            "who": who,
            "version": version("lvsfleet"),
            "started": events.rfc3339(started),
            "inventory": None if inventory is None else str(inventory.absolute()),
            **events.selected(selection, options),
        }
        try:
            make_folders(folder.parent)
            make_folder(folder)
        except FileExistsError as error:
            raise NotRecorded(
                f"there is a journal of a run {run} already: {folder}",
                "Start again: the next run has another name",
            ) from error
        except OSError as error:
            raise _not_recorded(folder, error) from error
        try:
            return _begun(folder, beginning)
        except OSError as error:
            with suppress(OSError):
                (folder / JOURNAL).unlink(missing_ok=True)
                (folder / ROUTERS).rmdir()
            with suppress(OSError):
                folder.rmdir()
            raise _not_recorded(folder, error) from error

    def plan(
        self, router: str, changes: Sequence[Edit], backend: str = "", cluster: str | None = None
    ) -> None:
        """What a router is going to be changed by; on the disk with its first step.

        Raises:
            NotRecorded: the disk takes no more; nothing was changed yet.
        """
        try:
            self.write("plan", events.planned(router, changes, backend, cluster))
        except OSError as error:
            raise _not_recorded(self.folder, error) from error

    def inventory(self, deltas: Sequence[Delta]) -> None:
        """What is going to become of the inventory's files; on the disk with the first step.

        Raises:
            NotRecorded: the disk takes no more; nothing was changed yet.
        """
        try:
            self.write("inventory", events.edited(deltas))
        except OSError as error:
            raise _not_recorded(self.folder, error) from error

    def inventory_is(self, state: str, detail: str = "") -> None:
        """How far that is: ``starts``, ``done`` or ``failed``; on the disk when this returns."""
        with suppress(OSError):  # `failed` remembers it, and the routers have it already
            self.write("inventory", {"state": state, "detail": detail})
            self._guarded(self._log.sync)

    def wave(self, number: int, routers: Sequence[str]) -> None:
        """Which routers are next; on the disk with the first step of one of them."""
        with suppress(OSError):  # `failed` remembers it, and no router of the wave will begin
            self.write("wave", {"number": number, "routers": list(routers)})

    def note(self, router: str, step: str, state: str, detail: str = "") -> None:
        """See `tasks.record.Recorder.note`."""
        self.write("step", {"router": router, "step": step, "state": state, "detail": detail})
        self._guarded(self._log.sync)
        if (step, state) == ("commit", "done"):
            self._commits[router] += 1

    def keep(self, router: str, name: str, sections: Mapping[str, Section]) -> None:
        """See `tasks.record.Recorder.keep`; passwords of keepalived are left out.

        Where the run puts back what it did, the first ``before`` must stay: it is kept beside it,
        as ``before-2``.
        """
        times = self._commits[router]
        whole = f"{name}-{times + 1}" if times else name
        self._guarded(lambda: self._put(router, whole, to_json(sections)))

    def outcome(self, outcome: Outcome) -> None:
        """What came of a router; on the disk with the run's end."""
        self._counts[outcome.status.value] += 1
        with suppress(OSError):  # `failed` remembers it
            self.write("outcome", events.came_of(outcome))

    def end(self, *, interrupted: bool = False, stopped: str = "") -> None:
        """The run is over and all that is known of it is written down.

        Threads that are no longer waited for may still note a step.

        Args:
            interrupted: somebody asked it to stop.
            stopped: why it went no further; empty where it did.
        """
        words = {"interrupted": interrupted, "stopped": stopped, "summary": dict(self._counts)}
        with suppress(OSError):  # `failed` remembers it
            self.write("end", words)
            self._guarded(self._log.sync)
        prune(self.folder.parent)

    def close(self) -> None:
        """Give the file and its lock back; the end of the process does so too."""
        self._log.close()

    def write(self, event: str, words: Mapping[str, Any]) -> None:
        """Append a line; it is on the disk with the next step that is noted.

        Raises:
            OSError: the disk takes no more.
        """

        def line() -> bytes:
            since = time.monotonic() - self._began
            return events.line(event, words, at=datetime.now(UTC), since=since)

        self._guarded(lambda: self._log.append(line))

    def _put(self, router: str, name: str, data: bytes) -> None:
        folder = self.folder / ROUTERS / file_name(router)
        if router in self._known:
            replace_file(folder / f"{file_name(name)}.json", data)
            sync_folder(folder)
            return
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            folder.chmod(0o700)
        replace_file(folder / f"{file_name(name)}.json", data)
        sync_folder(folder)
        self._sync_routers()
        self._known.add(router)

    def _guarded(self, do: Callable[[], None]) -> None:
        try:
            do()
        except OSError as error:
            if self.failed is None:
                self.failed = error
            raise


def _begun(folder: Path, beginning: Mapping[str, Any]) -> Journal:
    """The journal in a new folder, with its first line on the disk."""
    make_folder(folder / ROUTERS)
    descriptor = new_file(folder / JOURNAL)
    with suppress(OSError):  # a file system without locks: a run that lives looks cut off there
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    journal = Journal(folder, descriptor)
    try:
        journal.write("run", beginning)
        journal._log.sync()  # noqa: SLF001 - its constructor
        sync_folder(folder)
    except OSError:
        journal.close()
        raise
    return journal


def _not_recorded(folder: Path, error: OSError) -> NotRecorded:
    return NotRecorded(
        f"the journal cannot be written to {folder}: {error.strerror or error}",
        "Make room or mend that, or set XDG_STATE_HOME to another folder. Nothing was changed",
    )
