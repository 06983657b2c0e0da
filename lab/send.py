"""Sends packets from inside a client namespace; run there by itself, without the rest of the lab.

Reads ``{"address", "port", "protocol", "count"}`` as JSON from standard input and prints how each
attempt was answered as JSON: ``{"refused": 5}``.

- tcp: one SYN per attempt. ``connected``; ``refused`` is a reset: the packet filter let the SYN
  in and nobody listens; ``unreachable`` is a reject; ``silent`` is a drop.
- udp and sctp: one datagram per attempt, and ``sent``; what becomes of it only the router knows.
"""

from __future__ import annotations

import errno
import json
import select
import socket
import struct
import sys
from collections import Counter

# Shorter than the second after which TCP sends a SYN again: every attempt is one packet.
WAIT_SECONDS = 0.8
# The common header up to the checksum, and an INIT chunk (RFC 9260, 3.1 and 3.3.2). Conntrack calls
# a packet with a wrong checksum invalid, and firewalld drops those.
_SCTP_HEADER = struct.Struct("!HHI")
_SCTP_INIT = struct.pack("!BBHIIHHI", 1, 0, 20, 1, 65535, 1, 1, 1)
_CRC32C = 0x82F63B78
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM}


def main() -> None:
    """Do what standard input asks."""
    asked = json.load(sys.stdin)
    family = socket.AF_INET6 if ":" in asked["address"] else socket.AF_INET
    where = (asked["address"], asked["port"])
    answers = _SENDERS[asked["protocol"]](family, where, asked["count"])
    json.dump(answers, sys.stdout)


def _tcp(family: int, where: tuple[str, int], count: int) -> Counter[str]:
    answers: Counter[str] = Counter()
    waiting = select.poll()
    attempts: dict[int, socket.socket] = {}
    for _ in range(count):
        attempt = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        attempt.connect_ex(where)
        attempts[attempt.fileno()] = attempt
        waiting.register(attempt, select.POLLOUT)
    while attempts:
        events = waiting.poll(WAIT_SECONDS * 1000)
        if not events:
            answers["silent"] += len(attempts)
            break
        for descriptor, _ in events:
            waiting.unregister(descriptor)
            with attempts.pop(descriptor) as attempt:
                answers[_answer(attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))] += 1
    for attempt in attempts.values():
        attempt.close()
    return answers


def _answer(error: int) -> str:
    if error in _UNREACHABLE:
        return "unreachable"
    known = {0: "connected", errno.ECONNREFUSED: "refused"}
    return known.get(error) or errno.errorcode[error]


def _udp(family: int, where: tuple[str, int], count: int) -> Counter[str]:
    for _ in range(count):
        # A socket each: an ICMP error for one datagram would fail the next sendto.
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"lab", where)
    return Counter(sent=count)


def _sctp(family: int, where: tuple[str, int], count: int) -> Counter[str]:
    address, port = where
    with socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_SCTP) as sender:
        for number in range(count):
            source = 40000 + number % 20000
            header = _SCTP_HEADER.pack(source, port, 0)
            checksum = struct.pack("<I", _crc32c(header + bytes(4) + _SCTP_INIT))
            sender.sendto(header + checksum + _SCTP_INIT, (address, 0))
    return Counter(sent=count)


def _crc32c(data: bytes) -> int:
    """SCTP's checksum (RFC 9260, appendix A); it is sent with its lowest byte first."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_CRC32C if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


_SENDERS = {"tcp": _tcp, "udp": _udp, "sctp": _sctp}

if __name__ == "__main__":
    main()
