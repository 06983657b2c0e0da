"""ssh_config's ProxyCommand: a program whose standard input and output are the connection."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess

from tasks.connect.target import Endpoint
from tasks.errors import Unreachable

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:%-]*")
_PATIENCE = 2.0  # seconds for the program to end by itself


class Program:
    """The stream to a running ProxyCommand."""

    def __init__(self, process: subprocess.Popen[bytes], near: socket.socket) -> None:
        self._process = process
        self._near = near
        self.recv = near.recv
        self.send = near.send
        self.settimeout = near.settimeout

    def close(self) -> None:
        """End the program."""
        with contextlib.suppress(OSError):
            self._near.shutdown(socket.SHUT_RDWR)
        self._near.close()
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()


def start(endpoint: Endpoint) -> Program:
    """Start the endpoint's ProxyCommand in ``sh``, as OpenSSH does.

    Raises:
        Unreachable: the host's name could mean something to a shell, or there is no shell.
    """
    command = endpoint.proxy_command or ""
    if not _PLAIN.fullmatch(endpoint.address) or not _PLAIN.fullmatch(endpoint.user):
        raise Unreachable(
            f"{endpoint}: this name is not handed to the shell of a ProxyCommand",
            "Use letters, digits, dots and dashes, or ProxyJump instead",
        )
    near, far = socket.socketpair()
    with far:
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"],
                stdin=far.fileno(),
                stdout=far.fileno(),
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            near.close()
            raise Unreachable(f"{endpoint}: ProxyCommand did not start: {error}") from None
    return Program(process, near)
