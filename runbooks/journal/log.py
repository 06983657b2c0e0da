"""A file of lines that many threads append to; a line is on the disk when the call returns.

Threads that wait at the same time share one fsync (group commit): forty routers that begin at once
do not wait for forty syncs, one after the other.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from contextlib import suppress

from runbooks.journal.place import write_whole


class SharedSync:
    """Calls a sync for many threads, as seldom as is enough for all of them."""

    def __init__(self, sync: Callable[[], None]) -> None:
        self._sync = sync
        self._turn = threading.Condition()
        self._asked = 0
        self._done = 0
        self._busy = False
        self._errors: dict[int, OSError] = {}

    def __call__(self) -> None:
        """Return when a sync that began after this call has ended.

        Raises:
            OSError: it failed.
        """
        with self._turn:
            self._asked += 1
            mine = self._asked
            while self._busy and self._done < mine:
                self._turn.wait()
            if self._done < mine:
                self._lead()
            self._raise(mine)

    def _lead(self) -> None:
        """Sync for everyone who has asked by now; the lock is held before and after."""
        first, last = self._done + 1, self._asked
        self._busy = True
        self._turn.release()
        failed: OSError | None = None
        try:
            self._sync()
        except OSError as error:
            failed = error
        finally:
            self._turn.acquire()
            self._busy = False
            self._turn.notify_all()
        if failed is not None:
            # The kernel tells of a lost page once: all who waited for this sync must hear of it.
            self._errors |= dict.fromkeys(range(first, last + 1), failed)
        self._done = last

    def _raise(self, mine: int) -> None:
        error = self._errors.pop(mine, None)
        if error is not None:
            raise OSError(error.errno, error.strerror)


class Log:
    """Lines in a file.

    Args:
        descriptor: of the file, opened to append; closed by `close`.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._torn = False
        self._closed = False
        self.sync = SharedSync(lambda: os.fsync(descriptor))

    def append(self, make: Callable[[], bytes]) -> None:
        """Write one line, with one write(2); it is on the disk after the next `sync`.

        Args:
            make: gives the line, with its end; called in the order of the lines.

        Raises:
            OSError: the disk takes no more, or the log is closed.
        """
        with self._lock:
            if self._closed:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            line = make()
            # A line that the disk took only a part of is ended by the next one.
            data = b"\n" + line if self._torn else line
            self._torn = True
            write_whole(self._descriptor, data)
            self._torn = False

    def close(self) -> None:
        """Close the file, once."""
        with self._lock:
            if not self._closed:
                self._closed = True
                with suppress(OSError):
                    os.close(self._descriptor)
