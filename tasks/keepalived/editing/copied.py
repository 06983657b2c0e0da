"""An address's words again, for another address: what OLD or a sibling has, NEW gets."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_interface

from inventory.editing.splice import Splice, spliced
from inventory.rules import Address
from tasks.keepalived.editing.refusal import refused
from tasks.keepalived.editing.views import Spot, address_of
from tasks.keepalived.editing.written import Written

_BROADCAST = ("brd", "broadcast")
_POINT_TO_POINT = 31
"""Networks of this length have no broadcast address (RFC 3021), and a single address has none."""


def copied(line: Written, spot: Spot, new: Address) -> str:
    """The whole line, for another address; a remark that names the one that was is left out.

    A ``label`` is taken over as it is: keepalived and the kernel have two addresses with one label
    (seen with 2.2.7 on Linux 6.18).

    Raises:
        NotEditable: what it is said to have does not fit the other address.
    """
    text = spliced(line.raw, _splices(line, spot, new))
    end = len(text) - len(line.remark)
    if any(address_of(word) == spot.address for word in line.remark.replace(",", " ").split()):
        return text[:end] + ("\r" if line.remark.endswith("\r") else "")
    return text


def part_copied(line: Written, spot: Spot, new: Address, start: int, end: int) -> str:
    """The line from one character to another, for another address.

    Raises:
        NotEditable: as `copied`.
    """
    moved = (
        Splice(each.start - start, each.end - start, each.text)
        for each in _splices(line, spot, new)
    )
    return spliced(line.raw[start:end], moved)


def _splices(line: Written, spot: Spot, new: Address) -> list[Splice]:
    word = line.word
    slash = spot.words[0].find("/")
    suffix = "" if slash < 0 else spot.words[0][slash:]
    text = f'"{new}{suffix}"' if word.text.startswith('"') else f"{new}{suffix}"
    return [Splice(word.start, word.end, text), *_broadcast(line, spot, new)]


def _broadcast(line: Written, spot: Spot, new: Address) -> list[Splice]:
    """A broadcast address that is written out belongs to a network: perhaps not to the new one."""
    number = next((n for n, word in enumerate(spot.words[:-1]) if word in _BROADCAST), None)
    if number is None or not isinstance(new, IPv4Address):
        return []
    said = address_of(spot.words[number + 1])
    network = ip_interface(spot.words[0]).network
    if said is None or new in network or network.prefixlen >= _POINT_TO_POINT:
        return []
    if said != network.broadcast_address:
        raise refused(spot, f"its broadcast address {said} is not that of {network}, nor of {new}")
    word = line.piece.words()[line.shift + number + 1]
    other = ip_interface(f"{new}/{network.prefixlen}").network.broadcast_address
    return [Splice(word.start, word.end, str(other))]
