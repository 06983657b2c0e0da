"""``lvsfleet rollout``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from runbooks.commands.concluding import conclude
from runbooks.commands.rolling import policy_of, rolling_options
from runbooks.exits import Exit
from runbooks.options import CONTEXT, fleet_options
from runbooks.output import check_writable

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

Exit codes: 0 as wanted, 1 a router failed, was not reached or was held back, 2 usage or inventory,
3 a dry run would change something, 4 locked by another run, 130 interrupted.
"""


@click.command("rollout", context_settings=CONTEXT, help=_HELP)
@click.option("--dry-run", is_flag=True, help="Read and show what would change; change nothing.")
@click.option(
    "--adopt",
    is_flag=True,
    help="Also take rules over that others typed and that do what the inventory says: they become "
    "lvsfleet's own, without a packet unmarked.",
)
@rolling_options
@fleet_options
def command(report_format: str, output: Path | None, dry_run: bool, **request: Any) -> Exit:
    """Run the rollout and show what came of it."""
    check_writable(output)
    from runbooks.conduct import Request  # noqa: PLC0415 - Nornir, paramiko
    from runbooks.logs import configure  # noqa: PLC0415 - help is quick without it
    from runbooks.rollout import rollout  # noqa: PLC0415

    configure(request["verbosity"])
    policy = policy_of(request, dry_run=dry_run)
    return conclude(rollout(Request(policy=policy, **request)), report_format, output)
