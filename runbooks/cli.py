"""The command line: ``lvsfleet COMMAND``. What a command needs is imported when it is run."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from inventory.errors import LvsfleetError
from runbooks.errors import show, show_fault
from runbooks.exits import Exit
from runbooks.options import CONTEXT
from tasks.errors import RouterError

COMMANDS = (
    "rollout",
    "compliance",
    "explain",
    "status",
    "adopt",
    "vip",
    "rollback",
    "resume",
    "history",
    "inventory",
    "lab",
    "completion",
)
"""Each is the command ``command`` of a module in runbooks/commands/."""


class _Commands(click.Group):
    """Loads a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest command where there is none of that name."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches  # noqa: PLC0415 - only for typos

            for near in get_close_matches(args[0], COMMANDS, n=1):
                said = f"{error.message} Did you mean {near!r}?"
                raise click.UsageError(said, ctx) from None
            raise

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"runbooks.commands.{cmd_name}").command
        return command


def _print_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from importlib.metadata import version  # noqa: PLC0415 - slow, and only for this

        click.echo(f"lvsfleet {version('lvsfleet')}")
        context.exit()


_HELP = """Keeps the firewall marks of a fleet of LVS routers right.

\b
Exit codes:
  0    as wanted
  1    a router failed, was not reached or was held back
  2    usage or inventory: nothing was contacted
  3    drift: compliance found some, or a dry run would change something
  4    locked by another run (every router that failed is)
  130  interrupted (before any other)
"""


@click.group(cls=_Commands, context_settings=CONTEXT, help=_HELP)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Only the way to the commands."""


def main() -> NoReturn:
    """The program: run the command line and leave.

    It leaves at once. Python's own end would wait for threads of routers that hang, and takes
    0.1 s after twenty connections; everything is written by then.
    """
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command line; whatever happens, the answer is an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A locale without these characters must not cost the results of a run.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    try:
        code = cli.main(list(arguments), prog_name="lvsfleet", standalone_mode=False)
    except click.exceptions.Abort:
        sys.stderr.write("lvsfleet: interrupted.\n")
        return Exit.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except LvsfleetError as error:
        show(error)
        return Exit.FAILED if isinstance(error, RouterError) else Exit.USAGE
    except Exception as error:  # a fault of this program
        show_fault(error, verbose=any(a.startswith("-v") or a == "--verbose" for a in arguments))
        return Exit.FAILED
    return int(code or Exit.OK)
