"""Names of services and their VIPs as the files say them, quickly, for a shell that completes.

Nothing is inherited or checked: what no router has in the end is named as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inventory import yamlfile
from inventory.config import read_config
from inventory.problems import Kind
from inventory.sources import Sources


def said_vips(directory: Path) -> dict[str, dict[str, str]]:
    """By service, its VIPs as they are written, each with who says it first: ``group ams``.

    Args:
        directory: the inventory's folder.

    Raises:
        InventoryProblems: config.yaml is wrong. Other files that are wrong say nothing, and so does
            an inventory that does not come from files.
    """
    section = read_config(directory)["inventory"]
    sources = Sources.of(section["plugin"], section["options"])
    said: dict[str, dict[str, str]] = {}
    for kind, file in sources.files.items():
        value = yamlfile.read(file).value
        entries = {"": value} if kind is Kind.DEFAULTS else value
        for name, each in _items(entries):
            for service, spec in _items(_within(each, "data", "services")):
                vips = said.setdefault(service, {})
                for vip in _within(spec, "vips") or ():
                    vips.setdefault(str(vip), f"{kind} {name}".rstrip())
    return said


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((key, each) for key, each in value.items() if isinstance(key, str))


def _within(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping | list) else None
