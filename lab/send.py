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
# An INIT chunk (RFC 9260, 3.3.2) after the common header, whose checksum nobody verifies on the
# way: packet filters look at the ports.
_SCTP = struct.Struct("!HHIIBBHIIHHI")
_SCTP_INIT = 1
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
    return {0: "connected", errno.ECONNREFUSED: "refused"}.get(error, errno.errorcode[error])


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
            packet = _SCTP.pack(source, port, 0, 0, _SCTP_INIT, 0, 20, 1, 65535, 1, 1, 1)
            sender.sendto(packet, (address, 0))
    return Counter(sent=count)


_SENDERS = {"tcp": _tcp, "udp": _udp, "sctp": _sctp}

if __name__ == "__main__":
    main()
