"""What is wrong between routers: addresses taken twice, and pairs that differ.

Routers of one cluster must have the same services: VRRP moves a VIP from one to the other at any
moment, and a difference then stops traffic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from inventory.desired import Desired, Service
from inventory.problems import Finding, Kind, Owner, Path, key_text, one_of, quote
from inventory.read import Inherited
from inventory.rules import Address


@dataclass(frozen=True, slots=True)
class Router:
    """One router, as others may collide with it.

    Attributes:
        desired: its desired state.
        inherited: how that came about; one object for all routers with the same chain.
        hostname: where SSH connects to; not empty.
        port: the same.
        through: how SSH gets there, where two networks may use one address; else empty.
        hostname_from: who says the host name.
    """

    desired: Desired
    inherited: Inherited
    hostname: str
    port: int
    through: str
    hostname_from: Owner

    @property
    def name(self) -> str:
        """The router's name in the inventory."""
        return self.desired.router

    @property
    def team(self) -> tuple[Kind, str]:
        """Who shares its VIPs: its cluster, or only itself."""
        cluster = self.desired.cluster
        return (Kind.HOST, self.name) if cluster is None else (Kind.GROUP, cluster)


def collisions(routers: Sequence[Router]) -> Iterator[Finding]:
    """Everything that is wrong between the routers."""
    yield from _shared_vips(routers)
    yield from _shared_hostnames(routers)
    yield from _managed_by_vip(routers)
    yield from _differences(routers)


def _shared_vips(routers: Iterable[Router]) -> Iterator[Finding]:
    taken: dict[Address, tuple[Router, Service]] = {}
    seen: set[tuple[object, int]] = set()
    for router in routers:
        if (router.team, id(router.inherited)) in seen or ("cluster",) in router.inherited.broken:
            continue
        seen.add((router.team, id(router.inherited)))
        for service in router.desired.services:
            for place, vip in enumerate(service.vips):
                other, of = taken.setdefault(vip, (router, service))
                if other.team != router.team:
                    yield Finding(
                        router.inherited.origins["services", service.name],
                        ("data", "services", service.name, "vips", place),
                        quote(str(vip)),
                        f"is a VIP of {_team(router)} and, as service {key_text(of.name)}, "
                        f"of {_team(other)}: {_advice(router, other)}",
                    )


def _team(router: Router) -> str:
    if router.desired.cluster is None:
        return f"host {key_text(router.name)} (no cluster)"
    return f"cluster {key_text(router.desired.cluster)}"


def _advice(one: Router, two: Router) -> str:
    if one.desired.cluster is None or two.desired.cluster is None:
        return "routers that share VIPs by VRRP have one cluster, write cluster: NAME"
    return "a VIP belongs to one cluster"


def _shared_hostnames(routers: Iterable[Router]) -> Iterator[Finding]:
    taken: dict[tuple[str, int, str], Router] = {}
    for router in routers:
        address = _ip(router.hostname)
        place = str(address) if address else router.hostname.lower().rstrip(".")
        other = taken.setdefault((place, router.port, router.through), router)
        if other is not router:
            yield Finding(
                router.hostname_from,
                ("hostname",),
                quote(router.hostname),
                f"port {router.port} is where hosts {key_text(other.name)} and "
                f"{key_text(router.name)} are both reached: each router has its own",
            )


def _managed_by_vip(routers: Sequence[Router]) -> Iterator[Finding]:
    vips = {
        vip for router in routers for service in router.desired.services for vip in service.vips
    }
    for router in routers:
        if _ip(router.hostname) in vips:
            yield Finding(
                router.hostname_from,
                ("hostname",),
                quote(router.hostname),
                "is a VIP, which moves from router to router: write the router's own address",
            )


def _ip(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _differences(routers: Iterable[Router]) -> Iterator[Finding]:
    clusters: dict[str, list[Router]] = {}
    for router in routers:
        if router.desired.cluster is not None and ("cluster",) not in router.inherited.broken:
            clusters.setdefault(router.desired.cluster, []).append(router)
    for members in clusters.values():
        # The one that says least by itself is the rule; the others are the exceptions.
        model = min(members, key=_own_services)
        for router in members:
            if router.inherited.services is not model.inherited.services:
                yield from _difference(router, model)


def _own_services(router: Router) -> int:
    return sum(owner.kind is Kind.HOST for owner in _service_origins(router).values())


def _service_origins(router: Router) -> Mapping[Path, Owner]:
    return {p: owner for p, owner in router.inherited.origins.items() if p[0] == "services"}


def _difference(router: Router, model: Router) -> Iterator[Finding]:
    broken = router.inherited.broken | model.inherited.broken
    here = {service.name: service for service in router.desired.services}
    there = {service.name: service for service in model.desired.services}
    for name in sorted(here.keys() | there.keys()):
        if not broken.isdisjoint({("services",), ("services", name)}):
            continue
        one, two = here.get(name), there.get(name)
        if one is not None and two is not None and _same(one, two):
            continue
        owner = router.inherited.origins.get(("services", name))
        itself = Owner(Kind.HOST, router.name)
        subject = "" if owner in {itself, None} else f"{itself} "
        yield Finding(
            owner or itself,
            ("data", "services", name) if owner else (),
            "",
            f"{subject}{_said(one, two, model)}: routers of one cluster take over each other's "
            "VIPs, so they have the same services",
        )


def _same(one: Service, two: Service) -> bool:
    # Most are equal as written; the order of VIPs and ports is worth a closer look.
    return one == two or (
        one.undrained == two.undrained and dict(one.draining) == dict(two.draining)
    )


def _said(one: Service | None, two: Service | None, model: Router) -> str:
    other = f"{key_text(model.name)} of cluster {key_text(model.desired.cluster)}"
    if one is None and two is not None:
        return f"lacks service {key_text(two.name)}, which {other} has"
    if one is not None and two is not None:
        fields = ("vips", "ports", "mark", "accept", "draining")
        unlike = [f for f in fields if _comparable(one, f) != _comparable(two, f)]
        return f"differs in {one_of(unlike, 'and')} from {other}"
    return f"has service {key_text(one.name if one else '')}, which {other} lacks"


def _comparable(service: Service, field: str) -> object:
    value = getattr(service, field)
    return frozenset(value) if isinstance(value, tuple) else value
