"""What a lab asks of the machine it runs on: checked first, and one limit raised."""

from __future__ import annotations

import os
from pathlib import Path

from inventory.errors import LvsfleetError
from lab.process import completed

_SCRIPT = Path(__file__).parent / "setup" / "preflight.sh"
_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
_ENOUGH = 8192


def check_root() -> None:
    """Refuse to go on without root.

    Raises:
        LvsfleetError: the caller is not root.
    """
    if os.geteuid() != 0:
        raise LvsfleetError("the lab needs root", "Run it with sudo")


def check() -> None:
    """Refuse to go on where a lab cannot run.

    Raises:
        LvsfleetError: what is missing.
    """
    check_root()
    result = completed(["/bin/sh", str(_SCRIPT)])
    if result.returncode:
        message, _, hint = result.stderr.strip().removeprefix("lab: ").partition("; ")
        raise LvsfleetError(message, hint[:1].upper() + hint[1:])


def make_room() -> None:
    """Let root have enough inotify instances: a systemd uses five, and the default is 128.

    Where that is not allowed, routers beyond the 25th do not boot.
    """
    if int(_INSTANCES.read_text()) < _ENOUGH and os.access(_INSTANCES, os.W_OK):
        _INSTANCES.write_text(str(_ENOUGH))
