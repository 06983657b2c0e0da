"""Sends one packet each, from inside a client namespace; run there by itself.

Reads a list of ``{"source", "from", "destination", "protocol", "port"}`` as JSON from standard
input; "from" is the source port. A SYN is of a connection that is given up at once, an advert a raw
packet with a few bytes.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import sys
import time

_NUMBERS = {"vrrp": 112, "ah": 51}
_ANSWERS_SECONDS = 0.02
_SCTP_INIT = struct.pack("!BBHIIHHI", 1, 0, 20, 1, 65535, 1, 1, 1)
_CRC32C = 0x82F63B78
# An authentication header without a check value (RFC 4302, 2), before nothing else.
_AH = struct.pack("!BBHII", 59, 1, 0, 1, 1)
_VRRP = bytes(16)
_ADVERT_TTL = 255


def main() -> None:
    """Do what standard input asks."""
    open_: list[socket.socket] = []
    for each in json.load(sys.stdin):
        family = socket.AF_INET6 if ":" in each["destination"] else socket.AF_INET
        open_.append(_send(family, each))
    time.sleep(_ANSWERS_SECONDS)
    for sender in open_:
        sender.close()


def _send(family: int, each: dict[str, object]) -> socket.socket:
    source, destination = str(each["source"]), str(each["destination"])
    port, protocol = int(str(each["port"] or 0)), str(each["protocol"])
    from_ = int(str(each["from"]))
    if protocol == "tcp":
        sender = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sender.bind((source, from_))
        sender.connect_ex((destination, port))
        return sender
    if protocol == "udp":
        sender = socket.socket(family, socket.SOCK_DGRAM)
        sender.bind((source, from_))
        sender.sendto(b"lab", (destination, port))
        return sender
    number = _NUMBERS.get(protocol, socket.IPPROTO_SCTP)
    sender = socket.socket(family, socket.SOCK_RAW, number)
    sender.bind((source, 0))
    if family == socket.AF_INET:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, _ADVERT_TTL)
    else:
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, _ADVERT_TTL)
    data = {"vrrp": _VRRP, "ah": _AH}.get(protocol) or _sctp(from_, port)
    with contextlib.suppress(PermissionError):
        sender.sendto(data, (destination, 0))
    return sender


def _sctp(from_: int, port: int) -> bytes:
    header = struct.pack("!HHI", from_, port, 0)
    crc = 0xFFFFFFFF
    for byte in header + bytes(4) + _SCTP_INIT:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_CRC32C if crc & 1 else 0)
    return header + struct.pack("<I", crc ^ 0xFFFFFFFF) + _SCTP_INIT


if __name__ == "__main__":
    main()
