"""The end of every command that changes routers: its report, and its exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from runbooks.errors import show
from runbooks.exits import Exit, exit_code
from runbooks.output import NotWritable, publish

if TYPE_CHECKING:
    from runbooks.reports.run import Run


def conclude(run: Run, report_format: str, output: Path | None) -> Exit:
    """Show what came of a run; the exit code that says so in one number.

    Args:
        run: the run.
        report_format: ``table`` or ``json``.
        output: a file for the report; None is stdout.
    """
    from runbooks.reports.table import render_table, summary  # noqa: PLC0415 - help is quick
    from runbooks.reports.text import PLAIN, screen_of  # noqa: PLC0415

    if report_format == "json":
        from runbooks.reports.json import render_json  # noqa: PLC0415

        text = render_json(run)
    else:
        from runbooks.reports.diff import render_diff  # noqa: PLC0415

        screen = PLAIN if output else screen_of(sys.stdout)
        text = render_diff(run, screen) + render_table(run, screen)
    code = exit_code(run.outcomes, interrupted=run.interrupted, stopped=bool(run.stopped))
    try:
        publish(text, output)
    except NotWritable as error:
        show(error)
        code = code if code is Exit.INTERRUPTED else Exit.FAILED  # not 2: routers were contacted
    if output is not None or (report_format == "json" and run.unrecorded):
        sys.stderr.write(f"{summary(run, screen_of(sys.stderr))}\n")
    return code
