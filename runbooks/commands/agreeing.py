"""A plan that is shown and asked about before it is done."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from runbooks.exits import Exit, exit_code

if TYPE_CHECKING:
    from runbooks.reports.run import Run


def refuse_unasked(*, yes: bool, dry_run: bool) -> None:
    """Stop where there would be nobody to ask.

    Raises:
        UsageError: there is no terminal.
    """
    if not (yes or dry_run or (sys.stdin.isatty() and sys.stderr.isatty())):
        raise click.UsageError("There is no terminal to ask on: --yes does it, --dry-run shows it.")


def code_of_plan(planned: Run) -> Exit:
    """Of a plan; that the inventory alone would change is one, too."""
    code = exit_code(planned.outcomes, interrupted=planned.interrupted)
    alone = planned.inventory is not None and planned.inventory.files
    return Exit.DRIFT if code is Exit.OK and alone else code


def agreed(planned: Run, what: str) -> bool:
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
