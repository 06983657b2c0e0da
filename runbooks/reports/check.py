"""What a compliance report is made from: one look at a fleet, and what was found on each router."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tasks.checks.info import CheckInfo
from tasks.errors import RouterError
from tasks.outcome import Finding


class Compliance(StrEnum):
    """How one router stands."""

    COMPLIANT = "compliant"  # asked, and nothing that counts was found
    DRIFT = "drift"  # a finding counts: an error or a warning that is not waived
    UNREACHABLE = "unreachable"  # not asked, or its answer could not be read: see the error


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found on one router.

    Attributes:
        router: its name in the inventory.
        cluster: the one that it belongs to; None stands alone.
        backend: the packet filter that was looked at; empty where it is not known.
        status: how it stands.
        findings: all of them, by id; waived ones and those of severity info too.
        error: why it could not be checked; None where it was.
        seconds: from the first connection to the last answer.
    """

    router: str
    cluster: str | None
    backend: str
    status: Compliance
    findings: tuple[Finding, ...] = ()
    error: RouterError | None = field(default=None, compare=False)
    seconds: float = 0.0

    def of(self, check: str) -> Iterator[Finding]:
        """What one check found."""
        return (each for each in self.findings if each.id == check)


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One compliance run over the fleet.

    Attributes:
        id: names the run.
        started: when, in UTC.
        seconds: how long it took in all.
        routers: one for each selected router, in the inventory's order.
        checks: those that were made, by id.
        skipped: those that were not, as ``--skip`` and ``--only`` say, by id.
        interrupted: somebody asked it to stop; what was not asked by then is ``unreachable``.
        since: what is left out because an earlier run knew it; empty where nothing may be.
    """

    id: str
    started: datetime
    seconds: float
    routers: tuple[Checked, ...]
    checks: tuple[CheckInfo, ...] = ()
    skipped: tuple[CheckInfo, ...] = ()
    interrupted: bool = False
    since: str = ""

    @property
    def summary(self) -> dict[Compliance, int]:
        """How many routers stand how; only what occurs, in the order of `Compliance`."""
        count = Counter(each.status for each in self.routers)
        return {status: count[status] for status in Compliance if count[status]}
