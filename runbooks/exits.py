"""The exit codes, and which one a rollout ends with."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from runbooks.reports.check import CheckRun, Compliance
from tasks.errors import Locked
from tasks.outcome import Outcome, Status


class Exit(IntEnum):
    """What the caller's ``$?`` says."""

    OK = 0
    FAILED = 1  # a router failed, was not reached or was held back; also a fault of the program
    USAGE = 2  # the command line or the inventory; nothing was contacted
    DRIFT = 3  # compliance found some, or a dry run would change something
    LOCKED = 4  # another run holds every router that failed
    INTERRUPTED = 130


_NOT_AS_WANTED = {Status.FAILED, Status.REVERTED, Status.UNKNOWN, Status.SKIPPED}


def exit_code(
    outcomes: Iterable[Outcome], *, interrupted: bool = False, stopped: bool = False
) -> Exit:
    """The one code for a whole run.

    The first that holds, in this order: an interrupt (130) says that the run is incomplete,
    whatever else is so; a failure (1) needs a person; only locks among the failures (4) need
    another attempt later, also of the routers that were skipped because of them; a plan (3) needs
    a decision.

    Args:
        outcomes: of the routers.
        interrupted: somebody asked the run to stop.
        stopped: something was wrong that is no router's own failure, as a VIP that moved.
    """
    if interrupted:
        return Exit.INTERRUPTED
    outcomes = tuple(outcomes)
    wrong = [each for each in outcomes if each.status in _NOT_AS_WANTED]
    failed = [each for each in wrong if each.status is not Status.SKIPPED]
    if failed and all(
        each.status is Status.FAILED and isinstance(each.error, Locked) for each in failed
    ):
        return Exit.LOCKED
    if wrong or stopped:
        return Exit.FAILED
    if any(each.status is Status.PLANNED for each in outcomes):
        return Exit.DRIFT
    return Exit.OK


def compliance_code(run: CheckRun) -> Exit:
    """The one code for a compliance run: what was not seen comes before what was found."""
    if run.interrupted:
        return Exit.INTERRUPTED
    if Compliance.UNREACHABLE in run.summary:
        return Exit.FAILED
    return Exit.DRIFT if Compliance.DRIFT in run.summary else Exit.OK
