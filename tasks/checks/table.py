"""The kernel's IPVS table against keepalived.conf."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.rules import Address
from tasks.checks.catalog.keepalived import LVS034
from tasks.checks.subject import Subject, listed
from tasks.checks.virtual_servers import BOTH, by_mark, families
from tasks.ipvs import IpvsService
from tasks.keepalived.config import Config, VirtualServer
from tasks.outcome import Finding

Key = tuple[int, int]
"""A mark and an address family: what IPVS tells services by mark apart by."""


def check(subject: Subject) -> Iterator[Finding]:
    """What the kernel has and the file does not say, and the other way round.

    A real server that lacks is down; one's weight is what its checker makes of it.
    """
    config, table = subject.inspection.keepalived, subject.inspection.ipvs
    if config is None or not config.virtual_servers or table is None:
        return
    if not subject.observed.units["keepalived"].active:
        return
    wanted = _wanted(config)
    there = {(each.mark, each.version): each for each in table}
    said = [
        f"{_name(key)} is not in the table"
        for key in wanted.keys() - there.keys()
        if any(each.real_servers and families(each, key[0]) != BOTH for each in wanted[key])
    ]
    for key, service in there.items():
        if key in wanted:
            said += _differences(_name(key), wanted[key], service)
        else:
            said.append(f"{_name(key)} is in the table, but not in keepalived.conf")
    if said:
        yield LVS034.finding(
            f"the IPVS table is not as keepalived.conf says: {listed(sorted(said))}",
            "keepalived -t && systemctl reload keepalived; ipvsadm -Ln shows the table",
        )


def _wanted(config: Config) -> dict[Key, list[VirtualServer]]:
    wanted: dict[Key, list[VirtualServer]] = {}
    for mark, those in by_mark(config).items():
        for each in those:
            for version in families(each, mark):
                wanted.setdefault((mark, version), []).append(each)
    return wanted


def _differences(name: str, those: list[VirtualServer], service: IpvsService) -> Iterator[str]:
    """Of a second virtual server for a mark, keepalived takes the real servers alone."""
    first = next((each for each in those if each.real_servers), those[0])
    if first.scheduler and first.scheduler != service.scheduler:
        yield f"{name} is scheduled by {service.scheduler}, not {first.scheduler}"
    if first.persistence != service.persistence:
        yield f"{name} is {_persistent(service.persistence)}, not {_persistent(first.persistence)}"
    methods: dict[tuple[Address, int], set[str]] = {}
    for each in those:
        for real in (*each.real_servers, *([each.sorry] if each.sorry else ())):
            method = real.method or each.method
            methods.setdefault((real.address, real.port or 0), set()).add(method)
    sorry = {each.sorry.address for each in those if each.sorry}
    for server in service.real_servers:
        said = methods.get((server.address, server.port))
        if said is None and server.address in sorry:  # keepalived ignores its port
            continue
        if said is None:
            port = f" port {server.port}" if server.port else ""
            yield f"{name} has real server {server.address}{port}"
        elif server.method and server.method not in said:
            yield f"{name} sends to {server.address} by {server.method}, not {'/'.join(said)}"


def _name(key: Key) -> str:
    return f"mark {key[0]} (IPv{key[1]})"


def _persistent(seconds: int | None) -> str:
    return "without persistence" if seconds is None else f"persistent for {seconds} s"
