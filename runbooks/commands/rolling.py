"""Options of the commands that change routers: waves, and what happens when one fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runbooks.options import Seconds

if TYPE_CHECKING:
    from runbooks.policy import Policy
    from runbooks.waves import Share

F = TypeVar("F", bound=Callable[..., Any])

_NAMES = ("now", "batch", "pause", "settle", "on_failure", "max_failures")


def _share(least: int) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """A callback that reads ``5`` or ``10%``."""

    def read(context: click.Context, parameter: click.Parameter, value: str | None) -> Share | None:
        if value is None:
            return None
        from runbooks.waves import Share  # noqa: PLC0415 - help is quick without it

        with suppress(ValueError):
            share = Share.of_text(value)
            if share.number >= least:
                return share
        said = f"{value!r} is no number of routers: write 5, or 10% of them (at least {least})."
        raise click.BadParameter(said, context, parameter)

    return read


def rolling_options(command: F) -> F:
    """How a fleet is changed."""
    options = (
        click.option(
            "--batch",
            metavar="N|N%",
            callback=_share(1),
            help="Routers in one wave at most, or percent of those to change. [default: no limit]",
        ),
        click.option(
            "--pause",
            metavar="SECONDS",
            type=Seconds(0, 86400),
            default=0,
            help="Wait between two waves.",
        ),
        click.option(
            "--settle",
            metavar="SECONDS",
            type=Seconds(0, 600),
            help="Watch the VIPs this long after a wave that touched what is let in. [default: "
            "as long as keepalived takes to notice a silent MASTER, four advertisement intervals]",
        ),
        click.option(
            "--on-failure",
            type=click.Choice(["stop", "rollback", "continue"]),
            default="stop",
            show_default=True,
            help="When a router fails: begin no further one; or also put back all that this run "
            "changed, newest first; or go on, in its own cluster too.",
        ),
        click.option(
            "--max-failures",
            metavar="N|N%",
            callback=_share(0),
            default="0",
            show_default=True,
            help="So many may fail before that; the canary never may. One that cannot even be "
            "looked at does not count. Either way the rest of its cluster is held back, since "
            "nobody may be left to take over; --on-failure continue or --now changes it too.",
        ),
        click.option(
            "--now",
            is_flag=True,
            help="Emergency: all at once, no waves, no waiting for VRRP, no cluster held back. "
            "Still armed and verified.",
        ),
    )
    command = armed_options(command)
    for option in reversed(options):
        command = option(command)
    return command


def armed_options(command: F) -> F:
    """How routers are kept from staying half changed."""
    options = (
        click.option(
            "--confirm-timeout",
            metavar="SECONDS",
            type=Seconds(5, 3600),
            default=60,
            show_default=True,
            help="A router takes a change back by itself when it is not confirmed in this time.",
        ),
        click.option(
            "--break-lock",
            is_flag=True,
            help="Take the lock of a run that died and has nothing to do on the router any more.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def policy_of(options: dict[str, Any], *, dry_run: bool) -> Policy:
    """The policy that the options say; they are taken out of ``options``."""
    from runbooks.policy import OnFailure, Policy  # noqa: PLC0415 - help is quick without it

    given = {name: options.pop(name) for name in _NAMES}
    return Policy(
        dry_run=dry_run,
        now=given["now"],
        batch=given["batch"],
        pause=given["pause"],
        settle=given["settle"],
        on_failure=OnFailure(given["on_failure"]),
        max_failures=given["max_failures"],
    )
