"""Hypothesis strategies for the vocabulary: anything valid, and nothing else."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

from hypothesis import strategies as st

from inventory.desired import Backend, Desired, Foreign, Service, ServicePorts, Vrrp
from inventory.rules import (
    MAX_MARK,
    MAX_PORT,
    Accept,
    AcceptProtocol,
    Address,
    Mark,
    PortRange,
    Protocol,
    RouterProtocol,
    Rule,
    Ruleset,
    subtract_ports,
)

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True).filter("vrrp".__ne__)
"""Names of services, clusters and groups."""

zones = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,16}", fullmatch=True)
marks = st.one_of(
    st.integers(1, 100), st.integers(1, MAX_MARK), st.sampled_from([1, 2**31, MAX_MARK])
)
protocols = st.sampled_from(Protocol)

# 1.0.0.0 to 223.255.255.255 without loopback; global unicast 2000::/3.
ipv4_vips = st.integers(2**24, 224 * 2**24 - 1).filter(lambda n: n >> 24 != 127).map(IPv4Address)
ipv6_vips = st.integers(0x20 << 120, (0x40 << 120) - 1).map(IPv6Address)
vips = st.one_of(ipv4_vips, ipv6_vips)


@st.composite
def port_ranges(draw: st.DrawFn, *, most: int = MAX_PORT) -> PortRange:
    """Ranges of 1 to ``most``: single ports as often as wide ranges."""
    first = draw(st.one_of(st.integers(1, min(most, 1024)), st.integers(1, most)))
    if draw(st.booleans()):
        return PortRange(first, first)
    return PortRange(first, draw(st.integers(first, most)))


@st.composite
def disjoint_ports(draw: st.DrawFn, *, most: int = MAX_PORT) -> tuple[ServicePorts, ...]:
    """One to four ranges, no two of which overlap; they may touch."""
    drawn = draw(st.lists(st.tuples(protocols, port_ranges(most=most)), min_size=1, max_size=4))
    kept: list[ServicePorts] = []
    for protocol, ports in drawn:
        taken = [each.ports for each in kept if each.protocol is protocol]
        kept += [ServicePorts(protocol, rest) for rest in subtract_ports([ports], taken)]
    return tuple(kept)


@st.composite
def services(draw: st.DrawFn, *, name: str | None = None, mark: int | None = None) -> Service:
    """One valid service, with IPv4 and IPv6 VIPs, tcp, udp and sctp, ports and ranges."""
    return Service(
        name=draw(names) if name is None else name,
        vips=tuple(draw(st.lists(vips, min_size=1, max_size=3, unique=True))),
        ports=draw(disjoint_ports()),
        mark=draw(marks) if mark is None else mark,
        accept=draw(st.booleans()),
    )


@st.composite
def service_sets(draw: st.DrawFn, *, min_size: int = 0, max_size: int = 4) -> tuple[Service, ...]:
    """Services that one router can have together: by name, one mark each, no port claimed twice."""
    keys = draw(st.lists(names, min_size=min_size, max_size=max_size, unique=True))
    numbers = draw(st.lists(marks, min_size=len(keys), max_size=len(keys), unique=True))
    taken: set[Address] = set()
    made = []
    for name, mark in zip(sorted(keys), numbers, strict=True):
        service = draw(services(name=name, mark=mark).filter(lambda s: taken.isdisjoint(s.vips)))
        taken.update(service.vips)
        made.append(service)
    return tuple(made)


vrrps = st.sampled_from([Vrrp(), Vrrp(accept=True), Vrrp(accept=True, ah=True)])


@st.composite
def desireds(draw: st.DrawFn, *, backend: Backend | None = None) -> Desired:
    """One router's desired state; a zone and ``start`` only where firewalld is meant."""
    chosen = draw(st.sampled_from(Backend)) if backend is None else backend
    zoned = chosen in {Backend.AUTO, Backend.FIREWALLD}
    policy = draw(st.none() | zones) if zoned else None
    return Desired(
        router=draw(names),
        cluster=draw(st.none() | names),
        backend=chosen,
        zone=draw(st.none() | zones) if zoned and policy is None else None,
        policy=policy,
        start=draw(st.booleans()) if chosen is Backend.FIREWALLD else False,
        services=draw(service_sets()),
        vrrp=draw(vrrps),
        foreign=draw(st.sampled_from(Foreign)),
    )


def _rule_strategy(
    addresses: st.SearchStrategy[Address], most_ports: int, numbers: st.SearchStrategy[int]
) -> st.SearchStrategy[Rule]:
    ports = port_ranges(most=most_ports)
    return st.one_of(
        st.builds(Mark, addresses, protocols, ports, numbers),
        st.builds(Accept, addresses, protocols, ports),
        st.builds(AcceptProtocol, st.sampled_from(RouterProtocol)),
    )


rules = _rule_strategy(vips, MAX_PORT, marks)
"""Any rule."""

crowded_rules = _rule_strategy(
    st.sampled_from([IPv4Address("203.0.113.10"), IPv6Address("2001:db8::10")]),
    30,
    st.integers(1, 2),
)
"""Rules so close together that they touch and overlap."""

rulesets = st.lists(rules, max_size=8).map(Ruleset.of)
crowded_rulesets = st.lists(crowded_rules, max_size=8).map(Ruleset.of)


def service_spec(service: Service) -> dict[str, Any]:
    """A service as an inventory has it."""
    return {
        "vips": [str(vip) for vip in service.vips],
        "ports": [str(ports) for ports in service.ports],
        "mark": service.mark,
        "accept": service.accept,
    }


def data_spec(desired: Desired) -> dict[str, Any]:
    """A router's ``data`` as an inventory has it."""
    data: dict[str, Any] = {
        "backend": desired.backend.value,
        "start": desired.start,
        "foreign": desired.foreign.value,
        "services": {service.name: service_spec(service) for service in desired.services},
        "vrrp": {"accept": desired.vrrp.accept, "ah": desired.vrrp.ah},
    }
    optional = {"cluster": desired.cluster, "zone": desired.zone, "policy": desired.policy}
    return data | {key: value for key, value in optional.items() if value is not None}
