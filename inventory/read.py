"""One router's desired state from its Nornir host: what it says, its groups and the defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from inventory.desired import Backend, Desired, Service, Vrrp
from inventory.element import Connection, Piece
from inventory.problems import Finding, Owner, Path, key_text, quote
from inventory.waiver import Waiver


@dataclass(frozen=True, slots=True)
class Resolved:
    """One router, with everything it inherits.

    Attributes:
        desired: its desired state.
        connection: the library that reaches it.
        origins: who says what is there, by place: ``("zone",)``, ``("services", "web")``; also
            who took a service away.
    """

    desired: Desired
    connection: Connection
    origins: Mapping[Path, Owner]


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a chain of elements says together; one for all routers with the same chain."""

    settings: Mapping[str, object]
    services: tuple[Service, ...]
    origins: Mapping[Path, Owner]
    broken: frozenset[Path]
    waivers: tuple[Waiver, ...] = ()


def inherit(chain: Sequence[Piece]) -> Inherited:
    """Put together what the elements say, the nearest (a host) first, the defaults last.

    A setting is the nearest one. Services are merged by name: the nearest wins as a whole.
    Waivers add up.
    """
    settings: dict[str, object] = {}
    services: dict[str, Service | None] = {}
    origins: dict[Path, Owner] = {}
    for piece in chain:
        for key, value in piece.settings.items():
            if key not in settings:
                settings[key] = value
                origins[(key,)] = piece.owner
        for name, service in piece.services.items():
            if name not in services:
                services[name] = service
                origins["services", name] = piece.owner
    present = (service for _, service in sorted(services.items()) if service is not None)
    broken = frozenset[Path]().union(*(piece.broken for piece in chain))
    waivers = tuple(dict.fromkeys(waiver for piece in chain for waiver in piece.waivers))
    return Inherited(settings, tuple(present), origins, broken, waivers)


def resolve(router: str, inherited: Inherited) -> Resolved:
    """The desired state of one router."""
    # A key that says null reads as if it were not there.
    said = {key: value for key, value in inherited.settings.items() if value is not None}
    connection = said.pop("connection", Connection.PARAMIKO)
    vrrp = said.pop("vrrp", Vrrp())
    desired = Desired(
        router=router,
        services=inherited.services,
        waivers=inherited.waivers,
        vrrp=vrrp,  # type: ignore[arg-type]
        **said,  # type: ignore[arg-type]
    )
    return Resolved(desired, connection, inherited.origins)  # type: ignore[arg-type]


def check_chain(inherited: Inherited, chain: Sequence[Piece]) -> Iterator[Finding]:
    """What is wrong with things that are right one by one, on one router."""
    rank = {piece.owner: place for place, piece in enumerate(chain)}
    yield from _backend(inherited, rank)
    yield from _marks(inherited, rank)
    yield from _ports(inherited, rank)


def _backend(inherited: Inherited, rank: Mapping[Owner, int]) -> Iterator[Finding]:
    if not inherited.broken.isdisjoint({(key,) for key in ("backend", "zone", "policy", "start")}):
        return
    settings, origins = inherited.settings, inherited.origins
    backend = settings.get("backend") or Backend.AUTO
    zone, policy, start = (settings.get(key) for key in ("zone", "policy", "start"))

    def nearer(key: str, other: str = "backend") -> Owner:
        owners = [origins[(k,)] for k in (key, other) if (k,) in origins]
        return min(owners, key=lambda owner: rank[owner])

    for key, value in (("zone", zone), ("policy", policy)):
        if value is not None and backend in {Backend.IPTABLES, Backend.NFTABLES}:
            message = f"is a {key} of firewalld, but the backend is {backend}: write {key}: null"
            yield Finding(nearer(key), ("data", key), quote(value), message)
    if zone is not None and policy is not None:
        message = (
            f"cannot have the rules that zone {quote(zone)} is to have: write zone: null,"
            " or policy: null"
        )
        yield Finding(nearer("policy", "zone"), ("data", "policy"), quote(policy), message)
    if start and backend is not Backend.FIREWALLD:
        message = f"starts firewalld only, but the backend is {backend}: write start: null"
        yield Finding(nearer("start"), ("data", "start"), "true", message)


def _marks(inherited: Inherited, rank: Mapping[Owner, int]) -> Iterator[Finding]:
    by_mark: dict[int, Service] = {}
    for service in inherited.services:
        other = by_mark.setdefault(service.mark, service)
        if other is not service:
            one, two = _in_order(service, other, inherited, rank)
            yield Finding(
                inherited.origins["services", one.name],
                ("data", "services", one.name, "mark"),
                str(one.mark),
                f"is the mark of service {_whose(two, inherited)} too: IPVS would balance both "
                "as one, give each its own",
            )


def _ports(inherited: Inherited, rank: Mapping[Owner, int]) -> Iterator[Finding]:
    by_vip: dict[object, list[Service]] = {}
    for service in inherited.services:
        for vip in service.vips:
            others = by_vip.setdefault(vip, [])
            for other in others:
                one, two = _in_order(service, other, inherited, rank)
                for place, ports in enumerate(one.ports):
                    for taken in two.ports:
                        if taken.protocol is ports.protocol and taken.ports.overlaps(ports.ports):
                            yield Finding(
                                inherited.origins["services", one.name],
                                ("data", "services", one.name, "ports", place),
                                quote(str(ports)),
                                f"of {vip} is in service {_whose(two, inherited)} too, with mark "
                                f"{two.mark}: a packet has one mark",
                            )
            others.append(service)


def _in_order(
    one: Service, two: Service, inherited: Inherited, rank: Mapping[Owner, int]
) -> tuple[Service, Service]:
    """The one to complain about first: said nearer to the router, else later in the alphabet."""

    def place(service: Service) -> tuple[int, str]:
        return (-rank[inherited.origins["services", service.name]], service.name)

    first, second = sorted((one, two), key=place, reverse=True)
    return first, second


def _whose(service: Service, inherited: Inherited) -> str:
    return f"{key_text(service.name)} ({inherited.origins['services', service.name]})"
