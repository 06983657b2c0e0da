"""Routers with a kernel of their own (User-Mode Linux): how one runs a program there.

No namespace of the host leads into them, so it is OpenSSH that does, by one connection for all that
is asked. That belongs to the router's cgroup, and so ends with the router.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from inventory.errors import LvsfleetError
from lab.process import ENVIRONMENT
from lab.topology import Names, Router

_JOIN = 'echo 0 >"$0/cgroup.procs" && exec "$@"'


def check() -> None:
    """Refuse to go on where there is no such kernel.

    Raises:
        LvsfleetError: User-Mode Linux is not installed.
    """
    if shutil.which("linux.uml", path=ENVIRONMENT["PATH"]) is None:
        raise LvsfleetError(
            "routers with a kernel of their own need User-Mode Linux",
            "apt-get install user-mode-linux",
        )


def enter(names: Names, router: Router, group: Path, argv: Sequence[str]) -> list[str]:
    """The command of the host that runs ``argv`` on a router, as root in /.

    Args:
        names: what its lab's things are called.
        router: which one.
        group: its cgroup.
        argv: the program and its arguments.
    """
    socket = names.state / "routers" / router.name / "ssh"
    shared = ["ControlMaster=auto", f"ControlPath={socket}", "ControlPersist=yes"]
    options = [word for each in (*shared, "LogLevel=ERROR") for word in ("-o", each)]
    ssh = ["ssh", "-F", str(names.state / "ssh_config"), *options, router.name, "--"]
    return ["/bin/sh", "-c", _JOIN, str(group), *ssh, f"cd / && exec {shlex.join(argv)}"]
