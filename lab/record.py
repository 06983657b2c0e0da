"""A lab's folder: what the last ``up`` was asked for, and the removal of all of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from inventory.errors import LvsfleetError
from lab.topology import Kind, Names, Topology, topology


def read(names: Names) -> Topology | None:
    """The lab as it was asked for, or None when it is not up.

    Raises:
        LvsfleetError: the record is damaged.
    """
    path = _path(names)
    try:
        record = json.loads(path.read_text())
        kinds = [Kind(kind) for kind in record["kinds"]]
        return topology(names.number, record["routers"], kinds)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as damaged:
        raise LvsfleetError(
            f"{path} is damaged", f"Take the lab down: {command(names, 'down')}"
        ) from damaged


def write(wanted: Topology) -> None:
    """Record what the lab is to be; one that is up may grow, and nothing else.

    Raises:
        LvsfleetError: the lab is up with other routers.
    """
    present = read(wanted.names)
    if present and wanted.routers[: len(present.routers)] != present.routers:
        kinds = ", ".join(dict.fromkeys(site.kind.value for site in present.sites))
        raise LvsfleetError(
            f"lab {present.number} is up with {len(present.routers)} routers of {kinds}, "
            "and can only grow",
            f"Take it down first: {command(wanted.names, 'down')}",
        )
    wanted.names.state.mkdir(parents=True, exist_ok=True)
    path = _path(wanted.names)
    record = {"routers": len(wanted.routers), "kinds": [site.kind.value for site in wanted.sites]}
    new = path.with_suffix(".new")
    new.write_text(json.dumps(record))
    new.replace(path)


def discard(names: Names) -> None:
    """Remove the lab's folder, at once as far as anyone can see: no half of it is ever in use."""
    going = names.state.with_name(f"{names.number}.going")
    if going.exists():  # from a removal that was interrupted
        shutil.rmtree(going)
    if names.state.exists():
        names.state.rename(going)
        shutil.rmtree(going)


def command(names: Names, verb: str) -> str:
    """What an operator types to do this to the lab."""
    return f"lvsfleet lab {verb}" + (f" --lab {names.number}" if names.number else "")


def _path(names: Names) -> Path:
    return names.state / "lab.json"
