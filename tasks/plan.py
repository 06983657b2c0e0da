"""From what is desired and what was observed to the smallest change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inventory.desired import Backend, Desired
from tasks.backends import (
    firewalld,
    firewalld_back,
    iptables,
    iptables_back,
    nftables,
    nftables_back,
)
from tasks.backends.protocol import Back, Change, PacketFilter, WayBack
from tasks.choose import choose
from tasks.observe import Observed
from tasks.outcome import Edit

FILTERS: dict[Backend, PacketFilter] = {
    Backend.FIREWALLD: firewalld,
    Backend.IPTABLES: iptables,
    Backend.NFTABLES: nftables,
}

_BACK: dict[Backend, WayBack] = {
    Backend.FIREWALLD: firewalld_back.plan_back,
    Backend.IPTABLES: iptables_back.plan_back,
    Backend.NFTABLES: nftables_back.plan_back,
}


def plan(desired: Desired, observed: Observed) -> Change:
    """The smallest change that brings a router there; its edits are empty where it is there.

    Raises:
        NotReady: the router lacks what the change needs.
        Conflict: a rule that is not ours stands against it.
        NotUnderstood: an answer of the router makes no sense.
    """
    choice = choose(desired, observed)
    change = FILTERS[choice.backend].plan(desired, observed)
    return replace(change, findings=(*choice.findings, *change.findings))


def plan_back(
    backend: Backend,
    edits: Sequence[Edit],
    *,
    before: Observed,
    after: Observed | None,
    now: Observed,
) -> Back:
    """The change that takes an earlier one back; see `tasks.backends.protocol.WayBack`."""
    return _BACK[backend](edits, before=before, after=after, now=now)
