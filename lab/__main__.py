"""Drives a lab without the rest of lvsfleet: ``python -m lab up|down|status|exec|reboot|reset``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from inventory.errors import LvsfleetError
from lab.fleet import DEFAULT_ROUTERS, Lab
from lab.topology import Kind


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--lab", type=int, default=0, help="its number, 0 to 9")
    up = verbs.add_parser("up", parents=[common])
    up.add_argument("--routers", type=int, default=DEFAULT_ROUTERS)
    up.add_argument("--kind", type=Kind, action="append", help="only such clusters; repeatable")
    up.add_argument("--inventory", type=Path, help="folder to write its inventory to")
    for verb in ("down", "status"):
        verbs.add_parser(verb, parents=[common])
    for verb in ("start", "stop", "reboot", "reset"):
        verbs.add_parser(verb, parents=[common]).add_argument("router")
    execute = verbs.add_parser("exec", parents=[common])
    execute.add_argument("where", help="a router, or client-SITE")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def _do(arguments: argparse.Namespace) -> None:
    lab = Lab(arguments.lab)
    match arguments.verb:
        case "up":
            folder = arguments.inventory
            lab.up(arguments.routers, kinds=arguments.kind, inventory=folder, reporter=_say)
        case "down":
            lab.down(reporter=_say)
        case "status":
            for row in lab.status():
                ssh = "ssh" if row.ssh else "no ssh"
                kind, role = row.kind.value, row.role.value
                print(f"{row.router:8}{row.cluster:6}{kind:17}{row.address:15}{role:8}{ssh}")  # noqa: T201
        case "exec":
            command = [part for part in arguments.command if part != "--"]
            argv = lab.entry(arguments.where, command)
            os.execvp(argv[0], argv)  # noqa: S606 - a list, no shell
        case verb:
            getattr(lab, verb)(arguments.router)


def main() -> int:
    """Do what the command line says."""
    try:
        _do(_arguments())
    except LvsfleetError as error:
        _say(f"lab: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
