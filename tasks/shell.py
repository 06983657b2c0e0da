"""What the tasks need of a connection: run one script as root on the router, with data on stdin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Completed:
    """What a script left behind.

    Attributes:
        status: its exit status, 0 to 255.
        stdout: what it printed, decoded as UTF-8 with ``surrogateescape`` (every byte survives).
        stderr: its error stream, decoded alike; empty where a connection cannot tell them apart.
    """

    status: int
    stdout: str
    stderr: str


class Shell(Protocol):
    """A root shell on one router."""

    def run(self, script: str, *args: str, stdin: str = "", deadline: float) -> Completed:
        """Run a POSIX sh ``script`` as root and wait for it to end.

        Args:
            script: the text of the script; it never holds data.
            args: its ``$1``, ``$2``, …; quoted here, so any text will do. They show in the
                router's process list: no secrets.
            stdin: its standard input, encoded as UTF-8 with ``surrogateescape``.
            deadline: seconds for the whole exchange, however it is spent.

        Returns:
            The script's end, whatever its status.

        Raises:
            Unreachable: the connection broke.
            DeadlineExceeded: the script did not end in time; it may still be running.
            PrivilegeRefused: the user may not become root.
        """
        ...

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        ...
