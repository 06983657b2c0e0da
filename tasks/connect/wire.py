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


class Stream(Protocol):
    """What is asked of a socket, a forwarded channel or a proxy command."""

    def recv(self, size: int, /) -> bytes: ...  # noqa: D102 # as of a socket
    def send(self, data: bytes, /) -> int: ...  # noqa: D102
    def settimeout(self, seconds: float, /) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Wire:
    """A stream that reads ahead, gives up writing at a deadline, and wakes its reader on close.

    Attributes:
        deadline: moment on ``time.monotonic()`` after which writing fails.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._ahead = b""
        self._at = 0
        self.deadline = math.inf
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

        Raises:
            TimeoutError: as the stream does, after its own short timeout; paramiko tries again.
            ConnectionError: the deadline has passed.
        """
        if time.monotonic() > self.deadline:
            raise ConnectionError("the peer takes no data")
        return self._stream.send(data)

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
