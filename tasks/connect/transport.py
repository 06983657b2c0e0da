"""paramiko's Transport, fitted for many short connections at once under one's own clock."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from tasks.connect.handshake import AuthHandler, Packetizer
from tasks.connect.library import paramiko
from tasks.connect.wire import Wire

log = logging.getLogger("lvsfleet.ssh.protocol")
log.setLevel(logging.WARNING)  # all of it is noise, unless somebody asks for this logger by name

_SHELL_SIGNAL_BASE = 128  # a shell reports death by signal N as status 128 + N


class Channel(Protocol):
    """What is used of a paramiko.Channel; ``bell`` is ours, it rings when anything changes."""

    bell: threading.Event
    chanid: int
    remote_chanid: int
    closed: bool
    eof_received: bool
    event_ready: bool
    exit_status: int
    status_event: threading.Event

    def recv_ready(self) -> bool: ...  # noqa: D102 # see paramiko
    def recv_stderr_ready(self) -> bool: ...  # noqa: D102
    def recv(self, nbytes: int) -> bytes: ...  # noqa: D102
    def recv_stderr(self, nbytes: int) -> bytes: ...  # noqa: D102
    def send_ready(self) -> bool: ...  # noqa: D102
    def send(self, s: bytes) -> int: ...  # noqa: D102
    def shutdown_write(self) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


def _ringing(number: int, handle: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    ends = number in {paramiko.common.MSG_CHANNEL_CLOSE, paramiko.common.MSG_CHANNEL_FAILURE}

    def handler(channel: Any, message: Any) -> None:  # paramiko's own types
        if ends:
            channel.transport.ended.add(channel.chanid)
        handle(channel, message)
        bell = getattr(channel, "bell", None)
        if bell is not None:
            bell.set()

    return handler


def _request(channel: Any, message: Any) -> None:
    """Handle a channel request, ``exit-signal`` too, which paramiko passes over (RFC 4254 6.10)."""
    at = message.packet.tell()
    if message.get_text() != "exit-signal":
        message.packet.seek(at)
        channel._handle_request(message)  # noqa: SLF001 # the handler that this one stands before
        return
    message.get_boolean()
    name = message.get_text()
    number = getattr(signal, f"SIG{name}", None)
    channel.exit_status = _SHELL_SIGNAL_BASE + (number.value if number is not None else 0)
    channel.status_event.set()


class Transport(paramiko.Transport):  # type: ignore[misc]
    """One SSH connection.

    Attributes:
        wire: the stream below, which holds the deadline for writing.
        farewell: what the server said when it disconnected, if it did.
        methods: how one may still log in, as the server said after an attempt that failed.
        ended: the numbers of channels that the server closed, or refused a request on.
    """

    _active_check_timeout = 1.0
    # The cheapest that current servers have, in this order.
    _preferred_kex = (
        "curve25519-sha256",
        *(
            name
            for name in paramiko.Transport._preferred_kex  # noqa: SLF001
            if name != "mlkem768x25519-sha256"
        ),
        "mlkem768x25519-sha256",
    )
    _kex_info: ClassVar[dict[str, Any]] = {
        **paramiko.Transport._kex_info,  # noqa: SLF001
        # RFC 8731 gives curve25519-sha256@libssh.org this name; some servers have only this one.
        "curve25519-sha256": paramiko.kex_curve25519.KexCurve25519,
    }
    _preferred_ciphers = (
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "aes128-ctr",
        "aes192-ctr",
        "aes256-ctr",
    )
    _preferred_macs = (
        "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com",
        "hmac-sha2-256",
        "hmac-sha2-512",
    )
    _channel_handler_table: ClassVar[dict[int, Any]] = {
        number: _ringing(
            number, _request if number == paramiko.common.MSG_CHANNEL_REQUEST else handler
        )
        for number, handler in paramiko.Transport._channel_handler_table.items()  # noqa: SLF001
    }

    def __init__(self, wire: Wire, *, host_key_algorithms: tuple[str, ...]) -> None:
        super().__init__(wire, packetizer_class=Packetizer)
        self.wire = wire
        self.farewell = ""
        self.methods: tuple[str, ...] | None = None
        self.service_requested = False
        self._preferred_keys = host_key_algorithms
        self.ended: set[int] = set()
        self._bells: dict[int, threading.Event] = {}
        self._opening = threading.local()
        self._refusals: dict[int, Exception] = {}

    @property
    def preferred_keys(self) -> tuple[str, ...]:
        """Host key algorithms without certificates, whose authorities paramiko cannot check."""
        return self._preferred_keys

    def auth_handler_for(self) -> Any:
        """A handler for one more authentication request on this connection."""
        self.auth_handler = AuthHandler(self)
        return self.auth_handler

    def open_exec(self, command: bytes, *, timeout: float) -> Channel:
        """Open a channel and have it run ``command``, without waiting for the server's yes.

        Raises:
            paramiko.SSHException: no channel within ``timeout`` seconds, or the connection broke.
        """
        channel = self._open(timeout)
        self._ask(channel, "exec", command)
        return channel

    def open_terminal(self, *, columns: int, rows: int, timeout: float) -> Channel:
        """Open a channel with the user's login shell on a terminal.

        Raises:
            paramiko.SSHException: no channel within ``timeout`` seconds, or the connection broke.
        """
        channel = self._open(timeout)
        self._ask(channel, "pty-req", b"dumb", columns, rows, 0, 0, b"")
        self._ask(channel, "shell")
        return channel

    def open_channel(self, *args: Any, **kwargs: Any) -> Any:
        """Open a channel, as paramiko's own does; a refusal is told to whom it was meant for.

        paramiko keeps one exception for all threads that open channels on a connection.

        Raises:
            paramiko.ChannelException: the server refused this channel.
            paramiko.SSHException: no channel within ``timeout`` seconds, or the connection broke.
        """
        self._opening.chanid = None
        try:
            return super().open_channel(*args, **kwargs)
        except (paramiko.SSHException, EOFError, OSError) as error:
            refusal = self._refusals.pop(self._opening.chanid, None)
            if refusal is not None:
                raise refusal from None
            if isinstance(error, paramiko.ChannelException):
                raise paramiko.SSHException("the connection broke") from None
            raise

    def _next_channel(self) -> int:
        number: int = super()._next_channel()
        self._opening.chanid = number
        return number

    def _parse_channel_open_failure(self, m: Any) -> None:
        at = m.packet.tell()
        number, reason = m.get_int(), m.get_int()
        words = paramiko.common.CONNECTION_FAILED_CODE.get(reason, "(unknown code)")
        self._refusals[number] = paramiko.ChannelException(reason, words)
        m.packet.seek(at)
        super()._parse_channel_open_failure(m)

    def ended_by_peer(self, channel: Channel) -> bool:
        """Whether the server ended a channel, and not the connection that broke or was closed."""
        return channel.chanid in self.ended

    def close_channel(self, channel: Channel) -> None:
        """Close a channel made by ``open_exec`` or ``open_terminal``."""
        self._bells.pop(channel.chanid, None)
        self.ended.discard(channel.chanid)
        channel.close()

    def _open(self, timeout: float) -> Channel:
        channel: Channel = self.open_session(timeout=timeout)
        channel.bell = self._bells[channel.chanid] = threading.Event()
        channel.bell.set()
        return channel

    def _ask(self, channel: Channel, what: str, *values: bytes | int) -> None:
        """Send a channel request; paramiko's own would wait for the answer without end."""
        message = paramiko.Message()
        message.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
        message.add_int(channel.remote_chanid)
        message.add_string(what)
        message.add_boolean(what != "pty-req")  # a refusal shows in what comes after it
        for value in values:
            if isinstance(value, int):
                message.add_int(value)
            else:
                message.add_string(value)
        self._send_user_message(message)

    def run(self) -> None:
        """The reading thread; when it ends, everyone who waits for a channel is woken."""
        try:
            super().run()
        finally:
            for bell in list(self._bells.values()):
                bell.set()

    def close(self) -> None:
        """Close the connection, also one that never came up."""
        super().close()
        self.wire.close()

    def _parse_disconnect(self, m: Any) -> None:
        m.get_int()
        self.farewell = m.get_text()

    def _log(self, level: int, msg: object, *args: object) -> None:  # noqa: ARG002
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s", msg)
