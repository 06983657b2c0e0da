"""What a site's client sees of a VIP's move; run in its namespace by itself, as a module.

Reads ``[["192.0.2.10", 80], …]`` twice, as one line of JSON, from standard input and answers
``sending``. Every 5 ms until standard input ends it sends a SYN to each of the first, and to one of
the second, in turn. Meanwhile it writes down all that it sees on the wire. Then prints JSON:

- ``syns``: by target, ``[when sent, when answered or null]`` of each;
- ``adverts``: VRRP's, ``[when, source, priority, [VIP, …]]``;
- ``announced``: gratuitous ARP and unsolicited neighbour advertisements, ``[when, address, MAC]``;
- ``answered``: those that were asked for, ``[when, address]``.

Times are seconds of the clock, packets' own as the kernel took them.
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
from ipaddress import ip_address

from lab.syns import Target

EVERY = 0.005
_AFTER = 0.5
"""Seconds in which answers may come after the last SYN."""
_LATE = 20.0
"""Seconds in which those must have come that were asked in turn, for services that stay."""

_ALL, _ARP, _IPV4, _IPV6 = 0x0003, 0x0806, 0x0800, 0x86DD
_VRRP, _TCP, _ICMPV6, _NA = 112, 6, 58, 136
_SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 35, 33
_FIRST_PORT = 1024


class Wire:
    """What was seen so far."""

    def __init__(self, targets: list[str]) -> None:
        self.sent: dict[str, list[tuple[float, int]]] = {name: [] for name in targets}
        self.back: dict[tuple[str, int], float] = {}
        self.adverts: list[tuple[float, str, int, list[str]]] = []
        self.announced: list[tuple[float, str, str]] = []
        self.answered: list[tuple[float, str]] = []
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 32 << 20)
        self.socket.bind(("eth1", _ALL))
        self.socket.setblocking(False)

    def take(self) -> None:
        """Read what is there."""
        while True:
            try:
                frame, told, _, address = self.socket.recvmsg(2048, 64)
            except BlockingIOError:
                return
            if address[2] == socket.PACKET_OUTGOING:
                continue
            seconds, nano = struct.unpack("qq", told[0][2])
            self._frame(seconds + nano / 1e9, frame)

    def _frame(self, when: float, frame: bytes) -> None:
        kind = int.from_bytes(frame[12:14])
        if kind == _ARP:
            sender, target = frame[28:32], frame[38:42]
            if sender == target:
                self._announced(when, sender, frame)
            elif frame[21] == 2:
                self.answered.append((when, str(ip_address(sender))))
        elif kind == _IPV4:
            header = 14 + (frame[14] & 15) * 4
            self._packet(when, frame[23], frame[26:30], frame[header:])
        elif kind == _IPV6:
            data = frame[54:]
            if (frame[20], data[0]) != (_ICMPV6, _NA):
                self._packet(when, frame[20], frame[22:38], data)
            elif frame[38] == 0xFF:  # to all
                self._announced(when, data[8:24], frame)
            else:
                self.answered.append((when, str(ip_address(data[8:24]))))

    def _announced(self, when: float, address: bytes, frame: bytes) -> None:
        self.announced.append((when, str(ip_address(address)), frame[6:12].hex(":")))

    def _packet(self, when: float, protocol: int, source: bytes, data: bytes) -> None:
        if protocol == _TCP:
            self.back.setdefault((str(ip_address(source)), int.from_bytes(data[2:4])), when)
        elif protocol == _VRRP:
            size, count = len(source), data[3]
            listed = [data[8 + i * size : 8 + (i + 1) * size] for i in range(count)]
            vips = [str(ip_address(each)) for each in listed]
            self.adverts.append((when, str(ip_address(source)), data[2], vips))

    def open(self, targets: list[str]) -> bool:
        """Whether an answer of one of these is to come."""
        sent = ((name, port) for name in targets for _, port in self.sent[name])
        return any(each not in self.back for each in sent)

    def told(self) -> dict[str, object]:
        """All of it."""
        syns = {
            name: [[when, self.back.get((name, port))] for when, port in sent]
            for name, sent in self.sent.items()
        }
        return {
            "syns": syns,
            "adverts": self.adverts,
            "announced": self.announced,
            "answered": self.answered,
        }


def first_in_line(process: int = 0) -> None:
    """Have a process, or this one, run before all others: it sees when something is."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(process, os.SCHED_RR, os.sched_param(1))


def main() -> None:
    """Send and watch."""
    first_in_line()
    both: list[list[tuple[str, int]]] = json.loads(sys.stdin.readline())
    each, turns = ([(name, Target(name, port)) for name, port in asked] for asked in both)
    stay = [name for name, _ in turns]
    wire = Wire([name for name, _ in (*each, *turns)])
    sys.stdout.write("sending\n")
    sys.stdout.flush()
    begun, number, ended = time.monotonic(), 0, False
    while not ended:
        due = begun + number * EVERY
        waiting = [wire.socket, sys.stdin]
        ready = select.select(waiting, [], [], max(0.0, due - time.monotonic()))[0]
        ended = sys.stdin in ready
        wire.take()
        if time.monotonic() >= due:
            for name, target in (*each, turns[number % len(turns)]):
                wire.sent[name].append((time.time(), _FIRST_PORT + number % 60000))
                with contextlib.suppress(OSError):  # nobody there yet, or not any more
                    target.send(number)
            number += 1
    over = time.monotonic()
    while (since := time.monotonic() - over) < _AFTER or (wire.open(stay) and since < _LATE):
        select.select([wire.socket], [], [], 0.05)
        wire.take()
    json.dump(wire.told(), sys.stdout)


if __name__ == "__main__":
    main()
