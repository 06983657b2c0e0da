"""Completion of the names of runs, services and VIPs, for the commands that are about one."""

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


def complete_service(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """The names of services, each with its VIPs."""
    return [
        CompletionItem(name, help=", ".join(vips))
        for name, vips in sorted(_said(context).items())
        if name.startswith(incomplete)
    ]


def complete_vip(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """The VIPs of the service in the parameter ``service``, each with who in the inventory says it.

    They stand as they are written: begun with other zeros, an address is none of them.
    """
    vips = _said(context).get(str(context.params.get("service")), {})
    return [
        CompletionItem(vip, help=who)
        for vip, who in vips.items()
        if vip.lower().startswith(incomplete.lower())
    ]


def _said(context: click.Context) -> dict[str, dict[str, str]]:
    """What the files of the inventory say that the command line is about; see `said_vips`."""
    from pathlib import Path  # noqa: PLC0415 - only for completion

    from inventory.editing.names import said_vips  # noqa: PLC0415 - the same
    from runbooks.names import DEFAULT_INVENTORY  # noqa: PLC0415 - the same

    given = context.params.get("inventory")
    try:
        return said_vips(Path(given) if given else DEFAULT_INVENTORY)
    except (LvsfleetError, OSError, RuntimeError):
        return {}
