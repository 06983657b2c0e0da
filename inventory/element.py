"""What one host, one group or the defaults says by itself, before anything is inherited."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from inventory import values
from inventory.desired import Backend, Foreign, Service
from inventory.login import ATTRIBUTES, check_login
from inventory.problems import Finding, Owner, Path, did_you_mean, key_text, one_of, quote, step
from inventory.service import KEYS as SERVICE_KEYS
from inventory.service import read_service
from inventory.values import Invalid
from inventory.vrrp import read_vrrp
from inventory.waiver import Waiver
from inventory.waivers import read_waivers

if TYPE_CHECKING:
    from inventory.login import Element

FREE_PREFIX = "x-"
"""Data under such a key is the operator's own, for ``--filter`` and for other Nornir tools."""


class Connection(StrEnum):
    """The library that carries the SSH connection to a router."""

    PARAMIKO = "paramiko"
    NETMIKO = "netmiko"


CONNECTION_PLUGINS = {Connection.PARAMIKO: "lvsfleet", Connection.NETMIKO: "lvsfleet-netmiko"}
"""What each is called among Nornir's connection plugins, and so under ``connection_options``."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What one element says itself, parsed.

    Attributes:
        owner: the element.
        settings: what its data say, by key; None takes away what comes from further off.
        services: by name; None takes a service away.
        broken: the settings and services that were refused, as ``("zone",)`` or ``("services",
            "web")``; they are None above, and nothing more should be made of that.
        waivers: its own; those of a whole chain add up.
    """

    owner: Owner
    settings: Mapping[str, Any]
    services: Mapping[str, Service | None]
    broken: frozenset[Path] = frozenset()
    waivers: tuple[Waiver, ...] = ()


SETTINGS: Mapping[str, Callable[[object], Any]] = {
    "cluster": values.name,
    "backend": lambda value: values.choice(value, Backend),
    "zone": values.zone,
    "policy": values.policy,
    "start": values.boolean,
    "foreign": lambda value: values.choice(value, Foreign),
    "connection": lambda value: values.choice(value, Connection),
}
"""By key of ``data``, where it is one word: what makes a value of it."""

KEYS = (
    "cluster",
    "backend",
    "zone",
    "policy",
    "start",
    "foreign",
    "waivers",
    "services",
    "vrrp",
    "connection",
)


def read_element(owner: Owner, element: Element, *, strict: bool) -> tuple[Piece, list[Finding]]:
    """What ``element`` says itself, and everything that is wrong with it.

    Args:
        owner: who it is.
        element: as an inventory plugin made it.
        strict: refuse unknown data, as in files that are written for lvsfleet; another system's
            inventory has data of its own.
    """
    found = check_login(owner, element)
    settings: dict[str, Any] = {}
    services: dict[str, Service | None] = {}
    waivers: tuple[Waiver, ...] = ()
    for key, value in element.data.items():
        path: Path = ("data", step(key))
        if key == "services":
            found += _services(owner, value, services)
        elif key == "vrrp":
            vrrp = None if value is None else read_vrrp(owner, path, value)
            settings[key] = None if isinstance(vrrp, list) else vrrp
            found += vrrp if isinstance(vrrp, list) else []
        elif key == "waivers":
            if value is not None:
                waivers, wrong = read_waivers(owner, path, value)
                found += wrong
        elif key in SETTINGS:
            settings[key] = None
            try:
                settings[key] = None if value is None else SETTINGS[key](value)
            except Invalid as error:
                found.append(Finding(owner, path, quote(value), str(error)))
        elif strict and not (isinstance(key, str) and key.startswith(FREE_PREFIX)):
            found.append(Finding(owner, path, "", _unknown(key)))
    refused = (finding.path[1:] for finding in found if finding.path[:1] == ("data",))
    broken = frozenset(at[: 2 if at[0] == "services" else 1] for at in refused)
    return Piece(owner, settings, services, broken, waivers), found


def _unknown(key: object) -> str:
    if key in SERVICE_KEYS:
        return f"belongs to a service: write services: {{NAME: {{{key}: …}}}}"
    if key in ATTRIBUTES or key in {"groups", "connection_options"}:
        return "belongs one level up, beside data"
    near = did_you_mean(key, KEYS) or f"known are {one_of(KEYS, 'and')};"
    own = key_text(FREE_PREFIX + step(key))
    return f"is no key of lvsfleet: {near} data of your own go under {own}"


def _services(owner: Owner, value: object, into: dict[str, Service | None]) -> list[Finding]:
    path: Path = ("data", "services")
    if value is None:
        return []
    if not isinstance(value, dict):
        message = "is no mapping: write services: {NAME: {vips: …, ports: …, mark: …}}"
        return [Finding(owner, path, quote(value), message)]
    found: list[Finding] = []
    for key, spec in value.items():
        at = (*path, step(key))
        try:
            name = values.service_name(key)
        except Invalid as error:
            found.append(Finding(owner, at, quote(key), str(error)))
            continue
        into[name] = None
        if spec is not None:
            service = read_service(owner, at, name, spec)
            if isinstance(service, Service):
                into[name] = service
            else:
                found += service
    return found
