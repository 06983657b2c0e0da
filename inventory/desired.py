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


class Draining(StrEnum):
    """What becomes of new connections to a VIP that drains; those that exist live on.

    ``pass`` leaves them to what else the router does with them: nothing schedules them.
    """

    PASS = "pass"  # noqa: S105 - no password
    REJECT = "reject"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Packets to ``vip`` and these ports that IPVS did not take are refused, as ``how`` says."""

    vip: Address
    protocol: Protocol
    ports: PortRange
    how: Draining


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
        draining: of these VIPs new connections are not marked any more, in the order of the
            inventory; with what becomes of them.
    """

    name: str
    vips: tuple[Address, ...]
    ports: tuple[ServicePorts, ...]
    mark: int
    accept: bool = False
    draining: tuple[tuple[Address, Draining], ...] = ()

    @property
    def ruleset(self) -> Ruleset:
        """What the packet filter does for this service.

        A VIP that drains is let in as before: packets of connections that IPVS has come by INPUT.
        """
        drains = dict(self.draining)
        whole = self.undrained
        return Ruleset(tuple(r for r in whole if not (isinstance(r, Mark) and r.vip in drains)))

    @property
    def undrained(self) -> Ruleset:
        """The same if no VIP drained."""
        rules: list[Rule] = []
        for vip in self.vips:
            for each in self.ports:
                rules.append(Mark(vip, each.protocol, each.ports, self.mark))
                if self.accept:
                    rules.append(Accept(vip, each.protocol, each.ports))
        return Ruleset.of(rules)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """What is refused of its draining VIPs, in order."""
        return tuple(
            Refusal(vip, each.protocol, each.ports, how)
            for vip, how in sorted(self.draining, key=lambda pair: (pair[0].version, int(pair[0])))
            if how is not Draining.PASS
            for each in sorted(self.ports, key=lambda each: (each.protocol, each.ports))
        )

    def how_drains(self, vip: Address) -> Draining | None:
        """What becomes of new connections to a VIP that drains; None where it does not."""
        return dict(self.draining).get(vip)


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
    def refusals(self) -> tuple[Refusal, ...]:
        """What the router should refuse on behalf of VIPs that drain."""
        return tuple(each for service in self.services for each in service.refusals)

    @cached_property
    def _by_vip(self) -> dict[Address, list[tuple[str, Ruleset]]]:
        """The services of each VIP: asked for every rule, of which there may be thousands."""
        found: dict[Address, list[tuple[str, Ruleset]]] = {}
        for service in self.services:
            for vip in service.vips:
                found.setdefault(vip, []).append((service.name, service.undrained))
        return found

    def service_of(self, rule: Rule) -> str | None:
        """The name of the service that ``rule`` is for; ``vrrp`` for the routers' own protocol."""
        if isinstance(rule, AcceptProtocol):
            return "vrrp"
        for name, rules in self._by_vip.get(rule.vip, ()):
            if rules.overlaps(rule):
                return name
        return None
