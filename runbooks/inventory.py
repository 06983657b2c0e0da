"""What ``lvsfleet inventory`` prints."""

from __future__ import annotations

from inventory.desired import Backend
from inventory.fleet import Fleet
from inventory.rules import Mark
from inventory.show import show
from tasks.plan import FILTERS


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


def describe(fleet: Fleet, router: str) -> str:
    """What one router will be, and the commands that one would type on it by hand.

    Where the backend is what the router runs, there are the commands of each.

    Raises:
        LvsfleetError: there is no such router.
    """
    text = show(fleet, router)
    desired = fleet.desired[router]
    for backend, packet_filter in FILTERS.items():
        if desired.backend in {Backend.AUTO, backend}:
            commands = "\n".join(f"  {line}" for line in packet_filter.by_hand(desired))
            text += f"\n\nby hand, with {backend.value}\n{commands or '  nothing to do'}"
    return f"{text}\n"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
