"""One router's compliance as a Nornir task: asked in one round trip, then checked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inventory.desired import Desired
from tasks.checks.every import findings_of, subject_of
from tasks.checks.subject import Subject
from tasks.errors import RouterError
from tasks.inspection import inspect
from tasks.outcome import Finding
from tasks.reach import asking

if TYPE_CHECKING:
    from nornir.core.task import Result, Task


@dataclass(frozen=True, slots=True)
class Inspected:
    """What came of one router.

    Attributes:
        router: its name.
        subject: what it is; None where it could not be asked.
        findings: what the checks of one router found.
        error: why it could not be asked, or its answer not be read.
        seconds: from the first connection to the last check.
    """

    router: str
    subject: Subject | None = None
    findings: tuple[Finding, ...] = ()
    error: RouterError | None = None
    seconds: float = 0.0


def inspect_of(task: Task, *, desired: Desired, deadline: float, patience: float) -> Result:
    """Ask and check one router; the result is an `Inspected`. No RouterError leaves it.

    Args:
        task: Nornir's.
        desired: what the router should be.
        deadline: seconds for its answer.
        patience: seconds after which no further attempt to connect begins.
    """
    from nornir.core.task import Result  # noqa: PLC0415 - nornir is 150 ms that --help can spare

    begun = time.monotonic()
    subject: Subject | None = None
    findings: tuple[Finding, ...] = ()
    error: RouterError | None = None
    try:
        inspection = asking(
            task.host, lambda shell: inspect(shell, desired, deadline=deadline), patience=patience
        )
        subject = subject_of(desired, inspection)
        findings = findings_of(subject)
    except RouterError as problem:
        error = problem
    seconds = time.monotonic() - begun
    return Result(
        host=task.host, result=Inspected(desired.router, subject, findings, error, seconds)
    )
