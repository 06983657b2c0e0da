"""``lvsfleet vip add|remove|move``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runbooks.commands.concluding import conclude
from runbooks.exits import Exit
from runbooks.options import CONTEXT, Seconds, fleet_options
from runbooks.output import check_writable

if TYPE_CHECKING:
    from runbooks.vip import Wish

F = TypeVar("F", bound=Callable[..., Any])

_HELP = """Bring a VIP up, take one away, or move a service to another one.

All routers of the VIP's cluster change as one: what comes is marked, and seen to be, on each of
them before keepalived brings it up, and what goes is let go of only then. keepalived.conf is edited
in place and reloaded, never restarted; the inventory is written last. Whatever goes wrong takes all
of it back on all of them, and routers that nobody reaches do that by themselves.

\b
Examples:
  lvsfleet vip move web 203.0.113.10 203.0.113.20
  lvsfleet vip add web 203.0.113.21 --yes
  lvsfleet vip remove web 203.0.113.21 --commit
"""


@click.group("vip", context_settings=CONTEXT, help=_HELP)
def command() -> None:
    """Only the way to its commands."""


def _options(function: F) -> F:
    options = (
        click.option("--yes", is_flag=True, help="Do not ask; needed without a terminal."),
        click.option("--dry-run", is_flag=True, help="Show what would change; change nothing."),
        click.option(
            "--now",
            is_flag=True,
            help="Emergency: no canary, no waiting for VRRP. Still armed and verified.",
        ),
        click.option(
            "--no-keepalived",
            is_flag=True,
            help="Leave keepalived's files to others, and wait for the VIP to come or go.",
        ),
        click.option(
            "--wait",
            metavar="SECONDS",
            type=Seconds(1, 3600),
            default=120,
            show_default=True,
            help="How long, with --no-keepalived.",
        ),
        click.option("--commit", is_flag=True, help="Commit the inventory's change to git."),
        click.option(
            "--confirm-timeout",
            metavar="SECONDS",
            type=Seconds(5, 3600),
            default=60,
            show_default=True,
            help="Routers take all of it back by themselves when it is not confirmed in this time.",
        ),
        click.option(
            "--break-lock",
            is_flag=True,
            help="Take the lock of a run that died and has nothing to do on the router any more.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return fleet_options(function)


@command.command("add", context_settings=CONTEXT)
@click.argument("service")
@click.argument("vip")
@_options
def add(service: str, vip: str, **request: Any) -> Exit:
    """Give SERVICE another VIP."""
    return _change(request, service=service, new=vip)


@command.command("remove", context_settings=CONTEXT)
@click.argument("service")
@click.argument("vip")
@_options
def remove(service: str, vip: str, **request: Any) -> Exit:
    """Take a VIP from SERVICE."""
    return _change(request, service=service, old=vip)


@command.command("move", context_settings=CONTEXT)
@click.argument("service")
@click.argument("old")
@click.argument("new")
@_options
def move(service: str, old: str, new: str, **request: Any) -> Exit:
    """Give SERVICE the VIP NEW instead of OLD."""
    return _change(request, service=service, old=old, new=new)


def _change(request: dict[str, Any], **what: Any) -> Exit:
    report_format: str = request.pop("report_format")
    output: Path | None = request.pop("output")
    yes, dry_run, now = (request.pop(name) for name in ("yes", "dry_run", "now"))
    what |= {name: request.pop(name) for name in ("wait", "commit")}
    what["keepalived"] = not request.pop("no_keepalived")
    check_writable(output)
    from runbooks.conduct import Request  # noqa: PLC0415 - Nornir, paramiko
    from runbooks.logs import configure  # noqa: PLC0415 - help is quick without it
    from runbooks.policy import Policy  # noqa: PLC0415
    from runbooks.vip import Wish, change_vip  # noqa: PLC0415

    configure(request["verbosity"])
    wish = Wish(**what)
    if not yes and not dry_run:
        code = _shown(Request(policy=Policy(dry_run=True, now=now), **request), wish)
        if code is not None:
            return code
    policy = Policy(dry_run=dry_run, now=now)
    return conclude(change_vip(Request(policy=policy, **request), wish), report_format, output)


def _shown(request: Any, wish: Wish) -> Exit | None:
    """Show the plan and ask; None where it is to be done."""
    from runbooks.vip import change_vip  # noqa: PLC0415

    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on: --yes does it, --dry-run shows it.")
    planned = change_vip(request, wish)
    code = conclude(planned, "table", None)
    if code is not Exit.DRIFT:
        return code
    click.confirm("Do it?", abort=True, err=True)
    return None
