"""From what is desired and what was observed to the smallest change."""

from __future__ import annotations

from collections.abc import Sequence

from inventory.desired import Backend, Desired
from tasks.backends import firewalld, firewalld_back, iptables, iptables_back
from tasks.backends.protocol import Back, Change, PacketFilter, WayBack
from tasks.errors import NotReady
from tasks.observe import Observed
from tasks.outcome import Edit

FILTERS: dict[Backend, PacketFilter] = {
    Backend.FIREWALLD: firewalld,
    Backend.IPTABLES: iptables,
}

_BACK: dict[Backend, WayBack] = {
    Backend.FIREWALLD: firewalld_back.plan_back,
    Backend.IPTABLES: iptables_back.plan_back,
}


def plan(desired: Desired, observed: Observed) -> Change:
    """The smallest change that brings a router there; its edits are empty where it is there.

    Raises:
        NotReady: the router lacks what the change needs.
        Conflict: a rule that is not ours stands against it.
        NotUnderstood: an answer of the router makes no sense.
    """
    return FILTERS[choose(desired, observed)].plan(desired, observed)


def plan_back(
    backend: Backend,
    edits: Sequence[Edit],
    *,
    before: Observed,
    after: Observed | None,
    now: Observed,
) -> Back:
    """The change that takes an earlier one back; see `tasks.backends.protocol.WayBack`."""
    return _BACK[supported(backend)](edits, before=before, after=after, now=now)


def choose(desired: Desired, observed: Observed) -> Backend:
    """The backend to use; for ``auto`` the one that the router runs.

    Raises:
        NotReady: it runs none, or one that is not supported.
    """
    if desired.backend is not Backend.AUTO:
        return supported(desired.backend)
    units = observed.units
    if units["firewalld"].active or desired.start:
        return Backend.FIREWALLD
    if any(units[name].active for name in ("iptables", "netfilter-persistent")):
        return Backend.IPTABLES
    raise NotReady(
        "no packet filter runs on the router that lvsfleet could keep the marks in",
        "Start one: systemctl enable --now firewalld, or netfilter-persistent, or iptables;"
        " or say backend: firewalld and start: true",
    )


def supported(backend: Backend) -> Backend:
    """The backend itself.

    Raises:
        NotReady: this version cannot keep marks there.
    """
    if backend not in FILTERS:
        names = ", ".join(each.value for each in FILTERS)
        raise NotReady(
            f"this version does not keep marks in {backend.value}",
            f"Say one of: auto, {names}",
        )
    return backend
