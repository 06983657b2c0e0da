"""``lvsfleet adopt``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from runbooks.exits import Exit
from runbooks.options import CONTEXT, router_options

_HELP = """Write an inventory that describes what routers do today. Nothing on them is changed.

It reads the mark rules that run, whoever put them there, and keepalived's configuration, and makes
services of them: a rollout of what it writes changes nothing, or it says what. Whatever an
inventory cannot say is listed with the reason; it stays on the routers as it is, unless it is
lvsfleet's own, which is listed apart.

An inventory to begin with needs only the routers' names and how to reach them.

\b
Examples, where old/ has the routers and how to reach them:
  lvsfleet adopt --inventory old                 show it
  lvsfleet adopt --inventory old --output site   write it to site/
  lvsfleet rollout --dry-run --inventory site    and see
  lvsfleet rollout --adopt --inventory site      take equal rules over

Exit codes: 0 all were read, 1 a router was not, 2 usage or inventory.
"""


@click.command("adopt", context_settings=CONTEXT, help=_HELP)
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder to write the inventory to; without it, it is shown.",
)
@click.option("--force", is_flag=True, help="Write over files that are there.")
@router_options
def command(
    output: Path | None, force: bool, ask_pass: bool, ask_sudo_pass: bool, **request: Any
) -> Exit:
    """Read the routers and write what was found."""
    from runbooks.adopt import Request, adopt, refuse_existing, write  # noqa: PLC0415 - Nornir
    from runbooks.adopting.report import render  # noqa: PLC0415
    from runbooks.logs import configure  # noqa: PLC0415 - help is quick without it
    from runbooks.output import publish  # noqa: PLC0415
    from runbooks.prompts import ask_passwords  # noqa: PLC0415
    from runbooks.reports.text import screen_of  # noqa: PLC0415

    configure(request["verbosity"])
    if output is not None and not force:
        refuse_existing(output)
    ask_passwords(login=ask_pass, sudo=ask_sudo_pass)
    found = adopt(Request(**request))
    notes = list(found.notes)
    shown = ""
    if output is not None and found.texts:
        write(found.texts, output)
        notes.append(
            f"Written to {output}. Next: `lvsfleet rollout --dry-run --inventory {output}`"
        )
    elif found.texts:
        shown = "".join(f"# --- {name}\n{text}\n" for name, text in found.texts.items())
    report = render(found.drafts, found.failed, notes, screen_of(sys.stdout))
    publish(shown + report)
    return Exit.FAILED if found.failed else Exit.OK
