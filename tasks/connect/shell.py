"""A root shell on one router: what is common to all ways, and the usual one, exec channels."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod

from tasks.connect.command import command_line, quote
from tasks.connect.exec import Ended, execute
from tasks.connect.passwords import sudo_password
from tasks.connect.sudo import Sudo, last_words, needs_sudo, new_mark
from tasks.connect.target import Endpoint
from tasks.connect.transport import Transport
from tasks.errors import NotReady, PrivilegeRefused
from tasks.fingerprint import sum_of
from tasks.remote.reader import PATH, digest, only_reads
from tasks.shell import Completed

log = logging.getLogger("lvsfleet.ssh")


class RootShell(ABC):
    """A Shell over one connection, directly as root or through sudo.

    Attributes:
        endpoint: where it leads.
    """

    def __init__(self, transport: Transport, endpoint: Endpoint, *, sudo: str) -> None:
        self.endpoint = endpoint
        self._transport = transport
        self._through_sudo = needs_sudo(endpoint.user, sudo)
        self._only_reads = sudo == "reader"

    @property
    def alive(self) -> bool:
        """Whether the connection is up, as far as is known without asking."""
        return bool(self._transport.is_active())

    def run(self, script: str, *args: str, stdin: str = "", deadline: float) -> Completed:
        """Run ``script`` as root; see ``tasks.shell.Shell``."""
        data = stdin.encode("utf-8", "surrogateescape")
        name = f"{self.endpoint.name}: {name_of(script)}"
        log.debug("%s: %d bytes, %d bytes of data", name, len(script), len(data))
        start = time.monotonic()
        if self._through_sudo:
            ended = self._run_by_sudo(script, args, data, deadline)
        else:
            ended = self._run_directly(script, args, data, deadline)
        sizes = len(ended.stdout), len(ended.stderr)
        seconds = time.monotonic() - start
        log.debug("%s: status %d, %.3f s, %d and %d bytes", name, ended.status, seconds, *sizes)
        return Completed(
            ended.status,
            ended.stdout.decode("utf-8", "surrogateescape"),
            ended.stderr.decode("utf-8", "surrogateescape"),
        )

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        self._transport.close()

    def _run_directly(
        self, script: str, args: tuple[str, ...], data: bytes, deadline: float
    ) -> Ended:
        mark = new_mark()
        ended = self._execute(command_line(script, args, mark=mark), data, deadline)
        before, found, own = ended.stderr.partition(f"{mark}\n".encode())
        if not found:
            said = last_words(before + ended.stdout) or f"status {ended.status}"
            raise NotReady(
                f"{self.endpoint} did not run the script: {said}",
                f"What is the login shell of {self.endpoint.user} there, and does sshd_config "
                "have a ForceCommand? With an interactive shell only: `connection: netmiko`",
            )
        return Ended(ended.status, ended.stdout, own)

    def _by_sudo(self, sudo: Sudo, script: str, args: tuple[str, ...]) -> bytes:
        """The command line of a script; an account that only reads asks its program for it.

        Raises:
            PrivilegeRefused: such an account is to change something.
        """
        if not self._only_reads:
            return command_line(script, args, before=sudo.words, mark=sudo.started)
        if not only_reads(script):
            raise PrivilegeRefused(
                f"{self.endpoint}: {self.endpoint.user} may only read there (`sudo: reader`)",
                "Change routers with an account that may become root",
            )
        words = (*sudo.words, PATH, digest(script), sudo.started, *args)
        return " ".join(quote(word) for word in words).encode("utf-8", "surrogateescape")

    @property
    def _program(self) -> str:
        """What sudoers must let the account run."""
        return PATH if self._only_reads else "ALL"

    @abstractmethod
    def _execute(self, command: bytes, data: bytes, deadline: float) -> Ended:
        """Run a command line of the login user with ``data`` on its standard input."""

    @abstractmethod
    def _run_by_sudo(
        self, script: str, args: tuple[str, ...], data: bytes, deadline: float
    ) -> Ended:
        """Run a script through sudo."""


class ExecShell(RootShell):
    """The Shell that runs each script by one exec."""

    def _execute(self, command: bytes, data: bytes, deadline: float) -> Ended:
        return execute(
            self._transport, command, name=str(self.endpoint), stdin=data, deadline=deadline
        )

    def _run_by_sudo(
        self, script: str, args: tuple[str, ...], data: bytes, deadline: float
    ) -> Ended:
        sudo = Sudo(password=sudo_password(), data=data, program=self._program)
        with_password = sudo.password is not None
        ended = execute(
            self._transport,
            self._by_sudo(sudo, script, args),
            name=str(self.endpoint),
            stdin=b"" if with_password else data,
            dialogue=sudo if with_password else None,
            deadline=deadline,
        )
        own = sudo.strip(
            ended.stdout, ended.stderr, name=str(self.endpoint), user=self.endpoint.user
        )
        return Ended(ended.status, ended.stdout, own)


def name_of(script: str) -> str:
    """What to call a script in a log: what its last part says first, else a piece of its digest.

    A phase comes last, behind what it shares with others; each part begins with a word for
    shellcheck, and then says what it is.
    """
    part = script.rpartition("# shellcheck shell=sh\n")[2]
    for line in part.splitlines()[:2]:
        if line.startswith("#") and not line.startswith("#!"):
            return line.lstrip("# ").partition(" NONCE")[0][:60]
    return sum_of(script)[:8]
