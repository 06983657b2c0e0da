"""``lvsfleet lab``: a fleet of real routers on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from inventory.errors import LvsfleetError
from runbooks.errors import show
from runbooks.exits import Exit
from runbooks.options import CONTEXT
from runbooks.output import publish

LAST_LAB = 29
KINDS = (
    "firewalld",
    "iptables-debian",
    "iptables-rhel",
    "iptables-legacy",
    "iptables-ipvs",
    "nftables",
    "firewalld-docker",
)


class _LabCommands(click.Group):
    """The lab's errors are no usage errors: they end with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LvsfleetError as error:
            show(error)
            return Exit.FAILED


@click.group("lab", cls=_LabCommands, context_settings=CONTEXT)
def command() -> None:
    """A fleet of real routers on this machine, to try things on.

    Each router is a container with systemd, sshd, keepalived and a firewall; each site has a
    client namespace. Needs root. The inventory of this repository describes the lab of six.
    """


_number = click.option(
    "--lab",
    "number",
    metavar="N",
    type=click.IntRange(0, LAST_LAB),
    default=0,
    show_default=True,
    help="Which lab; several run side by side.",
)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _complete_place(
    context: click.Context, _parameter: click.Parameter, incomplete: str
) -> list[str]:
    from lab.fleet import Lab  # noqa: PLC0415

    try:
        here = Lab(context.params.get("number") or 0).topology
    except LvsfleetError:
        return []
    names = [router.name for router in here.routers]
    if context.info_name == "exec":
        names += [site.client for site in here.sites]
    return [name for name in names if name.startswith(incomplete)]


_routers = click.argument(
    "routers", metavar="ROUTER…", nargs=-1, required=True, shell_complete=_complete_place
)


@command.command("up")
@_number
@click.option(
    "--routers",
    metavar="N",
    type=click.IntRange(1),
    default=6,
    show_default=True,
    help="How many; two to a cluster. A lab that is up can grow.",
)
@click.option(
    "--kind",
    "kinds",
    metavar="KIND",
    type=click.Choice(KINDS),
    multiple=True,
    help=f"Only clusters of this kind; repeatable. One of {', '.join(KINDS)}."
    " [default: the first three in turn]",
)
@click.option(
    "--inventory",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also write the lab's inventory to this folder.",
)
def up(number: int, routers: int, kinds: tuple[str, ...], inventory: Path | None) -> None:
    """Bring the lab up, or what is missing of it."""
    from lab.fleet import Lab  # noqa: PLC0415
    from lab.topology import Kind  # noqa: PLC0415

    only = [Kind(kind) for kind in kinds] or None
    Lab(number).up(routers, kinds=only, inventory=inventory, reporter=_say)


@command.command("down")
@_number
def down(number: int) -> None:
    """Take the lab away; nothing of it is left."""
    from lab.fleet import Lab  # noqa: PLC0415

    Lab(number).down(reporter=_say)


@command.command("status")
@_number
def status(number: int) -> Exit:
    """Show how each router is.

    Exit codes: 0 all run, 1 one does not, or there is no lab.
    """
    from lab.fleet import Lab  # noqa: PLC0415

    rows = Lab(number).status()
    if not rows:
        start = "lvsfleet lab up" + (f" --lab {number}" if number else "")
        publish(f"lab {number} is not up; `{start}` starts it\n")
        return Exit.FAILED
    titles = ("ROUTER", "CLUSTER", "KIND", "ADDRESS", "ROLE", "SSH")
    cells = [
        (r.router, r.cluster, r.kind.value, r.address, r.role.value, "yes" if r.ssh else "no")
        for r in rows
    ]
    publish(_columns(titles, cells))
    return Exit.OK if all(row.ssh for row in rows) else Exit.FAILED


def _columns(titles: tuple[str, ...], cells: Sequence[tuple[str, ...]]) -> str:
    lines = [titles, *cells]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return "\n".join(text) + "\n"


@command.command("marks", short_help="Send packets to the VIPs; show the marks they get.")
@_number
def marks(number: int) -> None:
    """Send packets to the VIPs from each site's client; show the marks they arrive with.

    They are counted on the MASTER by a table of the lab's own; nothing of lvsfleet is asked.
    """
    from lab.fleet import Lab  # noqa: PLC0415
    from lab.marks import arrivals  # noqa: PLC0415

    titles = ("ROUTER", "TO", "PORT", "MARK", "LET IN")
    cells = [
        (
            each.router,
            str(each.address),
            f"{each.port}/{each.protocol}",
            {None: "did not arrive", 0: "none"}.get(each.mark, str(each.mark)),
            "yes" if each.accepted else "no",
        )
        for each in arrivals(Lab(number))
    ]
    publish(_columns(titles, cells))


@command.command(
    "exec",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    short_help="Run a program as root on a router, or on a site's client.",
)
@_number
@click.argument("where", metavar="ROUTER|CLIENT", shell_complete=_complete_place)
@click.argument("argv", metavar="PROGRAM [ARGUMENT]…", nargs=-1, type=click.UNPROCESSED)
def execute(number: int, where: str, argv: tuple[str, ...]) -> None:
    """Run a program as root on a router, or on a site's client (client-ams).

    It does not go over SSH; nothing of lvsfleet is in between. Without a program it is a shell.
    The exit code is the program's.
    """
    from lab.fleet import Lab  # noqa: PLC0415

    program = [part for i, part in enumerate(argv) if i or part != "--"] or ["bash"]
    words = Lab(number).entry(where, program)
    sys.stdout.flush()
    os.execvp(words[0], words)  # noqa: S606 - a list, no shell


@command.command("reboot")
@_number
@_routers
def reboot(number: int, routers: tuple[str, ...]) -> None:
    """Reboot routers: what was not saved is gone."""
    from lab.fleet import Lab  # noqa: PLC0415

    Lab(number).reboot(*routers)


@command.command("reset")
@_number
@_routers
def reset(number: int, routers: tuple[str, ...]) -> None:
    """Give routers fresh disks and boot them."""
    from lab.fleet import Lab  # noqa: PLC0415

    Lab(number).reset(*routers)
