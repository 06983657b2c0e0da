"""How a fleet stands, for people and machines: routers with their roles, services with marks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from inventory.desired import Desired
from inventory.rules import Address
from runbooks.reports.grid import Column, render_grid
from runbooks.reports.json import plain
from runbooks.reports.run import edit_counts
from runbooks.reports.text import PLAIN, Screen, paragraph, visible
from runbooks.status import FleetState
from tasks.outcome import Outcome, Status
from tasks.state import State

SCHEMA = "lvsfleet.status/1"

_ROLE_COLOURS = {"MASTER": "green", "BACKUP": "", "FAULT": "bold red", "?": "bold red"}
_ROUTERS = (
    Column("CLUSTER", spare=2),
    Column("ROUTER"),
    Column("ROLE"),
    Column("BACKEND", spare=3),
    Column("DRIFT"),
    Column("VIPS", spare=1),
    Column("LAST RUN", spare=4),
)
_SERVICES = (
    Column("CLUSTER", spare=2),
    Column("SERVICE"),
    Column("MARK", right=True),
    Column("PORTS", spare=1),
    Column("VIP"),
    Column("HELD BY"),
)


def render_status(fleet: FleetState, screen: Screen = PLAIN) -> str:
    """Routers, services, and why what cannot be said cannot be said."""
    rows = [
        [
            visible(fleet.desired[each.router].cluster or "-"),
            visible(each.router),
            each.role,
            _backend(each),
            _drift(each),
            _held(each, fleet.desired[each.router]),
            _age(each.changed, fleet.at),
        ]
        for each in fleet.states
    ]
    colours = [_ROLE_COLOURS.get(each.role, "yellow") for each in fleet.states]
    services = [cells for cells, _ in _services(fleet)]
    service_colours = [colour for _, colour in _services(fleet)]
    blocks = [
        render_grid(_ROUTERS, rows, screen, painted=2, colours=colours),
        render_grid(_SERVICES, services, screen, painted=5, colours=service_colours),
        list(_errors(fleet, screen)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _backend(state: State) -> str:
    return state.change.backend.value if state.change else "-"


def _held(state: State, desired: Desired) -> str:
    """``5 of 5``."""
    if not state.asked:
        return "?"
    vips = {vip for service in desired.services for vip in service.vips}
    return f"{len(state.held)} of {len(vips)}"


def _drift(state: State) -> str:
    """``none``, ``+3 −1``, or ``?`` where it cannot be said."""
    if state.change is None:
        return "?"
    add, remove = _counts(state)
    return " ".join(f"{s}{n}" for s, n in (("+", add), ("−", remove)) if n) or "none"


def _counts(state: State) -> tuple[int, int]:
    edits = state.change.edits if state.change else ()
    return edit_counts(Outcome(state.router, Status.PLANNED, changes=edits))


def _age(changed: datetime | None, now: datetime) -> str:
    """``12 s``, ``5 min``, ``3 h``, ``40 d`` ago."""
    if changed is None:
        return "-"
    seconds = max(0, int((now - changed).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _order(address: Address) -> tuple[int, int]:
    return address.version, int(address)


def _services(fleet: FleetState) -> Iterator[tuple[list[str], str]]:
    """A row for each VIP of each service of each cluster, and the colour of its last cell."""
    teams: dict[str, list[State]] = {}
    for state in fleet.states:
        teams.setdefault(fleet.desired[state.router].cluster or state.router, []).append(state)
    for team, states in teams.items():
        # One that is not asked may hold a VIP.
        unknown = any(not each.asked for each in states) or _partial(fleet, team, states)
        for service in fleet.desired[states[0].router].services:
            for vip in service.vips:
                holders = [each.router for each in states if vip in each.held]
                nobody = "?" if unknown else "nobody"
                right = len(holders) == 1 or (unknown and not holders)
                cells = [
                    visible(team),
                    visible(service.name),
                    str(service.mark),
                    ", ".join(map(str, service.ports)),
                    str(vip),
                    ", ".join(map(visible, holders)) or nobody,
                ]
                yield cells, "" if right else "bold red"


def _partial(fleet: FleetState, cluster: str, states: list[State]) -> bool:
    """Whether the cluster has routers that were not selected."""
    members = sum(each.cluster == cluster for each in fleet.desired.values())
    return members > len(states)


def _errors(fleet: FleetState, screen: Screen) -> Iterator[str]:
    for each in fleet.states:
        if each.error is not None:
            colour = "yellow" if each.asked else "red"
            said = f"{each.router}: {each.error.message}"
            yield from paragraph(said, each.error.hint, colour, screen)


def render_status_json(fleet: FleetState) -> str:
    """One object, ``lvsfleet.status/1``; ASCII only."""
    report = {
        "schema": SCHEMA,
        "at": fleet.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "routers": {plain(each.router): _router(each, fleet) for each in fleet.states},
    }
    return json.dumps(report, indent=2) + "\n"


def _router(state: State, fleet: FleetState) -> dict[str, Any]:
    desired = fleet.desired[state.router]
    add, remove = _counts(state)
    return {
        "cluster": desired.cluster,
        "role": state.role if state.asked else None,
        "backend": state.change.backend.value if state.change else None,
        "services": {
            each.name: {"mark": each.mark, "vips": [str(vip) for vip in each.vips]}
            for each in desired.services
        },
        "holds": [str(vip) for vip in sorted(state.held, key=_order)] if state.asked else None,
        "drift": {"add": add, "remove": remove} if state.change else None,
        "last_run": state.changed and state.changed.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "error": state.error and {"kind": state.error.kind, "message": plain(str(state.error))},
        "seconds": round(state.seconds, 3),
    }
