"""TCP connections: every address of a name is tried, the next one soon after a slow one.

Imports neither paramiko nor nornir, so that dialling can begin while those are still loading.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import time
from collections import deque

from tasks.errors import NeverReachable, Unreachable

STAGGER = 0.25  # seconds until the next address is tried beside a silent one (RFC 8305)
UNACKNOWLEDGED = 30_000  # milliseconds until a peer that acknowledges nothing counts as gone
KEEPALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 3))


def dial(host: str, port: int, *, timeout: float) -> socket.socket:
    """Connect to ``host``, trying all of its addresses.

    Args:
        host: name or address.
        port: TCP port.
        timeout: seconds in all, beside the lookup of the name.

    Returns:
        A blocking socket with TCP_NODELAY and keepalive.

    Raises:
        Unreachable: no address answers; the message has the reason for each.
        NeverReachable: there is no such name.
    """
    end = time.monotonic() + timeout
    addresses = deque(_addresses(host, port))
    reasons: list[str] = []
    with selectors.DefaultSelector() as selector:
        try:
            while True:
                if addresses:
                    _start(selector, *addresses.popleft(), reasons=reasons)
                elif not selector.get_map():
                    break
                left = end - time.monotonic()
                if left <= 0:
                    reasons.append(f"no answer within {timeout:.3g} s")
                    break
                if made := _ready(selector, min(STAGGER, left) if addresses else left, reasons):
                    return made
        finally:
            for key in list(selector.get_map().values()):
                selector.unregister(key.fileobj)
                key.data.close()
    said = "; ".join(dict.fromkeys(reasons))
    raise Unreachable(
        f"no TCP connection to {host} port {port}: {said}",
        "Is the router up, is sshd running, does a firewall let this machine in?",
    )


def _addresses(host: str, port: int) -> list[tuple[int, tuple[object, ...]]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        text = getattr(error, "strerror", None) or "not a name"
        kind = Unreachable if getattr(error, "errno", None) == socket.EAI_AGAIN else NeverReachable
        raise kind(f"the name {host!r} has no address: {text}", "Is `hostname` right?") from None
    return [(family, address) for family, _, _, _, address in found]


def _start(
    selector: selectors.BaseSelector,
    family: int,
    address: tuple[object, ...],
    *,
    reasons: list[str],
) -> None:
    try:
        connecting = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        reasons.append(str(error.strerror))
        return
    connecting.setblocking(False)
    code = connecting.connect_ex(address)
    if code in {0, errno.EINPROGRESS}:
        selector.register(connecting, selectors.EVENT_WRITE, connecting)
        return
    connecting.close()
    reasons.append(os.strerror(code))


def _ready(
    selector: selectors.BaseSelector, seconds: float, reasons: list[str]
) -> socket.socket | None:
    for key, _ in selector.select(seconds):
        candidate: socket.socket = key.data
        selector.unregister(candidate)
        code = candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if not code:
            candidate.setblocking(True)
            candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED)
            for option, value in KEEPALIVE:
                candidate.setsockopt(socket.IPPROTO_TCP, option, value)
            return candidate
        candidate.close()
        reasons.append(os.strerror(code))
    return None
