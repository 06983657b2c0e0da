"""How a fleet is changed: how many at once, when to stop, and what then."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runbooks.waves import Share


class OnFailure(StrEnum):
    """What happens to the rest of the fleet when a router fails."""

    STOP = "stop"  # begin no further router; those that were changed stay so
    ROLLBACK = "rollback"  # and put back every router that this run changed, newest first
    CONTINUE = "continue"  # go on, unless a cluster lost its one MASTER


@dataclass(frozen=True, slots=True)
class Policy:
    """How a fleet is changed.

    Attributes:
        dry_run: only look.
        now: all at once, without waves and without waiting for VRRP; still armed, still verified.
        batch: how many routers at most in one wave; None is as many as there are.
        pause: seconds between two waves.
        settle: seconds that a cluster's roles must stay what they were, after a wave that touched
            what is let in; None is as long as its keepalived takes to notice a silent MASTER.
        on_failure: what happens to the rest when too many fail. Unless it is to continue, the
            cluster of a router that failed, or that cannot be asked, is held back in any case.
        max_failures: how many may fail before that; the canary never may.
    """

    dry_run: bool = False
    now: bool = False
    batch: Share | None = None
    pause: float = 0.0
    settle: float | None = None
    on_failure: OnFailure = OnFailure.STOP
    max_failures: Share = Share(0)  # noqa: RUF009 - it is frozen
