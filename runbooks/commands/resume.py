"""``lvsfleet resume``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from runbooks.commands.completing import complete_run
from runbooks.commands.concluding import conclude
from runbooks.commands.rolling import policy_of, rolling_options
from runbooks.exits import Exit
from runbooks.options import CONTEXT, earlier_fleet_options
from runbooks.output import check_writable

_HELP = """Go on with what RUN left undone.

RUN is a run that was interrupted, stopped or cut off: its name, its beginning or its last part, as
`lvsfleet history` shows it. The routers that it meant to change, or could not look at, and that are
not known to be done are looked at anew, and changed in waves like in any run. Its options are those
of RUN, unless they are given here.

They are brought to what the inventory says now. Where that is no longer what RUN planned, a router
is refused, with the difference; --force changes it all the same.

A run of `vip` is gone on with as a whole, its inventory included; see docs/vip.md.

\b
Examples:
  lvsfleet resume 4f2a --dry-run          what would change, as a diff
  lvsfleet resume 20261123T074512Z
  lvsfleet resume 4f2a --on-failure continue

Exit codes: 0 as wanted, 1 a router failed, was not reached or was held back, 2 usage or inventory,
3 a dry run would change something, 4 locked by another run, 130 interrupted.
"""


@click.command("resume", context_settings=CONTEXT, help=_HELP)
@click.argument("run", shell_complete=complete_run)
@click.option("--dry-run", is_flag=True, help="Read and show what would change; change nothing.")
@click.option(
    "--force", is_flag=True, help="Also where the change is no longer the one that RUN planned."
)
@rolling_options
@earlier_fleet_options
@click.pass_context
def command(
    context: click.Context,
    /,
    run: str,
    report_format: str,
    output: Path | None,
    dry_run: bool,
    **request: Any,
) -> Exit:
    """Go on and show what came of it."""
    check_writable(output)
    from runbooks.conduct import Request  # noqa: PLC0415 - Nornir, paramiko
    from runbooks.logs import configure  # noqa: PLC0415 - help is quick without it
    from runbooks.resume import resume  # noqa: PLC0415

    configure(request["verbosity"])
    given = {
        name
        for name in request
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    policy = policy_of(request, dry_run=dry_run)
    ran = resume(Request(policy=policy, **request), run, given=given)
    return conclude(ran, report_format, output)
