"""The list of VIPs for people and machines."""

from __future__ import annotations

import json
from typing import Any

from runbooks.reports.grid import Column, render_grid
from runbooks.reports.json import plain
from runbooks.reports.text import PLAIN, Screen, paragraph, visible
from runbooks.vip_list import Vip, Vips

SCHEMA = "lvsfleet.vips/1"

_COLUMNS = (
    Column("SERVICE"),
    Column("VIP"),
    Column("MARK", spare=2, right=True),
    Column("CLUSTER", spare=3),
    Column("HELD BY"),
    Column("PACKETS", spare=4, right=True),
    Column("IPVS", spare=5, right=True),
    Column("DRAINS"),
)
_HELD = 4


def render_vips(found: Vips, screen: Screen = PLAIN) -> str:
    """A row for each VIP, and why routers could not be asked."""
    rows = [
        [
            visible(each.service),
            str(each.address),
            str(each.mark),
            visible(each.cluster or "-"),
            ", ".join(map(visible, each.holders)) or ("nobody" if each.sure else "?"),
            "-" if each.packets is None else str(each.packets),
            "-" if each.balanced is None else str(each.balanced.packets),
            each.drains.value if each.drains else "",
        ]
        for each in found.vips
    ]
    colours = ["" if _right(each) else "bold red" for each in found.vips]
    errors = [
        line
        for name, error in found.errors.items()
        for line in paragraph(f"{name}: {error.message}", error.hint, "red", screen)
    ]
    blocks = (render_grid(_COLUMNS, rows, screen, painted=_HELD, colours=colours), errors)
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _right(vip: Vip) -> bool:
    return len(vip.holders) == 1 or (not vip.holders and not vip.sure)


def render_vips_json(found: Vips) -> str:
    """One object, ``lvsfleet.vips/1``; ASCII only."""
    report = {
        "schema": SCHEMA,
        "at": found.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "vips": [_vip(each) for each in found.vips],
        "unreachable": {
            plain(name): {"kind": error.kind, "message": plain(str(error))}
            for name, error in found.errors.items()
        },
    }
    return json.dumps(report, indent=2) + "\n"


def _vip(vip: Vip) -> dict[str, Any]:
    return {
        "service": vip.service,
        "vip": str(vip.address),
        "mark": vip.mark,
        "cluster": vip.cluster,
        "routers": list(vip.routers),
        "held_by": list(vip.holders),
        "draining": vip.drains.value if vip.drains else None,
        "packets": vip.packets,
        "ipvs": vip.balanced
        and {"connections": vip.balanced.connections, "packets": vip.balanced.packets},
    }
