"""Which packet filter a router's marks are kept in; for ``auto`` the one that it runs, and why."""

from __future__ import annotations

from dataclasses import dataclass

from inventory.desired import Backend, Desired
from tasks.backends.nft_json import objects
from tasks.backends.nft_sides import OTHERS
from tasks.backends.nft_table import DRAIN, FAMILY
from tasks.backends.nftables import LOADER
from tasks.checks.catalog.services import LVS016
from tasks.errors import NotRunning, TwoFilters
from tasks.observe import Observed
from tasks.outcome import Finding

_LOADERS = {
    "firewalld": Backend.FIREWALLD,
    "iptables": Backend.IPTABLES,
    "netfilter-persistent": Backend.IPTABLES,
    "nftables": Backend.NFTABLES,
}
"""The services that load rules at boot."""

_OF_IPTABLES = {
    (family, table)
    for family in ("ip", "ip6")
    for table in ("filter", "mangle", "nat", "raw", "security")
}
"""The tables that iptables-nft makes: they tell nothing of who keeps rules in nftables itself."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A backend.

    Attributes:
        backend: which one; never ``auto``.
        why: what on the router speaks for it; empty where the inventory says so.
    """

    backend: Backend
    why: str = ""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The choice, for whoever asks how it came about."""
        if not self.why:
            return ()
        return (LVS016.finding(f"auto is {self.backend.value}: {self.why}"),)


def choose(desired: Desired, observed: Observed) -> Choice:
    """The backend to use.

    Raises:
        NotRunning: the router runs none.
        TwoFilters: it runs, or will run, two that fight.
        NotUnderstood: an answer of the router makes no sense.
    """
    if desired.backend is not Backend.AUTO:
        return Choice(desired.backend)
    units = observed.units
    _refuse_two(observed)
    if units[LOADER.name].enabled and not units["firewalld"].active:
        return Choice(Backend.NFTABLES, f"{LOADER.name}.service loads lvsfleet's own table")
    for name, backend in _LOADERS.items():
        if units[name].active:
            return Choice(backend, f"{name}.service runs")
    if desired.start:
        return Choice(Backend.FIREWALLD, "it is to be started")
    if units["nftables"].enabled:
        return Choice(Backend.NFTABLES, "nftables.service is enabled")
    tables = _tables_of_nftables(observed)
    if tables:
        return Choice(Backend.NFTABLES, f"nothing else runs, and nft has {', '.join(tables)}")
    raise NotRunning(
        "no packet filter runs on the router that lvsfleet could keep the marks in",
        "Start one: systemctl enable --now firewalld, or nftables, netfilter-persistent, iptables;"
        " or say which: backend: nftables needs none; firewalld with start: true is started",
    )


def _refuse_two(observed: Observed) -> None:
    """Stop where two services each load, or will load, what the other one takes away.

    Raises:
        TwoFilters: there are two.
    """
    found = {
        name: backend
        for name, backend in _LOADERS.items()
        if observed.units[name].active or observed.units[name].enabled
    }
    first, *rest = found or [""]
    for name in rest:
        if found[name] is not found[first]:
            raise TwoFilters(
                f"{_state(observed, first)} and {_state(observed, name)}: at a boot, or when either"
                " is started, one takes the other's rules away",
                f"Keep one: systemctl disable --now {name}, or {first}; or say in the inventory"
                " which backend has the marks",
            )


def _state(observed: Observed, name: str) -> str:
    return f"{name}.service {'runs' if observed.units[name].active else 'is enabled'}"


def _tables_of_nftables(observed: Observed) -> list[str]:
    text = observed.text(OTHERS)
    named = [
        (str(body.get("family")), str(body.get("name")))
        for kind, body in objects(text or '{"nftables": []}')
        if kind == "table"
    ]
    return [
        f"table {family} {name}"
        for family, name in named
        if (family, name) not in {*_OF_IPTABLES, (FAMILY, DRAIN)}
    ]
