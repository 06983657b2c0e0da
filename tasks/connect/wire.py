"""The byte stream below an SSH connection, with what paramiko's use of sockets lacks.

paramiko reads a packet in three small pieces, each a system call that lets go of Python's lock,
and writes to a peer that takes nothing until the end of days.
"""

from __future__ import annotations

import contextlib
import math
import socket
import time
from typing import Protocol

READ_AT_ONCE = 1 << 16
_GRACE = 5.0  # seconds after the deadline in which a packet that is taken may still be sent


class Stream(Protocol):
    """What is asked of a socket, a forwarded channel or a proxy command."""

    def recv(self, size: int, /) -> bytes: ...  # noqa: D102 # as of a socket
    def send(self, data: bytes, /) -> int: ...  # noqa: D102
    def settimeout(self, seconds: float, /) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Wire:
    """A stream that reads ahead, gives up writing at a deadline, and wakes its reader on close.

    Attributes:
        deadline: moment on ``time.monotonic()`` from which on a peer that takes nothing is not
            waited for.
        gave_up: whether that has happened. Half a packet may be with the peer then, so the stream
            is closed.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._ahead = b""
        self._at = 0
        self.deadline = math.inf
        self.gave_up = False
        self.closed = False

    @property
    def _closed(self) -> bool:  # asked by paramiko.Transport.stop_thread
        return self.closed

    def recv(self, size: int) -> bytes:
        """Return up to ``size`` bytes; none at the end of the stream."""
        if self._at >= len(self._ahead):
            self._ahead = self._stream.recv(READ_AT_ONCE)
            self._at = 0
        piece = self._ahead[self._at : self._at + size]
        self._at += len(piece)
        return piece

    def send(self, data: bytes) -> int:
        """Send what the stream takes.

        Whoever comes late because this machine is busy still sends a packet that the peer takes.

        Raises:
            TimeoutError: as the stream does, after its own short timeout; paramiko tries again.
            ConnectionError: the deadline has passed, and the peer takes nothing or next to it.
        """
        if time.monotonic() > self.deadline + _GRACE:
            raise self._given_up()
        try:
            return self._stream.send(data)
        except TimeoutError:
            if time.monotonic() > self.deadline:
                raise self._given_up() from None
            raise

    def _given_up(self) -> ConnectionError:
        self.gave_up = True
        self.close()
        return ConnectionError("the peer takes no data")

    def settimeout(self, seconds: float) -> None:
        """Set how long one recv or send may block."""
        self._stream.settimeout(seconds)

    def close(self) -> None:
        """Close the stream; a thread that waits in ``recv`` returns."""
        if self.closed:
            return
        self.closed = True
        if isinstance(self._stream, socket.socket):
            with contextlib.suppress(OSError):
                self._stream.shutdown(socket.SHUT_RDWR)
        self._stream.close()
