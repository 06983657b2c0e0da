"""From what is desired and what was observed to the smallest change.

A router whose marks move to another packet filter gets them there first; what the one that they
leave has of ours goes after that, in the same run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inventory.desired import Backend, Desired
from tasks import draining
from tasks.backends import (
    firewalld,
    firewalld_back,
    iptables,
    iptables_back,
    nftables,
    nftables_back,
)
from tasks.backends.firewalld_files import LIST
from tasks.backends.firewalld_start import ENABLE, START
from tasks.backends.iptables_family import PROGRAMS
from tasks.backends.leaving import has_ours, leave
from tasks.backends.protocol import Back, Change, PacketFilter, WayBack
from tasks.choose import choose
from tasks.observe import Observed
from tasks.outcome import Edit
from tasks.parts import in_parts

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


_IPTABLES = tuple(f"{program} " for program in PROGRAMS.values())


def plan(desired: Desired, observed: Observed) -> Change:
    """The smallest change that brings a router there; its edits are empty where it is there.

    Raises:
        NotReady: the router lacks what the change needs.
        Conflict: a rule that is not ours stands against it.
        NotUnderstood: an answer of the router makes no sense.
    """
    choice = choose(desired, observed)
    change = FILTERS[choice.backend].plan(desired, observed)
    change = replace(change, findings=(*choice.findings, *change.findings))
    left = [
        leave(each, desired, observed)
        for each in FILTERS
        if each is not choice.backend and has_ours(each, observed)
    ]
    refused = draining.plan(desired, observed, choice.backend)
    # Nothing is scheduled that is not refused yet, and nothing refused that is to be scheduled.
    first, last = ([refused], []) if desired.refusals else ([], [refused])
    return in_parts(choice.backend, [*first, change, *left, *last])


def plan_back(
    backend: Backend,
    edits: Sequence[Edit],
    *,
    before: Observed,
    after: Observed | None,
    now: Observed,
) -> Back:
    """The change that takes an earlier one back; see `tasks.backends.protocol.WayBack`.

    Where it was made in several packet filters, they are put back in the opposite order.
    """
    own = [each for each in edits if draining.is_ours(each)]
    made = by_backend([each for each in edits if each not in own]) or ({} if own else {backend: []})
    backs = [
        _BACK[each](mine, before=before, after=after, now=now)
        for each, mine in reversed(made.items())
    ]
    since = tuple(line for back in backs for line in back.since)
    changes = [back.change for back in backs]
    if own:
        changes.insert(0, draining.plan_back(own, before, now, backend))
    return Back(in_parts(backend, changes), since)


def by_backend(edits: Sequence[Edit]) -> dict[Backend, list[Edit]]:
    """Edits by the packet filter whose they are, in the order in which they were made."""
    found: dict[Backend, list[Edit]] = {}
    for each in edits:
        found.setdefault(_backend_of(each), []).append(each)
    return found


def _backend_of(edit: Edit) -> Backend:
    if edit.place or edit.scope in ("firewalld", LIST) or edit.rule in (START, ENABLE):
        return Backend.FIREWALLD
    return Backend.IPTABLES if edit.scope.startswith(_IPTABLES) else Backend.NFTABLES
