"""Waivers: findings that do not count, until a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

from inventory.waiver import Waiver
from tasks.checks.catalog.ours import LVS062
from tasks.outcome import Finding


def waive(
    findings: Iterable[Finding], waivers: Iterable[Waiver], *, today: date
) -> tuple[Finding, ...]:
    """The findings with their waivers; one that is over is a finding of its own."""
    listed = tuple(waivers)
    valid = [each for each in listed if not each.expired(today)]
    waived = [
        replace(finding, waiver=next((w for w in valid if _covers(w, finding)), None))
        for finding in findings
    ]
    return tuple(sorted((*waived, *_over(listed, today)), key=lambda each: each.id))


def _covers(waiver: Waiver, finding: Finding) -> bool:
    return waiver.covers(finding.id, finding.service)


def _over(waivers: Iterable[Waiver], today: date) -> Iterator[Finding]:
    for each in waivers:
        if each.expired(today):
            of = f" of service {each.service}" if each.service else ""
            yield LVS062.finding(
                f"the waiver for {each.id}{of} held until {each.until}: {each.reason}",
                "Mend what it was for, or take it out of the inventory, or give it a new day",
                service=each.service,
            )
