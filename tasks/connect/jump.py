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
class _Slot:
    """The connection to the last of a chain of jump hosts."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    transport: Transport | None = None
    users: int = 0
    attempts: int = 0
    failure: RouterError | None = None


_slots: dict[tuple[Endpoint, ...], _Slot] = {}
_guard = threading.Lock()


class Through:
    """A stream through a jump host; closing it gives the shared connection back."""

    def __init__(self, channel: Any, slot: _Slot) -> None:
        self._channel = channel
        self._slot: _Slot | None = slot
        self.recv = channel.recv
        self.send = channel.send
        self.settimeout = channel.settimeout

    def close(self) -> None:
        """Close the stream, and the jump host's connection if nobody else uses it."""
        slot, self._slot = self._slot, None
        if slot is None:
            return
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            self._channel.close()
        _give_back(slot)


def through(endpoint: Endpoint, *, connect: Connect, end: float) -> Through:
    """Open a stream to ``endpoint`` through its jump hosts.

    Args:
        endpoint: the server behind them.
        connect: how a connection to a jump host is made.
        end: moment on ``time.monotonic()`` at which to give up.

    Raises:
        RouterError: a jump host cannot be used, or cannot reach the server.
    """
    slot, transport = _take(endpoint.jumps, connect=connect, end=end)
    bastion = endpoint.jumps[-1]
    try:
        channel = transport.open_channel(
            "direct-tcpip",
            (endpoint.address, endpoint.port),
            ("127.0.0.1", 0),
            timeout=max(0.0, end - time.monotonic()),
        )
    except (paramiko.SSHException, EOFError, OSError) as error:
        _give_back(slot)
        raise Unreachable(
            f"the jump host {bastion} does not get through to {endpoint.address} port "
            f"{endpoint.port}: {_reason(error)}",
            "Look there: is the router up, and is AllowTcpForwarding on?",
        ) from None
    except BaseException:
        _give_back(slot)
        raise
    return Through(channel, slot)


def _reason(error: BaseException) -> str:
    return error.text if isinstance(error, paramiko.ChannelException) else str(error)


def _take(jumps: tuple[Endpoint, ...], *, connect: Connect, end: float) -> tuple[_Slot, Transport]:
    bastion = jumps[-1]
    with _guard:
        slot = _slots.setdefault(jumps, _Slot())
        seen = slot.attempts
    if not slot.lock.acquire(timeout=max(0.0, end - time.monotonic())):
        raise Unreachable(f"the jump host {bastion} took too long")
    try:
        if slot.transport is None or not slot.transport.is_active():
            # Who waited while an attempt failed has failed with it; a refusal stays one.
            lasting = isinstance(slot.failure, AuthenticationRefused | HostKeyRefused)
            if slot.failure is not None and (lasting or slot.attempts != seen):
                raise type(slot.failure)(slot.failure.message, slot.failure.hint)
            slot.failure = None
            try:
                slot.transport = connect(replace(bastion, jumps=jumps[:-1]), end)
            except RouterError as error:
                slot.failure = error
                raise
            finally:
                slot.attempts += 1
            slot.users = 0
        slot.users += 1
        return slot, slot.transport
    finally:
        slot.lock.release()


def _give_back(slot: _Slot) -> None:
    with slot.lock:
        slot.users -= 1
        if slot.users <= 0 and slot.transport is not None:
            slot.transport.close()
            slot.transport = None
