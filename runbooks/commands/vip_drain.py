"""``lvsfleet vip drain|undrain``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from runbooks.commands.agreeing import ask_and_do
from runbooks.commands.completing import complete_service, complete_vip
from runbooks.commands.vip_options import EXITS, of_inventory, vip_options
from runbooks.exits import Exit
from runbooks.options import CONTEXT, Seconds

if TYPE_CHECKING:
    from runbooks.conduct import Request
    from runbooks.reports.run import LiveCount, Run

F = TypeVar("F", bound=Callable[..., Any])

_DRAIN = """Schedule no new connections for VIP; those that exist live on.

The marks for VIP go, on all routers of its cluster as one, and for good: the inventory says that it
drains, so no rollout brings them back. IPVS knows its connections without a mark. A new connection
is left to what else the router does with it, mostly a reset by its own TCP; with --reject or --drop
a table of nftables refuses it, behind IPVS, so that it never sees what IPVS knows.

Then the connections that live are counted on the router that holds VIP: those of IPVS, or without
IPVS those of conntrack; until there is none, or --wait is over. Ctrl-C ends the waiting only.

\b
Examples:
  lvsfleet vip drain web 203.0.113.10 --reject
  lvsfleet vip drain web 203.0.113.10 --drop --wait 0 --yes
  lvsfleet vip undrain web 203.0.113.10
"""

_UNDRAIN = """Have VIP take new connections again: the marks come, and nothing refuses any more."""


_service = click.argument("service", shell_complete=complete_service)
_vip = click.argument("vip", shell_complete=complete_vip)


@click.command(
    "drain",
    context_settings=CONTEXT,
    help=_DRAIN,
    short_help=_DRAIN.partition(";")[0],
    epilog=EXITS,
)
@_service
@_vip
@click.option("--reject", is_flag=True, help="Answer new connections: ICMP port unreachable.")
@click.option("--drop", is_flag=True, help="Do not answer new connections.")
@click.option(
    "--wait",
    metavar="SECONDS",
    type=Seconds(0, 86400),
    default=300,
    show_default=True,
    help="How long to count the connections that live; 0 does not count them.",
)
@vip_options
def drain(service: str, vip: str, *, reject: bool, drop: bool, wait: float, **options: Any) -> Exit:
    """Only the way in."""
    if reject and drop:
        raise click.UsageError("--reject and --drop exclude each other.")
    how = "reject" if reject else "drop" if drop else "pass"
    return _change(options, service=service, vip=vip, how=how, wait=wait)


@click.command("undrain", context_settings=CONTEXT, help=_UNDRAIN, epilog=EXITS)
@_service
@_vip
@vip_options
def undrain(service: str, vip: str, **options: Any) -> Exit:
    """Only the way in."""
    return _change(options, service=service, vip=vip, how=None, wait=0.0)


def _change(
    options: dict[str, Any], *, service: str, vip: str, how: str | None, wait: float
) -> Exit:
    inventory = of_inventory(options)

    def do(request: Request, shown: Run | None) -> Run:
        from inventory.desired import Draining  # noqa: PLC0415 - help is quick without it
        from runbooks.draining import DrainWish, drain  # noqa: PLC0415 - Nornir, paramiko

        wish = DrainWish(service, vip, Draining(how) if how else None, wait, **inventory)
        counting = _Counting()
        run = drain(request, wish, counting.told, shown=shown)
        counting.end()
        return run

    verb = "Drain" if how else "Drain no longer"
    return ask_and_do(options, do, f"{verb} {vip} of {service}")


class _Counting:
    """Shows how many connections live: one line that changes on a terminal, else one per change."""

    def __init__(self) -> None:
        self._last = ""
        self._live = sys.stderr.isatty()

    def told(self, count: LiveCount) -> None:
        """Another count."""
        said = str(count)
        if self._live:
            sys.stderr.write(f"\r{said}\x1b[K")
        elif said != self._last:
            sys.stderr.write(f"{said}\n")
        self._last = said
        sys.stderr.flush()

    def end(self) -> None:
        """There is no further one."""
        if self._live and self._last:
            sys.stderr.write("\n")
