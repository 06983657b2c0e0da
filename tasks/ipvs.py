"""The IPVS table as ``ipvsadm --save --numeric`` prints it, as values.

A line is ``-A -f 80 -s rr -p 300`` for a service by mark (``-6`` behind the mark for IPv6; marks
from 2³¹ on are printed as negative numbers: ``-f -1`` is 4294967295),
``-A -t 192.0.2.1:80 …`` for one by address, ``-a -f 80 -r 10.0.0.1:80 -m -w 1`` for a real server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import pairwise

from inventory.rules import MAX_MARK, Address

_METHODS = {"-m": "NAT", "-g": "DR", "-i": "TUN"}


@dataclass(frozen=True, slots=True)
class RealServer:
    """One real server.

    Attributes:
        address: where it is.
        port: the one that packets go to; 0 keeps the one that they came to.
        method: ``NAT``, ``DR`` or ``TUN``.
    """

    address: Address
    port: int
    method: str


@dataclass(frozen=True, slots=True)
class IpvsService:
    """One service by mark.

    Attributes:
        mark: 1 to 2³²−1.
        version: 4 or 6.
        scheduler: e.g. ``rr``.
        persistence: seconds; None without.
        real_servers: in the table's order.
    """

    mark: int
    version: int
    scheduler: str
    persistence: int | None
    real_servers: tuple[RealServer, ...]


def parse_table(text: str) -> tuple[IpvsService, ...]:
    """The services by mark; what is not understood is left out."""
    services: dict[tuple[int, int], dict[str, str]] = {}
    servers: dict[tuple[int, int], list[RealServer]] = {}
    for line in text.splitlines():
        words = line.split()
        said = dict(_options(words))
        mark = _mark(said.get("-f", ""))
        if mark is None:
            continue
        key = (mark, 6 if "-6" in words else 4)
        if words[0] == "-A":
            services[key] = said
        elif words[0] == "-a" and (server := _server(said, words)) is not None:
            servers.setdefault(key, []).append(server)
    return tuple(
        IpvsService(
            mark,
            version,
            said.get("-s", ""),
            _number(said.get("-p", "")),
            tuple(servers.get((mark, version), ())),
        )
        for (mark, version), said in services.items()
    )


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    for word, value in pairwise([*words, ""]):
        if word == "-f" or (word.startswith("-") and not value.startswith("-")):
            yield word, value


def _mark(text: str) -> int | None:
    number = _number(text.removeprefix("-"))
    if number is None:
        return None
    return (-number if text.startswith("-") else number) % (MAX_MARK + 1)


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else None


def _server(said: dict[str, str], words: list[str]) -> RealServer | None:
    host, colon, digits = said.get("-r", "").rpartition(":")
    port = _number(digits)
    if not colon or port is None:
        return None
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return None
    method = next((_METHODS[word] for word in words if word in _METHODS), "")
    return RealServer(address, port, method)
