"""What the last ``up`` of a lab was asked for, kept in its folder: all that a lab remembers."""

from __future__ import annotations

import json
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


def remove(names: Names) -> None:
    """From here on the lab counts as not up."""
    _path(names).unlink(missing_ok=True)


def command(names: Names, verb: str) -> str:
    """What an operator types to do this to the lab."""
    return f"lvsfleet lab {verb}" + (f" --lab {names.number}" if names.number else "")


def _path(names: Names) -> Path:
    return names.state / "lab.json"
