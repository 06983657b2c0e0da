"""Completion of the names of runs, for the commands that are about an earlier one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from inventory.errors import LvsfleetError

if TYPE_CHECKING:
    import click


def complete_run(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """The names of the runs that have a journal, the newest first."""
    from runbooks.journal import recorded  # noqa: PLC0415 - only for completion

    try:
        names = recorded()
    except LvsfleetError:
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
