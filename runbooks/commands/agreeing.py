"""A change that is shown and asked about before it is made."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runbooks.commands.concluding import conclude
from runbooks.exits import Exit, exit_code
from runbooks.output import check_writable

if TYPE_CHECKING:
    from runbooks.conduct import Request
    from runbooks.reports.run import Run


def ask_and_do(
    options: dict[str, Any], do: Callable[[Request, Run | None], Run], what: str
) -> Exit:
    """Plan the change, ask whether to make it, make it and show what came of it.

    Args:
        options: those of `runbooks.commands.vip_options.vip_options`, but for the inventory's.
        do: makes the change, or plans it where the policy is a dry run; gets the plan that was
            said yes to, too.
        what: the change, in words.

    Raises:
        UsageError: there is nobody to ask.
    """
    report_format: str = options.pop("report_format")
    output: Path | None = options.pop("output")
    yes, dry_run, now = (options.pop(name) for name in ("yes", "dry_run", "now"))
    _refuse_unasked(yes=yes, dry_run=dry_run)
    check_writable(output)
    from runbooks.conduct import Request  # noqa: PLC0415 - Nornir, paramiko
    from runbooks.logs import configure  # noqa: PLC0415 - help is quick without it
    from runbooks.policy import Policy  # noqa: PLC0415

    configure(options["verbosity"])
    shown: Run | None = None
    if not yes or dry_run:
        shown = do(Request(policy=Policy(dry_run=True, now=now), **options), None)
        code = _code_of_plan(shown)
        if dry_run or code is not Exit.DRIFT:
            return max(conclude(shown, report_format, output), code)
        if not _agreed(shown, what):
            return code
    run = do(Request(policy=Policy(now=now), **options), shown)
    return conclude(run, report_format, output)


def _refuse_unasked(*, yes: bool, dry_run: bool) -> None:
    """Stop where there would be nobody to ask.

    Raises:
        UsageError: there is no terminal.
    """
    if not (yes or dry_run or (sys.stdin.isatty() and sys.stderr.isatty())):
        raise click.UsageError("There is no terminal to ask on: --yes does it, --dry-run shows it.")


def _code_of_plan(planned: Run) -> Exit:
    """Of a plan; that the inventory alone would change is one, too."""
    code = exit_code(planned.outcomes, interrupted=planned.interrupted)
    alone = planned.inventory is not None and planned.inventory.files
    return Exit.DRIFT if code is Exit.OK and alone else code


def _agreed(planned: Run, what: str) -> bool:
    """Show the plan, and ask whether to do ``what``. Nothing, or the end of input, is no."""
    from dataclasses import replace  # noqa: PLC0415 - help is quick without it

    from runbooks.reports.diff import render_diff  # noqa: PLC0415
    from runbooks.reports.table import render_table  # noqa: PLC0415
    from runbooks.reports.text import screen_of, visible  # noqa: PLC0415

    screen = screen_of(sys.stderr)
    shown = replace(planned, dry_run=False)  # it does not end with that
    sys.stderr.write(render_diff(planned, screen) + render_table(shown, screen))
    routers = ", ".join(visible(each.router) for each in planned.outcomes)
    sys.stderr.write(f"\n{visible(what)} on {routers}? [y/N] ")
    sys.stderr.flush()
    try:
        answer = sys.stdin.readline()
    except UnicodeDecodeError:
        answer = ""
    if answer.strip().lower() in ("y", "yes"):
        return True
    sys.stderr.write("\nNothing was changed.\n" if not answer else "Nothing was changed.\n")
    return False
