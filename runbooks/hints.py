"""Commands in hints, so that they can be run as they stand where the report was made."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from tasks.outcome import Finding

_COMMAND = re.compile(r"\blvsfleet (rollout|compliance|status)\b")


def of_inventory(findings: Iterable[Finding], inventory: Path | None) -> Iterator[Finding]:
    """The findings, whose hints name the inventory that they were found with.

    Args:
        findings: as the checks tell them.
        inventory: its folder; None is what the commands take by themselves.
    """
    if inventory is None:
        yield from findings
        return
    words = f" --inventory {shlex.quote(str(inventory))}"
    for each in findings:
        yield replace(each, hint=_COMMAND.sub(lambda found: found[0] + words, each.hint))
