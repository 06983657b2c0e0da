"""Begin TCP connections to addresses again and again, from here, and note what becomes of them."""

from __future__ import annotations

import errno
import select
import socket
import struct
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from enum import IntEnum
from types import TracebackType
from typing import Self

from inventory.rules import Address

Target = tuple[Address, int]
"""An address and a port."""

_EVERY = 0.06
"""Seconds between two connections to one port."""

_RESET = struct.pack("ii", 1, 0)
_NO_WAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EADDRNOTAVAIL, errno.EPERM}


class Word(IntEnum):
    """What became of a connection; of several to one port the highest counts."""

    NO_WAY = 0  # nothing could be sent
    SILENT = 1
    REFUSED = 2
    ANSWERED = 3


class Knocking:
    """Connections to some ports, from `__enter__` to `__exit__`.

    Args:
        targets: where to.
    """

    def __init__(self, targets: Iterable[Target]) -> None:
        self._targets = tuple(targets)
        self._heard = dict.fromkeys(self._targets, Word.NO_WAY)
        self._open: dict[int, tuple[socket.socket, Target]] = {}
        self._poll = select.poll()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="knock", daemon=True)

    def __enter__(self) -> Self:
        self._begin()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join()

    @property
    def has_way(self) -> bool:
        """Whether anything could be sent."""
        return any(word is not Word.NO_WAY for word in self._heard.values())

    def heard(self) -> dict[Target, Word]:
        """What has become of each so far."""
        return dict(self._heard)

    def wait(self, targets: Iterable[Target], seconds: float) -> None:
        """Wait until each of these was answered or refused, but no longer than so."""
        last = time.monotonic() + seconds
        waiting = set(targets)
        while waiting and time.monotonic() < last:
            waiting = {each for each in waiting if self._heard[each] < Word.REFUSED}
            time.sleep(0.005)

    def _run(self) -> None:
        try:
            while not self._end.is_set():
                last = time.monotonic() + _EVERY
                while (left := last - time.monotonic()) > 0 and not self._end.is_set():
                    self._listen(left)
                self._begin()
        finally:
            for each, _ in self._open.values():
                each.close()

    def _begin(self) -> None:
        for target in self._targets:
            address, port = target
            family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004
            with suppress(OSError):  # no more of them can be open: those that are will do
                each = socket.socket(family, socket.SOCK_STREAM)
                each.setblocking(False)
                self._note(target, each, each.connect_ex((str(address), port)))

    def _note(self, target: Target, each: socket.socket, code: int) -> None:
        """Keep what came of a connection; one that is on its way stays open."""
        word = Word.SILENT
        if code == 0:
            word = Word.ANSWERED
            # Ended by a reset, it leaves nothing behind on a real server.
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        elif code == errno.ECONNREFUSED:
            word = Word.REFUSED
        elif code in _NO_WAY:
            word = Word.NO_WAY
        self._heard[target] = max(self._heard[target], word)
        if code == errno.EINPROGRESS:
            self._open[each.fileno()] = (each, target)
            self._poll.register(each.fileno(), select.POLLOUT)
        else:
            each.close()

    def _listen(self, seconds: float) -> None:
        for number, _ in self._poll.poll(seconds * 1000):
            self._poll.unregister(number)
            each, target = self._open.pop(number)
            self._note(target, each, each.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
