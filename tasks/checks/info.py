"""What is known of a check itself: its id, how much it matters, why, and how it is mended."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.outcome import Edit, Finding, Severity


@dataclass(frozen=True, slots=True)
class CheckInfo:
    """One check.

    Attributes:
        id: stable, e.g. ``LVS021``; never given to another check.
        title: what is wrong where it finds something, in a few words.
        severity: how much that matters; a single finding may matter less.
        why: what it means and what happens to packets.
        mend: what to do about it.
        rollout: a rollout mends it, by itself or with the option or the word in the inventory that
            ``mend`` names.
    """

    id: str
    title: str
    severity: Severity
    why: str
    mend: str
    rollout: bool = False

    def finding(
        self,
        message: str,
        hint: str = "",
        *,
        severity: Severity | None = None,
        service: str | None = None,
        diff: tuple[Edit, ...] = (),
    ) -> Finding:
        """A finding of this check."""
        return Finding(self.id, severity or self.severity, message, hint, service, diff)
