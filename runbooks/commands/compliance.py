"""``lvsfleet compliance``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runbooks.commands.explain import complete_check
from runbooks.errors import show
from runbooks.exits import Exit
from runbooks.options import CONTEXT, fleet_options
from runbooks.output import NotWritable, check_writable, publish

if TYPE_CHECKING:
    from runbooks.reports.check import CheckRun

_HELP = """Check every router, and name what is wrong.

Reads the inventory, the packet filter (running and saved), keepalived and IPVS; changes nothing.
Each router is asked in one round trip; what only all routers of a cluster show together is asked
of all of them.

\b
Examples:
  lvsfleet compliance
  lvsfleet compliance --limit ams -v       with what a rollout would do
  lvsfleet compliance --only 'LVS00*,LVS021'
  lvsfleet compliance --report html=lvs.html,prometheus=lvs.prom

Exit codes: 0 compliant, 3 drift (an error or a warning that is not waived), 1 a router was not
reached (it is never "compliant"), 2 usage or inventory. `lvsfleet explain` tells of each check.
"""


@click.command("compliance", context_settings=CONTEXT, help=_HELP)
@click.option(
    "--only",
    metavar="IDS",
    multiple=True,
    shell_complete=complete_check,
    help="Only these checks: LVS001,LVS021 or a glob such as 'LVS03*'; repeatable.",
)
@click.option(
    "--skip",
    metavar="IDS",
    multiple=True,
    shell_complete=complete_check,
    help="Not these checks; repeatable.",
)
@click.option(
    "--report",
    "reports",
    metavar="NAME=FILE",
    multiple=True,
    help="Also write a report: html, json, junit, prometheus or sarif; several with commas; "
    "repeatable.",
)
@click.option(
    "--baseline",
    metavar="OLD.json",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Tell only what is new since this earlier --format json report.",
)
@fleet_options
def command(
    report_format: str,
    output: Path | None,
    reports: tuple[str, ...],
    baseline: Path | None,
    **request: Any,
) -> Exit:
    """Run the checks and show what was found."""
    check_writable(output)
    from runbooks.baseline import read_baseline, since  # noqa: PLC0415 - help is quick without it
    from runbooks.choosing import choose_checks  # noqa: PLC0415
    from runbooks.compliance import Request, compliance  # noqa: PLC0415 - Nornir, paramiko
    from runbooks.exits import compliance_code  # noqa: PLC0415
    from runbooks.logs import configure  # noqa: PLC0415
    from runbooks.reports.check_table import check_summary  # noqa: PLC0415
    from runbooks.reports.text import screen_of  # noqa: PLC0415
    from runbooks.reports.write import parse_reports, write_reports  # noqa: PLC0415
    from tasks.checks.catalog import CATALOG  # noqa: PLC0415

    checks = choose_checks(CATALOG, only=request.pop("only"), skip=request.pop("skip"))
    wanted = parse_reports(reports, taken=output)
    earlier = read_baseline(baseline) if baseline else None
    configure(request["verbosity"])
    run = compliance(Request(checks=checks, **request))
    seen = since(run, earlier) if earlier else None
    shown = seen.run if seen else run
    code = compliance_code(shown)
    text = _text(shown, report_format, output, verbose=request["verbosity"] > 0)
    failed = list(write_reports(wanted, run, news=seen.run if seen else None))
    try:
        publish(text, output)
    except NotWritable as error:
        failed.append(error)
    for problem in failed:
        show(problem)
    if failed:
        code = code if code is Exit.INTERRUPTED else Exit.FAILED  # not 2: routers were contacted
    if output is not None:
        sys.stderr.write(f"{check_summary(shown, screen_of(sys.stderr))}\n")
    if seen and (output is not None or report_format == "json"):
        sys.stderr.write(f"{seen.text}\n")
    return code


def _text(run: CheckRun, report_format: str, output: Path | None, *, verbose: bool) -> str:
    if report_format == "json":
        from runbooks.reports.check_json import render_check_json  # noqa: PLC0415 - as above

        return render_check_json(run)
    from runbooks.reports.check_table import render_check_table  # noqa: PLC0415
    from runbooks.reports.text import PLAIN, screen_of  # noqa: PLC0415

    return render_check_table(run, PLAIN if output else screen_of(sys.stdout), verbose=verbose)
