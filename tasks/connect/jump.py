"""Jump hosts: one connection to each, shared by all routers behind it, closed with the last.

A bastion counts connections that are not logged in yet (MaxStartups) and failed logins; forty
routers behind it must look like one client.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tasks.connect.library import paramiko
from tasks.connect.target import Endpoint
from tasks.connect.transport import Transport
from tasks.errors import AuthenticationRefused, HostKeyRefused, RouterError, Unreachable

Connect = Callable[[Endpoint, float], Transport]
"""Makes a connection by itself until a moment on ``time.monotonic()``."""


@dataclass(slots=True)
class _Line:
    """A connection to the last of a chain of jump hosts, and how many use it; none uses it again.

    Its users hold on to it, not to the chain: after it broke there may be another one already.
    """

    transport: Transport
    users: int = 1
    lock: threading.Lock = field(default_factory=threading.Lock)

    def join(self) -> bool:
        """Use it too, if it is up."""
        with self.lock:
            if not self.users or not self.transport.is_active():
                return False
            self.users += 1
            return True

    def leave(self) -> None:
        """Use it no longer; who is the last one closes it."""
        with self.lock:
            self.users -= 1
            if not self.users:
                self.transport.close()


@dataclass(slots=True)
class _Slot:
    """A chain of jump hosts: the newest connection through it, and how the last attempt failed."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    line: _Line | None = None
    attempts: int = 0
    failure: RouterError | None = None


_slots: dict[tuple[Endpoint, ...], _Slot] = {}
_guard = threading.Lock()


class Through:
    """A stream through a jump host; closing it gives the shared connection back."""

    def __init__(self, channel: Any, line: _Line) -> None:
        self._channel = channel
        self._line: _Line | None = line
        self.recv = channel.recv
        self.send = channel.send
        self.settimeout = channel.settimeout

    def close(self) -> None:
        """Close the stream, and the jump host's connection if nobody else uses it."""
        line, self._line = self._line, None
        if line is None:
            return
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            self._channel.close()
        line.leave()


def through(endpoint: Endpoint, *, connect: Connect, end: float) -> Through:
    """Open a stream to ``endpoint`` through its jump hosts.

    Args:
        endpoint: the server behind them.
        connect: how a connection to a jump host is made.
        end: moment on ``time.monotonic()`` at which to give up.

    Raises:
        RouterError: a jump host cannot be used, or cannot reach the server.
    """
    line = _take(endpoint.jumps, connect=connect, end=end)
    bastion = endpoint.jumps[-1]
    try:
        channel = line.transport.open_channel(
            "direct-tcpip",
            (endpoint.address, endpoint.port),
            ("127.0.0.1", 0),
            timeout=max(0.0, end - time.monotonic()),
        )
    except (paramiko.SSHException, EOFError, OSError) as error:
        line.leave()
        raise Unreachable(
            f"the jump host {bastion} does not get through to {endpoint.address} port "
            f"{endpoint.port}: {_reason(error)}",
            "Look there: is the router up, and is AllowTcpForwarding on?",
        ) from None
    except BaseException:
        line.leave()
        raise
    return Through(channel, line)


def _reason(error: BaseException) -> str:
    return error.text if isinstance(error, paramiko.ChannelException) else str(error)


def _take(jumps: tuple[Endpoint, ...], *, connect: Connect, end: float) -> _Line:
    bastion = jumps[-1]
    with _guard:
        slot = _slots.setdefault(jumps, _Slot())
        seen = slot.attempts
    if not slot.lock.acquire(timeout=max(0.0, end - time.monotonic())):
        raise Unreachable(f"the jump host {bastion} took too long")
    try:
        if slot.line is None or not slot.line.join():
            # Who waited while an attempt failed has failed with it; a refusal stays one.
            lasting = isinstance(slot.failure, AuthenticationRefused | HostKeyRefused)
            if slot.failure is not None and (lasting or slot.attempts != seen):
                raise type(slot.failure)(slot.failure.message, slot.failure.hint)
            slot.failure = None
            try:
                slot.line = _Line(connect(replace(bastion, jumps=jumps[:-1]), end))
            except RouterError as error:
                slot.failure = error
                raise
            finally:
                slot.attempts += 1
        return slot.line
    finally:
        slot.lock.release()
