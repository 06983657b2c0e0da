"""Nornir's hosts, groups and defaults from entries whose shape was checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nornir.core.inventory import (
    ConnectionOptions,
    Defaults,
    Group,
    Groups,
    Host,
    Hosts,
    Inventory,
    ParentGroups,
)

Entry = Mapping[str, Any]


def assemble(hosts: Mapping[str, Entry], groups: Mapping[str, Entry], defaults: Entry) -> Inventory:
    """A Nornir inventory.

    Args:
        hosts: entries as `inventory.entries.Shape` leaves them, by name; their groups exist.
        groups: the same; no group leads back to itself.
        defaults: one entry.
    """
    common = Defaults(**_said(defaults))
    made = Groups()
    for name, entry in groups.items():
        made[name] = Group(name=name, defaults=common, **_said(entry))
    for name, entry in groups.items():
        made[name].groups = ParentGroups(made[parent] for parent in entry["groups"])
    routers = Hosts()
    for name, entry in hosts.items():
        parents = ParentGroups(made[parent] for parent in entry["groups"])
        routers[name] = Host(name=name, groups=parents, defaults=common, **_said(entry))
    return Inventory(hosts=routers, groups=made, defaults=common)


def _said(entry: Entry) -> dict[str, Any]:
    said = {key: value for key, value in entry.items() if key != "groups"}
    options = entry.get("connection_options") or {}
    said["connection_options"] = {n: ConnectionOptions(**said) for n, said in options.items()}
    return said
