"""``lvsfleet explain``."""

from __future__ import annotations

import sys

import click
from click.shell_completion import CompletionItem

from runbooks.options import CONTEXT
from runbooks.output import publish


def complete_check(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Ids of checks, with what they are about."""
    from tasks.checks.catalog import CATALOG  # noqa: PLC0415 - only for completion

    return [
        CompletionItem(name, help=info.title)
        for name, info in CATALOG.items()
        if name.startswith(incomplete.upper())
    ]


@click.command(
    "explain",
    context_settings=CONTEXT,
    short_help="Tell what a check means, why it matters and how it is mended.",
)
@click.argument("check", required=False, shell_complete=complete_check)
def command(check: str | None) -> None:
    """Tell what CHECK means, why it matters and how it is mended; without it, list all checks."""
    from runbooks.reports.explaining import explain, list_checks  # noqa: PLC0415 - help is quick
    from runbooks.reports.text import screen_of  # noqa: PLC0415
    from tasks.checks.catalog import CATALOG  # noqa: PLC0415

    publish(explain(CATALOG, check, screen_of(sys.stdout)) if check else list_checks(CATALOG))
