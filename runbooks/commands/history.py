"""``lvsfleet history``: what earlier runs did, and what is left unfinished."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from runbooks.commands.completing import complete_run
from runbooks.options import CONTEXT
from runbooks.output import check_writable, publish

_HELP = """Show the runs that changed routers, the newest first; or one RUN in full.

RUN is a run's name, its beginning or its last part. What was planned, each step with its time,
and of a router that was not finished what it does by itself and how to check.

\b
Examples:
  lvsfleet history                        the last 20 runs
  lvsfleet history 20261123T074512Z       one of them
  lvsfleet history --format json -n 200   for other programs

The journal is in $XDG_STATE_HOME/lvsfleet/runs (~/.local/state), for this user only.
"""


@click.command(
    "history",
    context_settings=CONTEXT,
    help=_HELP,
    short_help="Show the runs that changed routers, or one of them.",
)
@click.argument("run", required=False, shell_complete=complete_run)
@click.option(
    "-n",
    "--limit-runs",
    "number",
    metavar="N",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Show at most this many runs.",
)
@click.option(
    "--format",
    "report_format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How the history is shown.",
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file, in one step, and not to stdout.",
)
def command(run: str | None, number: int, report_format: str, output: Path | None) -> None:
    """Show it."""
    from runbooks.history import Listing, render_list  # noqa: PLC0415 - help is quick without it
    from runbooks.journal import find, read, recorded  # noqa: PLC0415
    from runbooks.journal.place import runs  # noqa: PLC0415
    from runbooks.reports.text import PLAIN, screen_of  # noqa: PLC0415

    check_writable(output)
    names = recorded() if run is None else [find(run)]
    found = tuple(read(name) for name in names[:number])
    listing = Listing(found, len(names), runs())
    screen = PLAIN if output else screen_of(sys.stdout)
    now = datetime.now().astimezone()
    if report_format == "json":
        from runbooks.history_json import render_json  # noqa: PLC0415

        text = render_json(listing, routers=run is not None)
    elif run is None:
        text = render_list(listing, now=now, screen=screen)
    else:
        from runbooks.history_run import render_run  # noqa: PLC0415

        text = render_run(found[0], now=now, screen=screen)
    publish(text, output)
