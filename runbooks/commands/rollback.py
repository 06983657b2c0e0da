"""``lvsfleet rollback``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from runbooks.commands.completing import complete_run
from runbooks.commands.concluding import conclude
from runbooks.commands.rolling import policy_of, rolling_options
from runbooks.exits import Exit
from runbooks.options import CONTEXT, earlier_fleet_options
from runbooks.output import check_writable

_HELP = """Bring routers back to what they were before RUN.

RUN is a run's name, its beginning or its last part, as `lvsfleet history` shows it. Every router
that it changed, or may have, goes back: what it added goes, what it removed comes, in the runtime
and in what is saved. What others changed since then stays.

This is a change like any other: in waves, armed, verified over a new connection, recorded as a run
of its own, which can be rolled back itself.

A router whose rules of lvsfleet have been changed since RUN is refused, with the difference;
--force takes it back all the same. A router that is as it was before already is left alone.

A run of `vip` is taken back as a whole: rules, keepalived's files, the inventory; see docs/vip.md.

\b
Examples:
  lvsfleet rollback 4f2a --dry-run        what would change, as a diff
  lvsfleet rollback 20261123T074512Z
  lvsfleet rollback 4f2a --limit ams      one cluster only

Exit codes: 0 as wanted, 1 a router failed, was not reached or was held back, 2 usage or inventory,
3 a dry run would change something, 4 locked by another run, 130 interrupted.
"""


@click.command("rollback", context_settings=CONTEXT, help=_HELP)
@click.argument("run", shell_complete=complete_run)
@click.option("--dry-run", is_flag=True, help="Read and show what would change; change nothing.")
@click.option(
    "--force", is_flag=True, help="Also where the router has been changed since that run."
)
@rolling_options
@earlier_fleet_options
def command(
    run: str, report_format: str, output: Path | None, dry_run: bool, **request: Any
) -> Exit:
    """Take it back and show what came of that."""
    check_writable(output)
    from runbooks.conduct import Request  # noqa: PLC0415 - Nornir, paramiko
    from runbooks.logs import configure  # noqa: PLC0415 - help is quick without it
    from runbooks.rollback import rollback  # noqa: PLC0415

    configure(request["verbosity"])
    policy = policy_of(request, dry_run=dry_run)
    return conclude(rollback(Request(policy=policy, **request), run), report_format, output)
