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


_KEEP = {
    Backend.IPTABLES: (
        "# for the next boot, add the same to /etc/iptables/rules.v4 and rules.v6 (Debian) or to",
        "# /etc/sysconfig/iptables and ip6tables (Red Hat). `netfilter-persistent save` or",
        "# `service iptables save` would also save what fail2ban or Docker put there for now.",
    )
}
"""How what the commands do is kept, where they do not do that themselves."""


def describe(fleet: Fleet, router: str) -> str:
    """What one router will be, and the commands that one would type on it by hand.

    Where the backend is what the router runs, there are the commands of each.

    Raises:
        LvsfleetError: there is no such router.
    """
    text = show(fleet, router)
    desired = fleet.desired[router]
    if desired.backend is Backend.AUTO:
        text += (
            f"\n\nbackend auto: one of these, by what {router} runs, which nobody has asked it"
            f" yet;\n`lvsfleet rollout --dry-run --limit {router}` asks"
        )
    for backend, packet_filter in FILTERS.items():
        if desired.backend in {Backend.AUTO, backend}:
            commands = packet_filter.by_hand(desired)
            lines = [*commands, *_KEEP.get(backend, ())] if commands else ["nothing to do"]
            text += f"\n\nby hand, with {backend.value}"
            text += "".join(f"\n  {line}" for line in lines)
    return f"{text}\n"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
