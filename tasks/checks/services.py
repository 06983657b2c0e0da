"""The packet filters: units that have to run, or must not run side by side."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.desired import Backend
from tasks.backends.variants import others_tables
from tasks.checks.catalog.services import LVS010, LVS011, LVS012
from tasks.checks.rules import SYSTEMD
from tasks.checks.subject import Subject
from tasks.errors import TwoFilters
from tasks.outcome import Finding, Where

_LOADERS = {
    "firewalld": "firewalld",
    "iptables": "iptables",
    "ip6tables": "iptables",
    "netfilter-persistent": "iptables",
    "nftables": "nftables",
}
"""The services that load rules, and whose rules those are."""


def units(subject: Subject) -> Iterator[Finding]:
    """What a rollout would start or enable."""
    edits = subject.change.edits if subject.change else ()
    for info, where, said in (
        (LVS010, Where.RUNTIME, "does not run"),
        (LVS011, Where.SAVED, "is not set up for the next boot"),
    ):
        those = tuple(e for e in edits if e.scope == SYSTEMD and e.where is where)
        if those:
            names = dict.fromkeys(each.rule.split()[-1] for each in those)
            yield info.finding(
                f"{', '.join(names)} {said}",
                f"lvsfleet rollout --limit {subject.desired.router}",
                diff=those,
            )


def two_filters(subject: Subject) -> Iterator[Finding]:
    """Services that take each other's rules away."""
    if isinstance(subject.error, TwoFilters):
        return  # said already, in words of its own
    found: dict[str, str] = {}
    for name, backend in _LOADERS.items():
        unit = subject.observed.units[name]
        if unit.active or unit.enabled:
            found.setdefault(backend, f"{name}.service {'runs' if unit.active else 'is enabled'}")
    if len(found) > 1:
        ours = subject.backend.value
        rest = [words.split(".")[0] for backend, words in found.items() if backend != ours]
        yield LVS012.finding(
            f"{' and '.join(found.values())}: each takes the other's rules away when it is started",
            f"systemctl disable --now {rest[0]}",
        )


def both_variants(subject: Subject) -> Iterator[Finding]:
    """iptables-legacy's tables beside firewalld; a plan for the others says so itself."""
    if subject.backend is Backend.FIREWALLD and subject.change is not None:
        conf = subject.observed.text("file:/etc/firewalld/firewalld.conf") or ""
        if "FirewallBackend=iptables" not in conf:
            yield from others_tables(subject.observed, Backend.FIREWALLD)
