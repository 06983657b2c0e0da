"""``lvsfleet inventory``: look at the inventory without contacting a router."""

from __future__ import annotations

from pathlib import Path

import click

from runbooks.options import CONTEXT, complete_router, inventory_option
from runbooks.output import publish

_SCHEMA_KINDS = ("hosts", "groups", "defaults", "config")


@click.group("inventory", context_settings=CONTEXT)
def command() -> None:
    """Look at the inventory; no router is contacted."""


@command.command("check", short_help="Check everything and name all that is wrong.")
@inventory_option
def check(inventory: Path | None) -> None:
    """Check everything and name all that is wrong, each with its file and line.

    Exit codes: 0 nothing is, 2 something is.
    """
    from runbooks.inventory import summary  # noqa: PLC0415 - Nornir
    from runbooks.loading import load  # noqa: PLC0415

    _, fleet = load(inventory)
    publish(summary(fleet))


@command.command("show", short_help="Show what ROUTER will be, and how to type it by hand.")
@click.argument("router", shell_complete=complete_router)
@inventory_option
def show(router: str, inventory: Path | None) -> None:
    """Show what ROUTER will be, and the commands that one would type by hand."""
    from runbooks.inventory import describe  # noqa: PLC0415 - Nornir
    from runbooks.loading import load  # noqa: PLC0415

    _, fleet = load(inventory)
    publish(describe(fleet, router))


@command.command("schema", short_help="Print the JSON Schema of an inventory file.")
@click.argument("kind", type=click.Choice(_SCHEMA_KINDS), default="hosts")
def schema(kind: str) -> None:
    """Print the JSON Schema of an inventory file, for editors and other programs."""
    from inventory.schema import schema_text  # noqa: PLC0415

    publish(schema_text(kind))
