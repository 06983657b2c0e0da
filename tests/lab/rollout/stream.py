"""Sends a SYN per millisecond until its standard input ends; run in a client's namespace by itself.

Arguments: its own address and interface are found by the kernel; the target's address and port.
Prints how many it sent. The IP header is the kernel's; each SYN has a source port of its own for as
long as there are some, so each is the first packet of a connection.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
import time

_TCP = struct.Struct("!HHIIBBHHH")
_SYN = 0x02


def main() -> None:
    """Send."""
    address, port = sys.argv[1], int(sys.argv[2])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((address, port))
        own = probe.getsockname()[0]
    sent = 0
    with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP) as sender:
        sender.connect((address, 0))
        due = time.monotonic()
        while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
            sender.send(_syn(family, own, address, 1024 + sent % 64000, port))
            sent += 1
            due += 0.001
    sys.stdout.write(str(sent))


def _syn(family: int, own: str, address: str, source: int, port: int) -> bytes:
    """One SYN with its checksum (RFC 9293, 3.1)."""
    ends = socket.inet_pton(family, own) + socket.inet_pton(family, address)
    bare = _TCP.pack(source, port, 1, 0, 5 << 4, _SYN, 1024, 0, 0)
    pseudo = ends + struct.pack("!II", len(bare), socket.IPPROTO_TCP) + bare
    total = sum(struct.unpack(f"!{len(pseudo) // 2}H", pseudo))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return _TCP.pack(source, port, 1, 0, 5 << 4, _SYN, 1024, ~total & 0xFFFF, 0)


if __name__ == "__main__":
    main()
