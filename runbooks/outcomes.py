"""From what Nornir collected to one `Outcome` per router; whatever happened, there is one."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from nornir.core.exceptions import NornirSubTaskError

from inventory.errors import LvsfleetError
from runbooks.runner import Abandoned, NotBegun, Overdue
from tasks.errors import DeadlineExceeded, RouterError
from tasks.look import Look
from tasks.outcome import Outcome, Status

if TYPE_CHECKING:
    from nornir.core.task import MultiResult

LOOK = "Look at it by hand, or run again with --dry-run: that only reads."

_FIRST_CHANGE = "begin"
"""The phase that changes a router; a fault in it or later leaves its state open."""


def outcome_of(router: str, result: MultiResult) -> Outcome:
    """What came of one router: the task's own word, or what its absence means."""
    first = result[0]
    if not isinstance(first.exception, BaseException):
        if isinstance(first.result, Outcome):
            return first.result
        if isinstance(first.result, Look):
            return first.result.outcome()
    error = first.exception
    if isinstance(error, NotBegun):
        return Outcome(router, Status.SKIPPED)
    if isinstance(error, Abandoned):
        return Outcome(router, Status.UNKNOWN, error=_abandoned(error), seconds=error.seconds)
    status = Status.UNKNOWN if _had_begun(result) else Status.FAILED
    return Outcome(router, status, error=_fault(error))


def traceback_of(result: MultiResult) -> str:
    """The traceback of a fault in the program; empty where it was no fault."""
    error = result[0].exception
    if error is None or isinstance(error, LvsfleetError | NotBegun | Abandoned):
        return ""
    return "".join(traceback.format_exception(_root(error)))


def _abandoned(error: Abandoned) -> RouterError:
    if isinstance(error, Overdue):
        message = f"did not finish within {error.seconds:.0f} s and is no longer waited for"
        return DeadlineExceeded(message, f"Its state is not known. {LOOK}")
    message = f"the run was ended while it was being worked on, for {error.seconds:.0f} s"
    return RouterError(message, f"Its state is not known. {LOOK}")


def _fault(error: BaseException | None) -> RouterError:
    """The error of a router; any other exception is a fault of this program."""
    error = _root(error)
    if isinstance(error, RouterError):
        return error
    if isinstance(error, LvsfleetError):
        return RouterError(error.message, error.hint)
    frames = traceback.extract_tb(error.__traceback__) if error else []
    where = f" at {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
    text = " ".join(str(error).split()) or "no message"
    message = f"a fault of lvsfleet itself: {type(error).__name__}{where}: {text}"
    return RouterError(message, f"Please report it with the traceback, which -v shows. {LOOK}")


def _root(error: BaseException | None) -> BaseException | None:
    """Nornir wraps what a subtask raised in an error of its own; this is what was raised."""
    while isinstance(error, NornirSubTaskError) and error.result[0].exception is not None:
        error = error.result[0].exception
    return error


def _had_begun(result: MultiResult) -> bool:
    return any(each.name == _FIRST_CHANGE for each in result)
