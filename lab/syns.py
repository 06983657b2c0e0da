"""Sends a SYN a millisecond to each of some addresses; run in a client's namespace by itself.

Reads ``[["192.0.2.10", 80], …]`` as one line of JSON from standard input, answers ``sending`` once
the first ones are under way, and goes on until standard input ends. Then prints JSON:
``{"sent": 12042, "longest": 0.0031}``: how many in all, and the longest pause in seconds. What a
busy machine makes late is sent at once, so it is one a millisecond on the whole.

The IP header is the kernel's. Each SYN is the first packet of a connection: source ports come again
after 60 s only, when conntrack has long forgotten what a reset ended (10 s).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
import sys
import time

EVERY = 0.001
_TCP = struct.Struct("!HHIIBBHHH")
_SYN = 0x02
_FIRST_PORT, _PORTS = 1024, 60000


class Target:
    """One address and port, and the socket that sends there."""

    def __init__(self, address: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
        self._socket.connect((address, 0))
        self._port = port
        ends = socket.inet_pton(family, self._socket.getsockname()[0])
        ends += socket.inet_pton(family, address)
        bare = self._header(0, 0)
        pseudo = ends + struct.pack("!II", len(bare), socket.IPPROTO_TCP) + bare
        self._sum = sum(struct.unpack(f"!{len(pseudo) // 2}H", pseudo))

    def _header(self, source: int, checksum: int) -> bytes:
        return _TCP.pack(source, self._port, 1, 0, 5 << 4, _SYN, 1024, checksum, 0)

    def send(self, number: int) -> None:
        """One SYN with its checksum (RFC 9293, 3.1), from the source port of this number."""
        source = _FIRST_PORT + number % _PORTS
        total = self._sum + source
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        self._socket.send(self._header(source, ~total & 0xFFFF))


def main() -> None:
    """Send."""
    with contextlib.suppress(PermissionError):
        os.nice(-20)
    targets = [Target(address, port) for address, port in json.loads(sys.stdin.readline())]
    sent, longest = 0, 0.0
    begun = last = time.monotonic()
    while not select.select([sys.stdin], [], [], max(0.0, begun + sent * EVERY - last))[0]:
        for target in targets:
            target.send(sent)
        sent += 1
        now = time.monotonic()
        longest, last = max(longest, now - last), now
        if sent == 1:
            sys.stdout.write("sending\n")
            sys.stdout.flush()
    json.dump({"sent": sent * len(targets), "longest": longest}, sys.stdout)


if __name__ == "__main__":
    main()
