"""``lvsfleet vip list``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from runbooks.exits import Exit
from runbooks.options import CONTEXT, fleet_options
from runbooks.output import check_writable, publish

_HELP = """Show every VIP: its service and mark, who holds it, and what has come to it.

PACKETS are those that the routers' rules have marked; only iptables counts that, elsewhere it is -.
IPVS are the packets that IPVS has balanced by the mark, for all VIPs of a service and a family
together; - where there is none. Both count since the rules were loaded. DRAINS, where one does, is
what becomes of new connections to it, as the inventory says. Changes nothing.

Exit codes: 0 all were reached, 1 a router was not, 2 usage or inventory.

\b
Examples:
  lvsfleet vip list --filter cluster=ams
  lvsfleet vip list --format json | jq '.vips[] | select(.held_by == [])'
"""


@click.command("list", context_settings=CONTEXT, help=_HELP)
@fleet_options
def command(report_format: str, output: Path | None, **request: Any) -> Exit:
    """Ask and show."""
    check_writable(output)
    from runbooks.logs import configure  # noqa: PLC0415 - help is quick without it
    from runbooks.reports.text import PLAIN, screen_of  # noqa: PLC0415
    from runbooks.reports.vips import render_vips, render_vips_json  # noqa: PLC0415
    from runbooks.status import Request  # noqa: PLC0415 - Nornir, paramiko
    from runbooks.vip_list import list_vips  # noqa: PLC0415

    configure(request["verbosity"])
    found = list_vips(Request(**request))
    if found.interrupted:
        return Exit.INTERRUPTED
    if report_format == "json":
        text = render_vips_json(found)
    else:
        text = render_vips(found, PLAIN if output else screen_of(sys.stdout))
    publish(text, output)
    return Exit.FAILED if found.errors else Exit.OK
