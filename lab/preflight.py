"""Says in one line what this machine lacks for a lab, before anything is made."""

from __future__ import annotations

import os
from pathlib import Path

from inventory.errors import LvsfleetError
from lab.process import completed

_SCRIPT = Path(__file__).parent / "setup" / "preflight.sh"


def check_root() -> None:
    """Refuse to go on without root.

    Raises:
        LvsfleetError: the caller is not root.
    """
    if os.geteuid() != 0:
        raise LvsfleetError("the lab needs root", "run it with sudo")


def check() -> None:
    """Refuse to go on where a lab cannot run.

    Raises:
        LvsfleetError: what is missing.
    """
    check_root()
    result = completed(["/bin/sh", str(_SCRIPT)])
    if result.returncode:
        message, _, hint = result.stderr.strip().removeprefix("lab: ").partition("; ")
        raise LvsfleetError(message, hint)
