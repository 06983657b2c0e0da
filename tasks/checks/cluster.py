"""The cluster: what only all of its routers show together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from inventory.rules import Address
from tasks.checks.catalog.cluster import LVS040, LVS041, LVS043
from tasks.checks.subject import Subject, listed
from tasks.keepalived.config import Config
from tasks.outcome import Finding


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster, asked as a whole.

    Attributes:
        name: its name.
        members: those of its routers that answered, by name.
        silent: those that did not.
        selected: those that the run is about.
    """

    name: str
    members: Mapping[str, Subject]
    silent: tuple[str, ...] = ()
    selected: frozenset[str] = frozenset()

    def vips(self) -> dict[Address, None]:
        """The VIPs of its services, in order."""
        return {
            vip: None
            for each in self.members.values()
            for service in each.desired.services
            for vip in service.vips
        }


def check(cluster: Cluster) -> Iterator[tuple[str, Finding]]:
    """All of them: each finding with the router that it is told of, one that was selected."""
    for router, finding in (*_masters(cluster), *_differences(cluster), *_silent(cluster)):
        if router in cluster.selected:
            yield router, finding


def _masters(cluster: Cluster) -> Iterator[tuple[str, Finding]]:
    """VIPs that several routers hold, or none of all."""
    held = {
        vip: [n for n, each in cluster.members.items() if vip in each.observed.addresses]
        for vip in cluster.vips()
    }
    twice: dict[tuple[str, ...], list[str]] = {}
    for vip, names in held.items():
        if len(names) > 1:
            twice.setdefault(tuple(names), []).append(str(vip))
    for holders, vips in twice.items():
        finding = LVS040.finding(
            f"cluster {cluster.name} has {len(holders)} MASTERs: {' and '.join(holders)} each hold"
            f" {listed(vips)}",
            "journalctl -u keepalived on both; tcpdump -ni INTERFACE proto 112 shows whether each"
            " hears the other",
        )
        yield from ((name, finding) for name in holders)
    known = {
        each.address
        for member in cluster.members.values()
        if member.inspection.keepalived
        for each in member.inspection.keepalived.addresses
    }
    orphans = [str(vip) for vip, names in held.items() if not names and vip in known]
    # One that was not asked may hold them.
    if orphans and not cluster.silent:
        finding = LVS040.finding(
            f"cluster {cluster.name} has no MASTER for {listed(orphans)}: no router holds it",
            "systemctl status keepalived, and journalctl -u keepalived on its routers",
        )
        yield from ((name, finding) for name in cluster.members)


def _differences(cluster: Cluster) -> Iterator[tuple[str, Finding]]:
    """What keepalived is told otherwise on one router than on another."""
    told = {
        name: each.inspection.keepalived
        for name, each in cluster.members.items()
        if each.inspection.keepalived is not None
    }
    for name, config in told.items():
        for other, theirs in told.items():
            said = list(_unlike(config, theirs)) if other != name else []
            if said:
                yield (
                    name,
                    LVS041.finding(
                        f"keepalived.conf of {name} and of {other} differ: {listed(said)}",
                        "Make them alike; where addresses differ reload both within a second",
                    ),
                )
                break


def _unlike(one: Config, two: Config) -> Iterator[str]:
    here, there = _addresses(one), _addresses(two)
    for key in sorted(here.keys() | there.keys()):
        mine, theirs = here.get(key, frozenset()), there.get(key, frozenset())
        if mine != theirs:
            only = _only(sorted(map(str, mine - theirs)), sorted(map(str, theirs - mine)))
            yield f"virtual_router_id {key[0]} (IPv{key[1]}): {only}"
    servers, others = _servers(one), _servers(two)
    for target in sorted(servers.keys() | others.keys()):
        if servers.get(target) != others.get(target):
            yield f"virtual_server {target}" + (
                "" if target in servers and target in others else " is on one of them only"
            )


def _only(mine: Sequence[str], theirs: Sequence[str]) -> str:
    parts = [f"{', '.join(mine)} only here" if mine else ""]
    parts.append(f"{', '.join(theirs)} only there" if theirs else "")
    return ", ".join(part for part in parts if part)


def _addresses(config: Config) -> dict[tuple[int, int], frozenset[Address]]:
    """What each virtual router advertises: two that differ in that discard each other's adverts."""
    found: dict[tuple[int, int], frozenset[Address]] = {}
    for each in config.instances:
        for version in (4, 6):
            addresses = {a.address for a in each.addresses if a.address.version == version}
            if addresses:
                key = (each.router_id or 0, version)
                found[key] = found.get(key, frozenset()) | addresses
    return found


def _servers(config: Config) -> dict[str, object]:
    """Each virtual server by what it is for, and how it balances."""
    found: dict[str, object] = {}
    for each in config.virtual_servers:
        name = f"fwmark {each.marks[0]}" if each.marks else str(each.group or _target(each.targets))
        found[name] = (
            each.targets,
            each.scheduler,
            each.method,
            each.persistence,
            frozenset((rs.address, rs.port) for rs in each.real_servers),
        )
    return found


def _target(targets: Sequence[object]) -> str:
    return ", ".join(
        f"{getattr(each, 'first', '')} {getattr(each, 'port', '') or ''}".strip()
        for each in targets
    )


def _silent(cluster: Cluster) -> Iterator[tuple[str, Finding]]:
    """Routers outside of the selection that could not be asked: nothing else tells of them."""
    outside = [name for name in cluster.silent if name not in cluster.selected]
    if outside:
        finding = LVS043.finding(
            f"{' and '.join(outside)} of cluster {cluster.name} could not be asked: who is MASTER,"
            " and whether all are alike, is known in part only",
            f"lvsfleet compliance --limit {','.join(outside)} says why",
        )
        yield from ((name, finding) for name in cluster.members)
