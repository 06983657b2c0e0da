"""``lvsfleet vip list|add|remove|move``, and the way to ``drain|undrain``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runbooks.commands import vip_drain, vip_list
from runbooks.commands.agreeing import ask_and_do
from runbooks.commands.completing import complete_service, complete_vip
from runbooks.commands.vip_options import EXITS, of_inventory, vip_options
from runbooks.exits import Exit
from runbooks.options import CONTEXT, Seconds, complete_router

if TYPE_CHECKING:
    from runbooks.conduct import Request
    from runbooks.reports.run import Run

F = TypeVar("F", bound=Callable[..., Any])

_HELP = """Bring a VIP up, take one away, or move a service to another one.

All routers of the VIP's cluster change as one: what comes is marked, and seen to be, on each of
them before keepalived brings it up, and what goes is let go of only then. keepalived.conf is edited
in place and reloaded, never restarted; what is sent to a new VIP is seen on its MASTER, marked,
before an old one goes; the inventory is written last. Whatever goes wrong takes all of it back on
all of them, and routers that nobody reaches do that by themselves.

It is shown and asked about first: --yes does not ask, and is needed without a terminal. A VIP that
somebody else answers for, that is in no network of the routers or that another service has is
refused, before anything is changed.

\b
Examples:
  lvsfleet vip move web 203.0.113.10 203.0.113.20
  lvsfleet vip add web 203.0.113.21 --yes
  lvsfleet vip remove web 203.0.113.21 --commit
  lvsfleet vip move web 203.0.113.10 203.0.113.20 --dry-run
  lvsfleet vip list

\b
Exit codes:
  0    as wanted
  1    a router failed or was not reached; where it says so, all is as it was
  2    usage or inventory: nothing was contacted
  3    it was only shown (--dry-run), or you said no
  4    another run holds the routers
  130  interrupted
"""


@click.group("vip", context_settings=CONTEXT, help=_HELP)
def command() -> None:
    """Only the way to its commands."""


def _options(function: F) -> F:
    options = (
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
    )
    for option in reversed(options):
        function = option(function)
    return vip_options(function)


def _coming(function: F) -> F:
    """What only a VIP that comes has."""
    options = (
        click.option(
            "--probe-from",
            "source",
            metavar="HOST",
            shell_complete=complete_router,
            help="Send to the new VIP from this host of the inventory, not from here; then it must"
            " arrive.",
        ),
        click.option("--no-probe", is_flag=True, help="Do not send anything to the new VIP."),
        click.option(
            "--force",
            is_flag=True,
            help="Also an address that somebody answers for, or that is in no network of the"
            " routers.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


_service = click.argument("service", shell_complete=complete_service)


def _vip(name: str) -> Callable[[F], F]:
    return click.argument(name, shell_complete=complete_vip)


command.add_command(vip_list.command)
command.add_command(vip_drain.drain)
command.add_command(vip_drain.undrain)


@command.command("add", context_settings=CONTEXT, epilog=EXITS)
@_service
@click.argument("vip")
@_coming
@_options
def add(service: str, vip: str, **options: Any) -> Exit:
    """Give SERVICE another VIP."""
    return _change(options, service=service, new=vip)


@command.command("remove", context_settings=CONTEXT, epilog=EXITS)
@_service
@_vip("vip")
@_options
def remove(service: str, vip: str, **options: Any) -> Exit:
    """Take a VIP from SERVICE."""
    return _change(options, service=service, old=vip)


@command.command("move", context_settings=CONTEXT, epilog=EXITS)
@_service
@_vip("old")
@click.argument("new")
@_coming
@_options
def move(service: str, old: str, new: str, **options: Any) -> Exit:
    """Give SERVICE the VIP NEW instead of OLD."""
    return _change(options, service=service, old=old, new=new)


def _change(options: dict[str, Any], **what: Any) -> Exit:
    what |= of_inventory(options) | {"wait": options.pop("wait")}
    what |= {"source": options.pop("source", None), "force": options.pop("force", False)}
    for name in ("keepalived", "probe"):
        what[name] = not options.pop(f"no_{name}", False)
    if what["source"] and not what["probe"]:
        raise click.UsageError("--probe-from and --no-probe exclude each other.")

    def do(request: Request, shown: Run | None) -> Run:
        from runbooks.vip import Wish, change_vip  # noqa: PLC0415 - Nornir, paramiko

        return change_vip(request, Wish(**what), shown=shown)

    return ask_and_do(options, do, _said(what["service"], what.get("old"), what.get("new")))


def _said(service: str, old: str | None, new: str | None) -> str:
    if old and new:
        return f"Move {service} from {old} to {new}"
    return f"Add {new} to {service}" if new else f"Take {old} from {service}"
