"""A root shell on one router, over exec channels of one connection."""

from __future__ import annotations

import hashlib
import logging
import time

from tasks.connect.command import command_line
from tasks.connect.exec import Ended, execute
from tasks.connect.passwords import sudo_password
from tasks.connect.sudo import Sudo, needs_sudo
from tasks.connect.target import Endpoint
from tasks.connect.transport import Transport
from tasks.shell import Completed

log = logging.getLogger("lvsfleet.ssh")


class ExecShell:
    """The Shell that runs each script by one exec.

    Attributes:
        endpoint: where it leads.
    """

    def __init__(self, transport: Transport, endpoint: Endpoint, *, sudo: str) -> None:
        self.endpoint = endpoint
        self._transport = transport
        self._through_sudo = needs_sudo(endpoint.user, sudo)

    @property
    def alive(self) -> bool:
        """Whether the connection is up, as far as is known without asking."""
        return bool(self._transport.is_active())

    def run(self, script: str, *args: str, stdin: str = "", deadline: float) -> Completed:
        """Run ``script`` as root; see ``tasks.shell.Shell``."""
        data = stdin.encode("utf-8", "surrogateescape")
        start = time.monotonic()
        log.debug(
            "%s: script %s, %d bytes, %d bytes of data",
            self.endpoint.name,
            _name(script),
            len(script),
            len(data),
        )
        run = self._run_by_sudo if self._through_sudo else self._run
        ended = run(script, args, data, deadline)
        log.debug(
            "%s: script %s, exit status %d after %.3f s, %d bytes out, %d bytes err",
            self.endpoint.name,
            _name(script),
            ended.status,
            time.monotonic() - start,
            len(ended.stdout),
            len(ended.stderr),
        )
        return Completed(
            ended.status,
            ended.stdout.decode("utf-8", "surrogateescape"),
            ended.stderr.decode("utf-8", "surrogateescape"),
        )

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        self._transport.close()

    def _run(self, script: str, args: tuple[str, ...], data: bytes, deadline: float) -> Ended:
        return execute(
            self._transport,
            command_line(script, args),
            name=str(self.endpoint),
            stdin=data,
            deadline=deadline,
        )

    def _run_by_sudo(
        self, script: str, args: tuple[str, ...], data: bytes, deadline: float
    ) -> Ended:
        sudo = Sudo(password=sudo_password(), data=data)
        ended = execute(
            self._transport,
            command_line(script, args, before=sudo.words, mark=sudo.started),
            name=str(self.endpoint),
            stdin=data if sudo.password is None else b"",
            dialogue=None if sudo.password is None else sudo,
            deadline=deadline,
        )
        own = sudo.strip(ended.stderr, name=str(self.endpoint), user=self.endpoint.user)
        return Ended(ended.status, ended.stdout, own)


def _name(script: str) -> str:
    """What to call a script in a log: its first comment, else a piece of its digest."""
    for line in script.splitlines()[:3]:
        if line.startswith("#") and not line.startswith("#!"):
            return line.lstrip("# ")[:60]
    return hashlib.sha256(script.encode("utf-8", "surrogateescape")).hexdigest()[:8]
