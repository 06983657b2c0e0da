"""keepalived's virtual servers against the services."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.desired import Service
from tasks.checks.catalog.keepalived import (
    LVS030,
    LVS031,
    LVS032,
    LVS033,
    LVS036,
    LVS037,
    LVS038,
)
from tasks.checks.running import running_marks
from tasks.checks.subject import Subject, listed
from tasks.keepalived.config import Config, Fwmark, VirtualServer
from tasks.outcome import Finding, Severity

BOTH = frozenset({4, 6})


def by_mark(config: Config) -> dict[int, list[VirtualServer]]:
    """The virtual servers of each mark, in the order in which they stand."""
    found: dict[int, list[VirtualServer]] = {}
    for server in config.virtual_servers:
        for mark in server.marks:
            found.setdefault(mark, []).append(server)
    return found


def families(server: VirtualServer, mark: int) -> frozenset[int]:
    """The address families that a virtual server has a mark for; both where nothing says."""
    targets = (each for each in server.targets if isinstance(each, Fwmark) and each.mark == mark)
    said = {each.version for each in targets if each.version is not None}
    return frozenset(said or {each.address.version for each in server.real_servers}) or BOTH


def several_ports(service: Service) -> bool:
    """Whether packets to more than one port have its mark."""
    return len(service.ports) > 1 or any(p.ports.first != p.ports.last for p in service.ports)


def check(subject: Subject) -> Iterator[Finding]:
    """All of them."""
    config = subject.inspection.keepalived
    if config is None:
        return
    servers = by_mark(config)
    if not config.virtual_servers:
        if subject.desired.services:
            yield LVS031.finding(
                "keepalived.conf has no virtual_server at all: IPVS is set up by something else,"
                " or not yet",
                severity=Severity.INFO,
            )
        return
    yield from _unmarked(subject, servers)
    for service in subject.desired.services:
        yield from _service(service, servers.get(service.mark, []), config)
    for mark, those in servers.items():
        yield from _twice(mark, those)


def _unmarked(subject: Subject, servers: dict[int, list[VirtualServer]]) -> Iterator[Finding]:
    """Marks that nobody sets; one that a service has is told of by the rules."""
    set_by_somebody = running_marks(subject)
    for mark, those in servers.items():
        if subject.service_with(mark) is None and mark not in set_by_somebody:
            yield LVS030.finding(
                f"{those[0].place}: virtual_server fwmark {mark}, and nothing gives packets that"
                " mark",
                "Describe the service in the inventory, or delete the virtual_server",
            )


def _service(service: Service, those: list[VirtualServer], config: Config) -> Iterator[Finding]:
    name, mark = service.name, service.mark
    if config.own_marks is not None and mark >= config.own_marks:
        yield LVS037.finding(
            f"service {name} has mark {mark}, and with nftables_ipvs keepalived gives out marks"
            f" from {config.own_marks} on",
            f"Choose a mark below {config.own_marks}, or raise nftables_ipvs_start_fwmark",
            service=name,
        )
    if not those:
        yield LVS031.finding(
            f"service {name}: keepalived.conf has no virtual_server fwmark {mark}",
            f"Add virtual_server fwmark {mark} {{ … }}, then keepalived -t && systemctl reload"
            " keepalived",
            service=name,
        )
        return
    there = frozenset().union(*(families(each, mark) for each in those))
    for version in sorted({vip.version for vip in service.vips} - there):
        vips = [str(vip) for vip in service.vips if vip.version == version]
        yield LVS036.finding(
            f"service {name}: no virtual_server fwmark {mark} is for IPv{version}, which"
            f" {', '.join(vips)} needs",
            f"Add virtual_server fwmark {mark} {'inet6' if version == 6 else 'inet'} {{ … }}",  # noqa: PLR2004
            service=name,
        )
    if not several_ports(service):
        return
    for each in those:
        ported = [
            f"{rs.address} {rs.port}"
            for rs in each.real_servers
            if rs.port is not None and (rs.method or each.method) == "NAT"
        ]
        if ported:
            yield LVS033.finding(
                f"service {name}: {each.place}: real_server {listed(ported)}: packets to every port"
                " of the service go to that one",
                "Write the port as 0, which keeps the one that a packet came to",
                service=name,
            )
    if all(each.persistence is None for each in those):
        ports = ", ".join(map(str, service.ports))
        yield LVS038.finding(
            f"service {name}: {ports} share mark {mark}, and its virtual_server has no"
            " persistence_timeout",
            "persistence_timeout 300, if a visitor is to stay with one real server",
            service=name,
        )


def _twice(mark: int, those: list[VirtualServer]) -> Iterator[Finding]:
    seen: dict[int, VirtualServer] = {}
    for each in those:
        if not each.real_servers:  # keepalived ignores it
            continue
        for version in families(each, mark):
            other = seen.setdefault(version, each)
            if other is not each:
                yield LVS032.finding(
                    f"virtual_server fwmark {mark} for IPv{version} stands at {other.place} and"
                    f" again at {each.place}",
                    "Keep one of them",
                )
                break
