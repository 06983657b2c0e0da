"""``lvsfleet status``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from runbooks.exits import Exit
from runbooks.options import CONTEXT, Seconds, fleet_options
from runbooks.output import check_writable, publish

_CLEAR = "\x1b[H\x1b[2J\x1b[3J"
_HELP = """Show how the fleet stands: the one look in an emergency.

For each router its role, its packet filter, the VIPs that it holds, how many rules a rollout would
add and remove, and when its last run was; for each service its mark and who holds its VIPs. Changes
nothing.

Exit codes: 0 all were reached, 1 a router was not, 2 usage or inventory. Drift is shown, and no
failure here: `lvsfleet compliance` judges, and ends with 3.
"""


@click.command("status", context_settings=CONTEXT, help=_HELP)
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@click.option(
    "--every",
    metavar="SECONDS",
    type=Seconds(0.5, 3600),
    default=5,
    show_default=True,
    help="With --watch: wait so long between two looks.",
)
@fleet_options
def command(
    report_format: str, output: Path | None, watch: bool, every: float, **request: Any
) -> Exit:
    """Ask and show."""
    check_writable(output)
    from runbooks.logs import configure  # noqa: PLC0415 - help is quick without it
    from runbooks.reports.status import render_status, render_status_json  # noqa: PLC0415
    from runbooks.reports.text import PLAIN, screen_of  # noqa: PLC0415
    from runbooks.status import Request, status  # noqa: PLC0415 - Nornir, paramiko

    configure(request["verbosity"])
    live = watch and output is None and report_format == "table" and sys.stdout.isatty()
    code = Exit.OK
    for fleet in status(Request(**request), every=every if watch else None):
        if fleet.interrupted:
            return Exit.INTERRUPTED
        if report_format == "json":
            text = render_status_json(fleet)
        else:
            text = render_status(fleet, PLAIN if output else screen_of(sys.stdout))
            if watch:
                text = f"{fleet.at.astimezone():%H:%M:%S}\n\n{text}\n"
        publish(_CLEAR + text if live else text, output)
        code = Exit.OK if all(each.asked for each in fleet.states) else Exit.FAILED
    return code
