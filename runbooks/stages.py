"""What a change of several routers as one is made of: its stages, and what is done in the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from runbooks.journal import Journal
from tasks.backends.protocol import Change
from tasks.observe import Observed
from tasks.outcome import Outcome
from tasks.standing import Standing


@dataclass(frozen=True, slots=True)
class Stage:
    """What all routers do before any goes on.

    Attributes:
        said: what it is, for whoever watches.
        plan: from a router's name and what it is to what it still needs for this.
        saved: what it does is saved with the run; else a later stage says what is.
        canary: one BACKUP does it first, and is seen to have it.
        then: what must be so after it on the cluster: gives what is not yet, in words; asked again
            until it is, or ``patience`` is over.
        patience: seconds for that.
        check: done once after it; raises a RouterError where all is to be taken back.
        together: only where all routers are still to be changed; where one has all of it already,
            they are not alike until the others have, too.
        ahead: what it does is done along with the stage before it already, but not read by
            keepalived until it is this one's turn.
        seen: each router is looked at when it has done it; else the next stage's look is enough.
    """

    said: str
    plan: Callable[[str, Observed], Change]
    saved: bool = True
    canary: bool = False
    then: Callable[[Mapping[str, Standing]], str] | None = None
    patience: float = 10.0
    check: Callable[[], None] | None = None
    together: bool = False
    ahead: bool = False
    seen: bool = True


class Ending(Protocol):
    """What a run does besides its routers, and what sees to it that nothing stays half done."""

    @property
    def pending(self) -> bool:
        """Whether there is something to do besides the routers."""
        ...

    def begins(self, journal: Journal) -> None:
        """The first router is going to be changed.

        Raises:
            LvsfleetError: it must not be; nothing was changed.
        """
        ...

    def finish(self) -> None:
        """All routers have it: do the rest, e.g. write the inventory.

        Raises:
            LvsfleetError: that could not be done.
        """
        ...

    def over(self, outcomes: Mapping[str, Outcome]) -> None:
        """Nothing more is done; what came of all routers."""
        ...
