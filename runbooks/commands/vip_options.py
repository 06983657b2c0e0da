"""Options that the commands share that change a VIP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from runbooks.commands.rolling import armed_options
from runbooks.options import fleet_options

F = TypeVar("F", bound=Callable[..., Any])


EXITS = (
    "Exit codes: 0 as wanted, 1 a router failed or was not reached, 2 usage or inventory, 3 it was"
    " only shown (--dry-run) or you said no, 4 another run holds the routers, 130 interrupted."
)


def vip_options(function: F) -> F:
    """Whether to ask, how to change, and where the results go."""
    options = (
        click.option("--yes", is_flag=True, help="Do not ask; needed without a terminal."),
        click.option("--dry-run", is_flag=True, help="Show what would change; change nothing."),
        click.option(
            "--now",
            is_flag=True,
            help="Emergency: no canary, no waiting for VRRP. Still armed and verified.",
        ),
        click.option("--commit", is_flag=True, help="Commit the inventory's change to git."),
        click.option(
            "--no-inventory",
            is_flag=True,
            help="Leave the inventory to others: it comes from no file, or they write it.",
        ),
    )
    function = armed_options(fleet_options(function))
    for option in reversed(options):
        function = option(function)
    return function


def of_inventory(request: dict[str, Any]) -> dict[str, bool]:
    """Whether the inventory is changed and committed, taken out of a command's options.

    Raises:
        UsageError: it is to be committed, and not changed.
    """
    commit, left = request.pop("commit"), request.pop("no_inventory")
    if commit and left:
        raise click.UsageError("--commit and --no-inventory exclude each other.")
    return {"commit": commit, "inventory": not left}
