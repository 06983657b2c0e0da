"""A waiver: a finding that its operators know of and live with, for a reason and until a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver of a router.

    Attributes:
        id: of the check, e.g. ``LVS038``.
        reason: why it is lived with.
        until: the last day on which it holds.
        service: the one that it is for; None is the whole router.
    """

    id: str
    reason: str
    until: date
    service: str | None = None

    def covers(self, check: str, service: str | None) -> bool:
        """Whether a finding of ``check`` about ``service`` is meant."""
        return self.id == check and self.service in (None, service)

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return today > self.until
