"""One router's desired state, as a value: what its packet filter should do for LVS."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from inventory.rules import (
    Accept,
    AcceptProtocol,
    Address,
    Mark,
    PortRange,
    Protocol,
    RouterProtocol,
    Rule,
    Ruleset,
)
from inventory.waiver import Waiver


class Backend(StrEnum):
    """The packet filter that a router's marks are kept in; ``auto`` is what the router runs."""

    AUTO = "auto"
    FIREWALLD = "firewalld"
    IPTABLES = "iptables"
    NFTABLES = "nftables"


class Foreign(StrEnum):
    """What becomes of mark rules that are not lvsfleet's and do not do what it wants either."""

    KEEP = "keep"
    REFUSE = "refuse"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class ServicePorts:
    """Some ports of one transport protocol, as in ``80/tcp`` or ``10000-20000/tcp``."""

    protocol: Protocol
    ports: PortRange

    def __str__(self) -> str:
        return f"{self.ports}/{self.protocol.value}"


@dataclass(frozen=True, slots=True)
class Service:
    """VIPs and ports that are balanced as one, under one firewall mark.

    Attributes:
        name: its key in the inventory.
        vips: at least one address, in the order of the inventory.
        ports: at least one range, in the order of the inventory.
        mark: 1 to 2³²−1.
        accept: also let the VIPs' ports in through INPUT.
    """

    name: str
    vips: tuple[Address, ...]
    ports: tuple[ServicePorts, ...]
    mark: int
    accept: bool = False

    @property
    def ruleset(self) -> Ruleset:
        """What the packet filter does for this service."""
        rules: list[Rule] = []
        for vip in self.vips:
            for each in self.ports:
                rules.append(Mark(vip, each.protocol, each.ports, self.mark))
                if self.accept:
                    rules.append(Accept(vip, each.protocol, each.ports))
        return Ruleset.of(rules)


@dataclass(frozen=True, slots=True)
class Vrrp:
    """Whether the routers' own protocol is let in, and whether it travels in AH as well."""

    accept: bool = False
    ah: bool = False

    @property
    def ruleset(self) -> Ruleset:
        """What the packet filter does for VRRP."""
        wanted = [(self.accept, RouterProtocol.VRRP), (self.accept and self.ah, RouterProtocol.AH)]
        return Ruleset.of(AcceptProtocol(protocol) for yes, protocol in wanted if yes)


@dataclass(frozen=True)
class Desired:
    """What one router should be.

    Attributes:
        router: its name in the inventory.
        cluster: the routers of one cluster share their VIPs by VRRP; None stands alone.
        backend: whose rules are kept.
        zone: firewalld's zone; None is the router's default zone.
        policy: firewalld's policy that has the rules instead of a zone, whichever zone a packet
            arrives in; None for a zone.
        start: start and enable the backend where it does not run (else that is an error).
        services: by name, ascending.
        vrrp: the way in for the routers' own protocol.
        foreign: what becomes of mark rules of others.
        waivers: findings of checks that do not count, for a reason and until a day.
        adopt: rules of others that do what is wanted become lvsfleet's own; no inventory says
            that, but who runs a rollout.
        besides: other packet filters that the router is asked about, whatever they have of ours; as
            who takes an earlier run back says.
    """

    router: str
    cluster: str | None = None
    backend: Backend = Backend.AUTO
    zone: str | None = None
    policy: str | None = None
    start: bool = False
    services: tuple[Service, ...] = ()
    vrrp: Vrrp = field(default_factory=Vrrp)
    foreign: Foreign = Foreign.KEEP
    waivers: tuple[Waiver, ...] = ()
    adopt: bool = False
    besides: tuple[Backend, ...] = ()

    @property
    def asked(self) -> str:
        """The packet filters to ask about, a comma between; the first has the marks."""
        return ",".join((self.backend.value, *self.besides))

    @property
    def places(self) -> str:
        """The places of firewalld to ask about, a space between; empty for its default zone."""
        return f"policy:{self.policy}" if self.policy else self.zone or ""

    @cached_property
    def ruleset(self) -> Ruleset:
        """All rules that the router should have on behalf of lvsfleet."""
        of_services = (rule for service in self.services for rule in service.ruleset)
        return Ruleset.of((*self.vrrp.ruleset, *of_services))

    @cached_property
    def _by_vip(self) -> dict[Address, list[tuple[str, Ruleset]]]:
        """The services of each VIP: asked for every rule, of which there may be thousands."""
        found: dict[Address, list[tuple[str, Ruleset]]] = {}
        for service in self.services:
            for vip in service.vips:
                found.setdefault(vip, []).append((service.name, service.ruleset))
        return found

    def service_of(self, rule: Rule) -> str | None:
        """The name of the service that ``rule`` is for; ``vrrp`` for the routers' own protocol."""
        if isinstance(rule, AcceptProtocol):
            return "vrrp"
        for name, rules in self._by_vip.get(rule.vip, ()):
            if rules.overlaps(rule):
                return name
        return None
