"""Text for the page: harmless whatever a router said, and the few words that its parts share."""

from __future__ import annotations

from html import escape

from runbooks.reports.check import Compliance
from runbooks.reports.text import visible
from runbooks.reports.words import visible_lines
from tasks.outcome import Finding

CLASSES = {
    Compliance.COMPLIANT.value: "fine",
    Compliance.DRIFT.value: "warning",
    Compliance.UNREACHABLE.value: "error",
}
"""The look of each status."""


def text(value: str) -> str:
    """``value`` on one line, for an element or an attribute."""
    return escape(visible(value))


def lines(value: str) -> str:
    """``value`` with its lines kept."""
    return escape(visible_lines(value))


def plural(number: int, word: str) -> str:
    """``1 router``, ``2 routers``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def kind_of(finding: Finding) -> str:
    """How a finding is marked: its severity, or that it is waived."""
    return "waived" if finding.waiver is not None else finding.severity.value
