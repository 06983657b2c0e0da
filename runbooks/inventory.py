"""What ``lvsfleet inventory`` prints."""

from __future__ import annotations

from inventory.fleet import Fleet
from inventory.rules import Mark


def summary(fleet: Fleet) -> str:
    """What a fleet consists of, in one line: the answer of a check that found nothing wrong."""
    services = {service for desired in fleet.desired.values() for service in desired.services}
    marks = {
        rule.mark
        for desired in fleet.desired.values()
        for rule in desired.ruleset
        if isinstance(rule, Mark)
    }
    parts = (
        _count(len(fleet.desired), "router"),
        _count(len(fleet.clusters), "cluster"),
        _count(len(services), "service"),
        _count(len(marks), "mark"),
    )
    return f"The inventory is fine: {', '.join(parts)}.\n"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
