"""The lines between a controller and the routers: cut, slow, or silent."""

from __future__ import annotations

import contextlib
import selectors
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab.fleet import Lab


def cut(lab: Lab, *routers: str) -> None:
    """Take the plugs of the management network out; what is under way is lost without a word."""
    for router in routers:
        subprocess.run(["ip", "link", "set", lab.names.of(router), "down"], check=True)


def mend(lab: Lab, *routers: str) -> None:
    """Put them in again."""
    for router in routers:
        subprocess.run(["ip", "link", "set", lab.names.of(router), "up"], check=True)


def end_sshd(lab: Lab, router: str) -> None:
    """Kill every sshd of a router, with its sessions; systemd starts a new one."""
    script = """for each in /proc/[0-9]*; do
        read -r name <"$each/comm" 2>/dev/null && [ "$name" = sshd ] && kill -9 "${each#/proc/}"
        done 2>/dev/null; :"""
    lab.exec(router, ["/bin/sh", "-c", script])


class Line:
    """A way to a router's sshd through a port of this machine, as good as a test wants it.

    Attributes:
        port: where it begins, on 127.0.0.1.
        connections: how many were made.
        passes: bytes that still come through from the router; None is all of them.
        pace: seconds that each of its bytes takes.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.connections = 0
        self.passes: int | None = None
        self.pace = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.drop()
        _end(self._listener)

    def drop(self) -> None:
        """End the connections; others may be made."""
        while self._open:
            _end(self._open.pop())

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.connections += 1
                self._open.append(near)
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        """Wait for the router as the other side would: a SYN that was lost is sent again."""
        try:
            far = socket.create_connection((self.address, 22), timeout=60)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        self._open.append(far)
        self._carry(near, far)

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        left = self.passes
        with selectors.DefaultSelector() as both, contextlib.suppress(OSError, ValueError):
            both.register(near, selectors.EVENT_READ)
            both.register(far, selectors.EVENT_READ)
            while True:
                for key, _ in both.select():
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    data = source.recv(1 if self.pace and source is far else 65536)
                    if not data:
                        near.shutdown(socket.SHUT_WR)
                        far.shutdown(socket.SHUT_WR)
                        return
                    if source is near:
                        far.sendall(data)
                        continue
                    time.sleep(self.pace)
                    if left is None and self.passes is not None:
                        left = self.passes
                    if left is not None:
                        data, left = data[:left], max(0, left - len(data))
                    near.sendall(data)


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def line(lab: Lab, router: str) -> Iterator[Line]:
    """A line to a router, gone with the block."""
    made = Line(str(lab.router(router).management))
    try:
        yield made
    finally:
        made.close()
