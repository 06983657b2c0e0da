"""A root shell on a router that offers nothing but a terminal, driven through netmiko.

The login shell is replaced by a small reader (``tasks/remote/terminal.sh``) that is typed to it;
from then on all goes as lines of base64, so that no echo, prompt or end of line is in the way.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import time
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from tasks.connect.command import quote
from tasks.connect.driver import Client, drive
from tasks.connect.exec import Ended, broken, overdue
from tasks.connect.library import paramiko
from tasks.connect.passwords import Secret, sudo_password
from tasks.connect.session import connect
from tasks.connect.shell import RootShell
from tasks.connect.sudo import Sudo, refusal
from tasks.connect.target import Endpoint
from tasks.errors import NotReady, NotUnderstood, PrivilegeRefused

LINE = 760  # characters; a terminal takes 4095 in a line, a multiple of 4 is whole base64
_PIECE = 1 << 14
_QUIET = 0.2  # seconds of silence after which a login shell is taken to wait for input
_GREETING = 5.0  # seconds until it is typed to all the same


def open_terminal(endpoint: Endpoint, *, password: Secret | None, sudo: str) -> TerminalShell:
    """Connect, log in, and set up the reader.

    Raises:
        RouterError: no connection, the host key or the login was refused, or no usable shell.
    """
    end = time.monotonic() + endpoint.timeout
    client = Client(connect(endpoint, password=password), endpoint)
    try:
        shell = TerminalShell(client, drive(client), sudo=sudo)
        shell.prepare(end)
    except BaseException:
        client.close()
        raise
    return shell


class TerminalShell(RootShell):
    """The Shell that types its scripts."""

    def __init__(self, client: Client, connection: Any, *, sudo: str) -> None:
        super().__init__(client.transport, client.endpoint, sudo=sudo)
        self._connection = connection
        self._channel = connection.remote_conn
        self._told_sudo = False
        self._mark = f"L{secrets.token_hex(6)}"
        self._answer = re.compile(rf"^{self._mark}([OEX])([A-Za-z0-9+/=]*)\r*$", re.MULTILINE)

    def prepare(self, end: float) -> None:
        """Type the reader to the login shell and wait until it answers.

        Raises:
            NotReady: it does not, or it ended.
            Unreachable: the connection broke.
        """
        heard = self._read_until_quiet(min(end, time.monotonic() + _GREETING))
        script = (files("tasks.remote") / "terminal.sh").read_text(encoding="utf-8")
        lines = [line.strip() for line in script.splitlines() if not line.startswith("#")]
        packed = base64.b64encode("\n".join(lines).encode()).decode()
        start = f'eval "$(echo {packed} | base64 -d)"'
        words = ["exec", "sh", "-c", *(quote(w) for w in (start, "lvsfleet", self._mark))]
        try:
            self._connection.write_channel(" " + " ".join(words) + "\n")
            while f"{self._mark}R" not in heard:
                heard += self._read(end)
        except TimeoutError:
            raise self._no_shell(heard) from None
        except (paramiko.SSHException, EOFError, OSError) as error:
            if self._channel.eof_received or self._transport.ended_by_peer(self._channel):
                raise self._no_shell(heard) from None
            raise broken(str(self.endpoint), self._transport, error) from None

    def _no_shell(self, heard: str) -> NotReady:
        return NotReady(
            f"{self.endpoint} starts no shell that can be used: {heard.strip()[-200:]!r}",
            "The login shell must run `exec sh`, and sh find stty, sed and base64",
        )

    def _execute(self, command: bytes, data: bytes, deadline: float) -> Ended:
        end = time.monotonic() + deadline
        self._transport.wire.deadline = end
        try:
            self._type(_request(command, data), end)
            return self._listen(end)
        except TimeoutError:
            self.close()
            raise overdue(str(self.endpoint), deadline) from None
        except (paramiko.SSHException, EOFError, OSError) as error:
            self.close()
            if self._transport.wire.gave_up:
                raise overdue(str(self.endpoint), deadline) from None
            raise broken(str(self.endpoint), self._transport, error) from None
        finally:
            self._transport.wire.deadline = float("inf")

    def _run_by_sudo(
        self, script: str, args: tuple[str, ...], data: bytes, deadline: float
    ) -> Ended:
        password = sudo_password()
        try:
            return self._without_password(script, args, data, deadline)
        except PrivilegeRefused:
            if password is None or self._told_sudo:
                raise
        # A ticket for this terminal: sudo reads the password, then the end of its input, so that
        # there is no second attempt; what comes next needs none.
        self._told_sudo = True
        line = password.reveal().encode() + b"\n"
        told = self._execute(b"LC_ALL=C sudo -S -p '' -v", line, deadline)
        if told.status:
            raise refusal(
                told.stdout + told.stderr,
                name=str(self.endpoint),
                user=self.endpoint.user,
                asked=True,
                password=True,
            )
        return self._without_password(script, args, data, deadline)

    def _without_password(
        self, script: str, args: tuple[str, ...], data: bytes, deadline: float
    ) -> Ended:
        sudo = Sudo(password=None, data=data, program=self._program)
        ended = self._execute(self._by_sudo(sudo, script, args), data, deadline)
        own = sudo.strip(
            ended.stdout, ended.stderr, name=str(self.endpoint), user=self.endpoint.user
        )
        return Ended(ended.status, ended.stdout, own)

    def _type(self, request: str, end: float) -> None:
        # Not by netmiko's write_channel, whose log would have the data.
        for at in range(0, len(request), _PIECE):
            if time.monotonic() > end:
                raise TimeoutError
            self._channel.settimeout(max(0.01, end - time.monotonic()))
            self._channel.sendall(request[at : at + _PIECE].encode())

    def _listen(self, end: float) -> Ended:
        parts: dict[str, list[str]] = {"O": [], "E": []}
        heard = ""
        while True:
            heard += self._read(end)
            whole, newline, heard = heard.rpartition("\n")
            for kind, text in self._answer.findall(whole + newline):
                if kind == "X":
                    return Ended(int(text), _decoded(parts["O"]), _decoded(parts["E"]))
                parts[kind].append(text)

    def _read(self, end: float) -> str:
        """What has come since; waits for it.

        Raises:
            TimeoutError: nothing came.
            EOFError: nothing will come any more.
        """
        while True:
            self._channel.bell.clear()
            over = self._channel.closed or self._channel.eof_received
            text = str(self._connection.read_channel())
            if text:
                return text
            if over:
                raise EOFError("the shell ended")
            left = end - time.monotonic()
            if left <= 0 or not self._channel.bell.wait(left):
                raise TimeoutError

    def _read_until_quiet(self, end: float) -> str:
        """What the login shell says until it waits for input, or ends."""
        heard, patience = "", end
        try:
            while time.monotonic() < end:
                heard += self._read(patience)
                patience = min(end, time.monotonic() + _QUIET)
        except (TimeoutError, EOFError):
            pass
        return heard


def _request(command: bytes, data: bytes) -> str:
    lines = [*_lines(command), ".", *_lines(data), "."]
    return "\n".join(lines) + "\n"


def _lines(data: bytes) -> Iterator[str]:
    text = base64.b64encode(data).decode()
    return (text[at : at + LINE] for at in range(0, len(text), LINE))


def _decoded(lines: list[str]) -> bytes:
    try:
        return base64.b64decode("".join(lines), validate=True)
    except binascii.Error:
        raise NotUnderstood("what came over the terminal is damaged", "Try again") from None
