"""Options that several commands share, each defined once."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Seconds(click.FloatRange):
    """A time; ``nan`` is in no range, but compares as if it were in all."""

    name = "number of seconds"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """See `click.ParamType.convert`."""
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail(f"{value!r} is no number of seconds.", param, ctx)
        return seconds


_INVENTORY_VARIABLE = "LVSFLEET_INVENTORY"


def _inventory_of(context: click.Context) -> Path | None:
    given = context.params.get("inventory")
    return Path(given) if given else None


def complete_limit(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Names of routers and groups, after those that already stand before a comma."""
    from runbooks.names import recall  # noqa: PLC0415 - only for completion

    before, comma, last = incomplete.rpartition(",")
    names = recall(_inventory_of(context))
    kinds = {**dict.fromkeys(names.groups, "group"), **dict.fromkeys(names.routers, "router")}
    taken = set(before.split(","))
    return [
        CompletionItem(f"{before}{comma}{name}", help=kind)
        for name, kind in kinds.items()
        if name.startswith(last) and name not in taken
    ]


def complete_router(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Names of routers."""
    from runbooks.names import recall  # noqa: PLC0415 - only for completion

    names = recall(_inventory_of(context)).routers
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def inventory_option(command: F) -> F:
    """``--inventory``."""
    return _inventory_option("the example of this repository: the lab")(command)


def _inventory_option(otherwise: str) -> Callable[[F], F]:
    """``--inventory``, whose help says what holds without it."""
    return click.option(
        "--inventory",
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        envvar=_INVENTORY_VARIABLE,
        show_envvar=True,
        is_eager=True,
        help="Folder with the Nornir inventory (config.yaml, hosts.yaml, groups.yaml, …). "
        f"Without it, {otherwise}.",
    )


def verbose_option(command: F) -> F:
    """``-v``."""
    return click.option(
        "-v",
        "--verbose",
        "verbosity",
        count=True,
        help="Show every phase and what was sent, on stderr; -vv shows details of the connections.",
    )(command)


def fleet_options(command: F) -> F:
    """Which routers, how many at once, how to log in, and where the results go."""
    return router_options(_result_options(command))


def earlier_fleet_options(command: F) -> F:
    """As `fleet_options`, of a command that is about an earlier run."""
    inventory = _inventory_option("that of RUN")
    return _router_options(inventory)(_result_options(command))


def _result_options(command: F) -> F:
    """Where the results go."""
    options = (
        click.option(
            "--format",
            "report_format",
            type=click.Choice(["table", "json"]),
            default="table",
            show_default=True,
            help="How the results are shown.",
        ),
        click.option(
            "--output",
            metavar="FILE",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write the results to this file, in one step, and not to stdout.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def router_options(command: F) -> F:
    """Which routers, how many at once, how to log in."""
    return _router_options(inventory_option)(command)


def _router_options(inventory: Callable[[F], F]) -> Callable[[F], F]:
    options = (
        inventory,
        click.option(
            "--limit",
            metavar="NAMES,GROUPS,GLOBS",
            multiple=True,
            shell_complete=complete_limit,
            help="Only these routers: names, groups or globs such as 'ams*'; repeatable.",
        ),
        click.option(
            "--filter",
            "filters",
            metavar="KEY=VALUE",
            multiple=True,
            help="Only routers with this value in the inventory, e.g. cluster=ams or "
            "platform=debian; repeatable, all must hold.",
        ),
        click.option(
            "--workers",
            metavar="N",
            type=click.IntRange(1, 1000),
            help="Routers at once. [default: the inventory's runner.options.workers, else 20]",
        ),
        click.option(
            "--timeout",
            metavar="SECONDS",
            type=Seconds(1, 86400),
            default=120,
            show_default=True,
            help="Time for one router, from the first connection to the last answer.",
        ),
        click.option(
            "--ask-pass",
            is_flag=True,
            help="Ask for the password to log in with. [env var: LVSFLEET_PASSWORD]",
        ),
        click.option(
            "--ask-sudo-pass",
            is_flag=True,
            help="Ask for the password for sudo. [env var: LVSFLEET_SUDO_PASSWORD]",
        ),
        verbose_option,
    )

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add
