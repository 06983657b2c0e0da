"""The whole fleet's desired state, and what only the whole fleet shows to be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inventory.collisions import Router, collisions
from inventory.desired import Desired
from inventory.element import CONNECTION_PLUGINS, Connection, Piece, read_element
from inventory.problems import Finding, InventoryProblems, Kind, Owner, Path
from inventory.read import Inherited, Resolved, check_chain, inherit, resolve
from inventory.sources import FILE_PLUGINS, Sources

if TYPE_CHECKING:
    from nornir.core import Nornir
    from nornir.core.inventory import Host, Inventory

    from inventory.login import Element


@dataclass(frozen=True)
class Fleet:
    """A fleet that was checked and found right.

    Attributes:
        desired: every router's desired state, by its name, in the inventory's order.
        connections: the library that reaches each router.
        origins: by router, who says what: ``("zone",)`` or ``("services", "web")`` to an owner.
    """

    desired: Mapping[str, Desired]
    connections: Mapping[str, Connection]
    origins: Mapping[str, Mapping[Path, Owner]]

    @property
    def clusters(self) -> dict[str, tuple[str, ...]]:
        """The routers of each cluster, in the inventory's order; those without one are left out."""
        members: dict[str, tuple[str, ...]] = {}
        for router, desired in self.desired.items():
            if desired.cluster is not None:
                members[desired.cluster] = (*members.get(desired.cluster, ()), router)
        return members


def check(nr: Nornir) -> Fleet:
    """Read and check a whole inventory; no router is contacted.

    Check the fleet before it is filtered: what is wrong with one router may show on another.

    Raises:
        InventoryProblems: everything that is wrong, all at once.
    """
    config = nr.config.inventory
    fleet, findings = examine(nr.inventory, strict=config.plugin in FILE_PLUGINS)
    if findings:
        sources = Sources.of(config.plugin, config.options)
        raise InventoryProblems(sources.problems(findings))
    return fleet


def examine(inventory: Inventory, *, strict: bool) -> tuple[Fleet, list[Finding]]:
    """The fleet of an inventory, and everything that is wrong with it.

    Args:
        inventory: whichever plugin made it; its groups form no cycle.
        strict: refuse unknown data keys; see `read_element`.
    """
    reader = _Reader(inventory, strict)
    findings = reader.elements()
    routers = []
    resolved = {}
    for name, host in inventory.hosts.items():
        inherited = reader.inherited(host)
        resolved[name] = resolve(name, inherited)
        routers.append(_router(host, resolved[name], inherited))
    fleet = Fleet(
        {name: each.desired for name, each in resolved.items()},
        {name: each.connection for name, each in resolved.items()},
        {name: each.origins for name, each in resolved.items()},
    )
    return fleet, [*findings, *reader.findings, *collisions(routers)]


def examine_elements(inventory: Inventory, *, strict: bool) -> list[Finding]:
    """What is wrong with each host, each group and the defaults by itself."""
    return _Reader(inventory, strict).elements()


class _Reader:
    """Reads each element once and puts each chain together once, for all routers that share it."""

    def __init__(self, inventory: Inventory, strict: bool) -> None:
        self.findings: list[Finding] = []
        self._inventory = inventory
        self._strict = strict
        self._pieces: dict[int, Piece] = {}
        self._inherited: dict[tuple[int, ...], Inherited] = {}

    def elements(self) -> list[Finding]:
        """Read all there are; what is wrong with them one by one."""
        found: list[Finding] = []
        self._piece(Owner(Kind.DEFAULTS), self._inventory.defaults, found)
        for name, group in self._inventory.groups.items():
            self._piece(Owner(Kind.GROUP, name), group, found)
        for name, host in self._inventory.hosts.items():
            self._piece(Owner(Kind.HOST, name), host, found)
        return found

    def inherited(self, host: Host) -> Inherited:
        """What a host says and inherits; what is wrong with that goes to the findings."""
        own = self._piece(Owner(Kind.HOST, host.name), host, self.findings)
        # Without data of its own a host is like any other with the same groups.
        plain = not (own.settings or own.services or own.waivers or own.broken)
        key = tuple(map(id, host.groups)) if plain else (id(host),)
        if key not in self._inherited:
            chain = [
                *([] if plain else [own]),
                *(
                    self._piece(Owner(Kind.GROUP, group.name), group, self.findings)
                    for group in host.extended_groups()
                ),
                self._pieces[id(self._inventory.defaults)],
            ]
            self._inherited[key] = inherit(chain)
            self.findings += check_chain(self._inherited[key], chain)
        return self._inherited[key]

    def _piece(self, owner: Owner, element: Element, found: list[Finding]) -> Piece:
        if id(element) not in self._pieces:
            self._pieces[id(element)], new = read_element(owner, element, strict=self._strict)
            found += new
        return self._pieces[id(element)]


def _router(host: Host, resolved: Resolved, inherited: Inherited) -> Router:
    login = host.get_connection_parameters(CONNECTION_PLUGINS[resolved.connection])
    extras = login.extras if isinstance(login.extras, dict) else {}
    through = {key: extras[key] for key in extras if "jump" in str(key) or "proxy" in str(key)}
    origin = Owner(Kind.HOST, host.name)
    if object.__getattribute__(host, "hostname") is None:
        for group in reversed(host.extended_groups()):
            if object.__getattribute__(group, "hostname") is not None:
                origin = Owner(Kind.GROUP, group.name)
    return Router(
        desired=resolved.desired,
        inherited=inherited,
        hostname=str(login.hostname or host.name),
        port=login.port if isinstance(login.port, int) else 22,
        through=repr(sorted(through.items())) if through else "",
        hostname_from=origin,
    )
