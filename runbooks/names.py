"""The names that the shell completes: of routers and groups, without loading an inventory.

Every command that loads an inventory remembers its names; completion reads them from there. Names
of files that changed since are looked up in the files, by their unindented keys.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DEFAULT_INVENTORY = Path(__file__).parent.parent / "inventory"

_TROUBLE = (OSError, ValueError, RuntimeError)  # RuntimeError: the user has no home

_KEY = re.compile(r"""^(?P<quote>["']?)(?P<name>[^\s#"'\[\]{}-][^"':]*)(?P=quote)\s*:(\s|$)""")


@dataclass(frozen=True, slots=True)
class Names:
    """What ``--limit`` can name."""

    routers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def remember(inventory: Path | None, routers: Iterable[str], groups: Iterable[str]) -> None:
    """Keep the names of an inventory that was loaded; where that fails, completion is slower."""
    kept = "\n".join([*routers, "", *groups])  # no name has a line break
    with contextlib.suppress(*_TROUBLE):
        file = _cache(inventory)
        if file.exists() and not _outdated(file, inventory) and file.read_text() == kept:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_suffix(f".{os.getpid()}")
        new.write_text(kept)
        new.replace(file)


def recall(inventory: Path | None) -> Names:
    """The names of an inventory as far as they can be had quickly."""
    with contextlib.suppress(*_TROUBLE):
        file = _cache(inventory)
        hosts = _folder(inventory) / "hosts.yaml"
        if hosts.exists() and (not file.exists() or _outdated(file, inventory)):
            return Names(_keys(hosts), _keys(hosts.with_name("groups.yaml")))
        routers, _, groups = file.read_text().partition("\n\n")
        return Names(tuple(routers.splitlines()), tuple(groups.splitlines()))
    return Names()


def _folder(inventory: Path | None) -> Path:
    return (inventory or DEFAULT_INVENTORY).resolve()


def _cache(inventory: Path | None) -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    key = hashlib.sha256(os.fsencode(_folder(inventory))).hexdigest()[:16]
    return Path(home) / "lvsfleet" / f"names-{key}"


def _outdated(file: Path, inventory: Path | None) -> bool:
    written = file.stat().st_mtime
    return any(each.stat().st_mtime >= written for each in _folder(inventory).glob("*.yaml"))


def _keys(file: Path) -> tuple[str, ...]:
    """The unindented keys of a YAML file in block style."""
    if not file.exists():
        return ()
    matches = map(_KEY.match, file.read_text().splitlines())
    return tuple(match["name"].strip() for match in matches if match)
