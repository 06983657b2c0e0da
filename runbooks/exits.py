"""The exit codes, and which one a rollout ends with."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from tasks.errors import Locked
from tasks.outcome import Outcome, Status


class Exit(IntEnum):
    """What the caller's ``$?`` says."""

    OK = 0
    FAILED = 1  # a router failed or was not reached; also a fault of the program
    USAGE = 2  # the command line or the inventory; nothing was contacted
    DRIFT = 3  # a dry run that would change something
    LOCKED = 4  # another run holds every router that failed
    INTERRUPTED = 130


_NOT_AS_WANTED = {Status.FAILED, Status.REVERTED, Status.UNKNOWN, Status.SKIPPED}


def exit_code(outcomes: Iterable[Outcome], *, interrupted: bool = False) -> Exit:
    """The one code for a whole run.

    The first that holds, in this order: an interrupt (130) says that the run is incomplete,
    whatever else is so; a failure (1) needs a person; only locks among the failures (4) need
    another attempt later; a plan (3) needs a decision.
    """
    if interrupted:
        return Exit.INTERRUPTED
    outcomes = tuple(outcomes)
    wrong = [each for each in outcomes if each.status in _NOT_AS_WANTED]
    if wrong:
        only_locks = all(
            each.status is Status.FAILED and isinstance(each.error, Locked) for each in wrong
        )
        return Exit.LOCKED if only_locks else Exit.FAILED
    if any(each.status is Status.PLANNED for each in outcomes):
        return Exit.DRIFT
    return Exit.OK
