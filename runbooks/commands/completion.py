"""``lvsfleet completion``: the script that lets a shell complete commands, options and routers."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from runbooks.options import CONTEXT
from runbooks.output import publish

_HELP = """Print the completion script for SHELL.

\b
bash:  lvsfleet completion bash \\
           > ~/.local/share/bash-completion/completions/lvsfleet
zsh:   lvsfleet completion zsh > ~/.zfunc/_lvsfleet      (a folder of $fpath)
fish:  lvsfleet completion fish > ~/.config/fish/completions/lvsfleet.fish

For this shell only: eval "$(lvsfleet completion bash)"
"""

_KINDS: dict[str, type[ShellComplete]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
}


@click.command("completion", context_settings=CONTEXT, help=_HELP)
@click.argument("shell", type=click.Choice(list(_KINDS)))
def command(shell: str) -> None:
    """Print the script."""
    from runbooks.cli import cli  # noqa: PLC0415 - it imports this module

    publish(_KINDS[shell](cli, {}, "lvsfleet", "_LVSFLEET_COMPLETE").source())
