"""Who is at work on this machine, as OpenSSH sees it."""

from __future__ import annotations

import os
import pwd

from inventory.errors import LvsfleetError


def local_user() -> str:
    """The user that one logs in as where nobody says another: the name in passwd, as in ssh(1).

    Not LOGNAME or USER: after `su` root's shell still has somebody else's.

    Raises:
        LvsfleetError: this process's user has no name.
    """
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        raise LvsfleetError(
            f"user {number} of this machine has no name to log in with",
            "Set `username` in the inventory, and User in ssh_config for jump hosts",
        ) from None
