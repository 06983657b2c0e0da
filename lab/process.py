"""Runs the host's programs for the lab, and turns their failures into one clear line."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from inventory.errors import LvsfleetError

ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}
"""What a program sees in its environment, on the host and on a router: nothing of the caller's."""


def completed(
    argv: Sequence[str], *, stdin: str | None = None, keep_open: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever its exit status.

    Args:
        argv: the program and its arguments.
        stdin: its standard input; /dev/null where none is given.
        keep_open: file descriptors that it inherits (a lock that is to last as long as it runs).

    Returns:
        Its status, output and error stream; bytes that are not UTF-8 survive as surrogates.

    Raises:
        LvsfleetError: there is no such program.
    """
    try:
        return subprocess.run(
            argv,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="surrogateescape",
            env=dict(ENVIRONMENT),
            cwd="/",
            pass_fds=keep_open,
        )
    except FileNotFoundError as missing:
        raise LvsfleetError(
            f"the lab needs the program {argv[0]}", "bash lab/setup/host.sh installs it"
        ) from missing


def run(argv: Sequence[str], *, stdin: str | None = None, keep_open: Sequence[int] = ()) -> str:
    """Run a program that must succeed.

    Args:
        argv: the program and its arguments.
        stdin: its standard input; /dev/null where none is given.
        keep_open: file descriptors that it inherits.

    Returns:
        What it printed.

    Raises:
        LvsfleetError: there is no such program, or it failed; with the last line it wrote.
    """
    result = completed(argv, stdin=stdin, keep_open=keep_open)
    if result.returncode:
        said = (result.stderr or result.stdout).strip().splitlines()
        command = " ".join(argv)
        raise LvsfleetError(
            f"{command} failed with status {result.returncode}: {said[-1] if said else 'no reason'}"
        )
    return result.stdout
