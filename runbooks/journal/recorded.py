"""What a journal says of a run, as values: also of one that was cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from inventory.editing.delta import Delta
from tasks.outcome import Edit, Status


class End(StrEnum):
    """How a run came to its end, or did not."""

    ENDED = "ended"  # every router that it began has an outcome
    INTERRUPTED = "interrupted"  # likewise, and somebody asked it to stop
    RUNNING = "running"  # its process lives
    CUT_OFF = "cut off"  # its process died before the end


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """One line about a step of a router.

    Attributes:
        at: when, by the controller's clock; None where the line does not say.
        since: seconds since the run's start, by a clock that does not jump.
        step: ``begin``, ``advance``, ``reread``, ``follow``, ``verify``, ``commit``, ``revert``, or
            what a newer version calls it.
        state: ``starts``, ``done`` or ``failed``.
        detail: an error's words; where ``begin`` starts, the run's name on the router.
    """

    at: datetime | None
    since: float
    step: str
    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RecordedError:
    """Why a router was not brought there, in the words of then."""

    kind: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class RecordedEdit:
    """What became of the inventory's files.

    Attributes:
        state: ``planned``, ``starts``, ``done`` or ``failed``.
        files: what each is changed by.
    """

    state: str
    files: tuple[Delta, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordedRouter:
    """What a journal says of one router.

    Attributes:
        name: its name in the inventory of then.
        cluster: its cluster, where it had one.
        backend: the packet filter; empty where that is not known.
        changes: what was planned.
        wave: the number of its wave; None where it was never its turn.
        steps: in the order in which they were taken.
        status: how it was left, as its outcome or its last step says; None where neither does.
        error: why it failed; None where it did not.
    """

    name: str
    cluster: str | None = None
    backend: str = ""
    changes: tuple[Edit, ...] = ()
    wave: int | None = None
    steps: tuple[RecordedStep, ...] = ()
    status: Status | None = None
    error: RecordedError | None = None

    @property
    def begun(self) -> bool:
        """Whether anything may have been done to it."""
        return bool(self.steps)

    @property
    def open(self) -> bool:
        """Whether it was begun, and the journal cannot say how it was left."""
        return self.begun and self.status in {None, Status.UNKNOWN}

    @property
    def last_begin(self) -> RecordedStep | None:
        """The start of its last attempt."""
        begins = [s for s in self.steps if (s.step, s.state) == ("begin", "starts")]
        return begins[-1] if begins else None


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """What a journal says of one run.

    Attributes:
        id: the run's name.
        folder: where its journal is.
        end: how it came to its end.
        command: what was asked for; empty where the journal does not say.
        who: who ran it.
        version: of the lvsfleet that wrote it.
        started: when; None where neither the journal nor the run's name says.
        seconds: from its start to the last line.
        inventory: the inventory's folder; empty is the repository's example.
        selection: what was given with ``--limit`` and ``--filter``.
        options: how the fleet was changed.
        routers: those that it planned to change, in that order.
        edit: of the inventory; None where the run is about none.
        stopped: why it went no further; empty where it did.
        marked: it must not stay as it is; see `runbooks.journal.unfinished`.
        damaged: how many lines could not be read.
    """

    id: str
    folder: Path
    end: End
    command: str = ""
    who: str = ""
    version: str = ""
    started: datetime | None = None
    seconds: float = 0.0
    inventory: str = ""
    selection: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    routers: Mapping[str, RecordedRouter] = field(default_factory=dict)
    edit: RecordedEdit | None = None
    stopped: str = ""
    marked: bool = False
    damaged: int = 0

    @property
    def open(self) -> tuple[RecordedRouter, ...]:
        """The routers that were begun and of which nobody knows how they were left."""
        return tuple(each for each in self.routers.values() if each.open)

    @property
    def touched(self) -> list[str]:
        """The routers that it changed, or may have."""
        return [
            name
            for name, each in self.routers.items()
            if each.status is Status.CHANGED or each.open
        ]

    @property
    def ended_later(self) -> bool:
        """Whether it left something open, and another run brought it to its end."""
        return self.end is not End.RUNNING and self.edit is not None and not self.marked

    @property
    def summary(self) -> dict[Status, int]:
        """How many routers were left how, where that is known; in the order of `Status`."""
        count = Counter(each.status for each in self.routers.values())
        return {status: count[status] for status in Status if count[status]}

    def taken_back_by(self, router: RecordedRouter) -> datetime | None:
        """When the router, left alone, has taken its unconfirmed change back; None: unknown."""
        seconds = self.options.get("confirm_timeout")
        begin = router.last_begin
        if begin is None or begin.at is None or not isinstance(seconds, int | float):
            return None
        done = [s.at for s in router.steps if (s.step, s.state) == ("begin", "done")]
        armed = max((at for at in done if at is not None), default=begin.at)
        return max(armed, begin.at) + timedelta(seconds=min(seconds, 86400.0))
