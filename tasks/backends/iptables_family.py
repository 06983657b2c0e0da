"""The address families of iptables on a router, and who loads their rules at boot."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from tasks.backends.iptables_save import Table, parse_dump
from tasks.errors import NotEnabled, NotReady, NotRunning
from tasks.observe import Observed
from tasks.outcome import Where

PROGRAMS = {4: "iptables", 6: "ip6tables"}


@dataclass(frozen=True, slots=True)
class Loader:
    """Who loads the rules at boot, for one family.

    Attributes:
        unit: the systemd service, without ``.service``.
        path: the file that it loads.
    """

    unit: str
    path: str


RED_HAT = {
    4: Loader("iptables", "/etc/sysconfig/iptables"),
    6: Loader("ip6tables", "/etc/sysconfig/ip6tables"),
}
DEBIAN = {
    4: Loader("netfilter-persistent", "/etc/iptables/rules.v4"),
    6: Loader("netfilter-persistent", "/etc/iptables/rules.v6"),
}


@dataclass(frozen=True, slots=True)
class Family:
    """One address family on the router.

    Attributes:
        version: 4 or 6.
        loader: who loads its rules at boot.
        running: its tables.
        saved: the text of its file; None where there is none.
    """

    version: int
    loader: Loader
    running: Mapping[str, Table]
    saved: str | None

    @property
    def program(self) -> str:
        """``iptables`` or ``ip6tables``."""
        return PROGRAMS[self.version]

    def named(self, where: Where) -> str:
        """Its tables that run, or are saved, as an error names them."""
        return f"{self.program} on the router" if where is Where.RUNTIME else self.loader.path


def families_of(observed: Observed, needed: Collection[int]) -> Iterator[Family]:
    """The families to look after: those that are needed, and IPv6 where the router has it.

    Raises:
        NotReady: one that is wanted cannot be had.
    """
    if observed.units["iptables"].known:
        loaders = RED_HAT
    elif observed.units["netfilter-persistent"].known:
        loaders = DEBIAN
    else:
        raise NotEnabled(
            "no service on the router loads iptables rules at boot",
            "Install iptables-persistent (Debian) or iptables-services (Red Hat)",
        )
    for version in (4, 6):
        loader = loaders[version]
        dump = observed.text(f"iptables:{version}")
        unit = observed.units[loader.unit]
        # A router without IPv6 prints no table, and its ip6tables-restore fails.
        if version not in needed and (not dump or not unit.enabled):
            continue
        if dump is None:
            said = observed.sections.get(f"iptables:{version}")
            raise NotReady(
                f"{PROGRAMS[version]}-save does not work on the router"
                f" (exit status {said.status if said else 'unknown'})",
                f"Install {PROGRAMS[version]}, or look at what it says there",
            )
        if not (unit.enabled and unit.active):
            lack = "does not run" if unit.enabled else "is not enabled, so a reboot loses the rules"
            raise (NotRunning if unit.enabled else NotEnabled)(
                f"{loader.unit}.service {lack}",
                f"Look at {loader.path}, which it loads, then: systemctl enable --now"
                f" {loader.unit}",
            )
        yield Family(
            version=version,
            loader=loader,
            running=parse_dump(dump),
            saved=observed.text(f"file:{loader.path}"),
        )
