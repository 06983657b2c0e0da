"""``lvsfleet rollout``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from runbooks.commands.rolling import rolling_options
from runbooks.errors import show
from runbooks.exits import Exit, exit_code
from runbooks.options import CONTEXT, fleet_options
from runbooks.output import NotWritable, check_writable, publish

_HELP = """Bring every router to what the inventory says.

Each router is read first; one that is as wanted is left alone. A change goes into the runtime, is
read back over a new connection, and only then saved for the next boot. Whatever goes wrong puts
the router back as it was; a router that nobody reaches any more does that by itself.

Routers are changed in waves: one canary (a BACKUP), the other BACKUPs, then the MASTERs; never two
of one cluster at once. A wave begins when the last one is verified and every VIP is where it was.

\b
Examples:
  lvsfleet rollout --dry-run              what would change, as a diff
  lvsfleet rollout --limit ams,fra1       one cluster and one router
  lvsfleet rollout --batch 10% --pause 60 --on-failure rollback
  lvsfleet rollout --filter cluster=ams --format json --output run.json

Ctrl-C once: no further router begins, those begun are finished or put back, all is reported.
"""


@click.command("rollout", context_settings=CONTEXT, help=_HELP)
@click.option("--dry-run", is_flag=True, help="Read and show what would change; change nothing.")
@rolling_options
@fleet_options
def command(report_format: str, output: Path | None, dry_run: bool, **request: Any) -> Exit:
    """Run the rollout and show what came of it."""
    check_writable(output)
    from runbooks.conduct import Request  # noqa: PLC0415 - Nornir, paramiko
    from runbooks.logs import configure  # noqa: PLC0415 - help is quick without it
    from runbooks.reports.table import summary  # noqa: PLC0415
    from runbooks.reports.text import PLAIN, screen_of  # noqa: PLC0415
    from runbooks.rollout import rollout  # noqa: PLC0415

    configure(request["verbosity"])
    from runbooks.commands.rolling import policy_of  # noqa: PLC0415

    policy = policy_of(request, dry_run=dry_run)
    run = rollout(Request(policy=policy, **request))
    if report_format == "json":
        from runbooks.reports.json import render_json  # noqa: PLC0415

        text = render_json(run)
    else:
        from runbooks.reports.diff import render_diff  # noqa: PLC0415
        from runbooks.reports.table import render_table  # noqa: PLC0415

        screen = PLAIN if output else screen_of(sys.stdout)
        text = render_diff(run, screen) + render_table(run, screen)
    code = exit_code(run.outcomes, interrupted=run.interrupted, stopped=bool(run.stopped))
    try:
        publish(text, output)
    except NotWritable as error:
        show(error)
        code = code if code is Exit.INTERRUPTED else Exit.FAILED  # not 2: routers were contacted
    if output is not None:
        sys.stderr.write(f"{summary(run, screen_of(sys.stderr))}\n")
    return code
