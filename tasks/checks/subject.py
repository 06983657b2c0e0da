"""What a check looks at: one router, what it should be, what it is, and what lies between."""

from __future__ import annotations

from dataclasses import dataclass

from inventory.desired import Backend, Desired, Service
from tasks.backends.protocol import Change
from tasks.errors import RouterError
from tasks.inspection import Inspection
from tasks.observe import Observed


@dataclass(frozen=True, slots=True)
class Subject:
    """One router that was asked.

    Attributes:
        desired: what it should be.
        inspection: what it is.
        change: what a rollout would do; None where that cannot be said.
        error: why not.
    """

    desired: Desired
    inspection: Inspection
    change: Change | None = None
    error: RouterError | None = None

    @property
    def observed(self) -> Observed:
        """What it is, as a rollout sees it."""
        return self.inspection.observed

    @property
    def backend(self) -> Backend:
        """The packet filter that has its marks, as far as that is known."""
        return self.change.backend if self.change else self.desired.backend

    def service_with(self, mark: int) -> Service | None:
        """The service that has a mark."""
        return next((each for each in self.desired.services if each.mark == mark), None)


def listed(words: list[str], most: int = 3) -> str:
    """Some words in a row, and how many more there are."""
    more = f"; and {len(words) - most} more" if len(words) > most else ""
    return "; ".join(words[:most]) + more
