"""Who answers for an address that a router is to get, and whether the address belongs there.

Asked together with all else, in one exec; see ``neighbours.sh``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_interface

from inventory.desired import Desired
from inventory.rules import Address
from tasks.look import Ask
from tasks.observe import Observed, ask
from tasks.shell import Shell

Network = IPv4Network | IPv6Network

_LINE = re.compile(r"^(?P<address>\S+) .*\blladdr (?P<mac>[0-9a-f:]+)")
_NOBODY = re.compile(r"\b(?:INCOMPLETE|FAILED|NOARP|PERMANENT)\b")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking a network for an address.

    Attributes:
        device: the interface that it was asked on; empty where the router is in no such network.
        mac: the one that answered; empty where none did.
        others: addresses that the same one is known by.
    """

    device: str
    mac: str = ""
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        known = f", which is also {' and '.join(self.others)}" if self.others else ""
        return f"{self.mac} on {self.device}{known}"


def encounter(address: Address, like: Address) -> Ask:
    """A look as `tasks.inspection.observe_all` has it, which also asks who has an address.

    Args:
        address: the one that is to come.
        like: the VIP that it will stand beside, which says on what network.
    """
    return partial(_observe, address, like)


def _observe(
    address: Address, like: Address, shell: Shell, desired: Desired, *, deadline: float
) -> Observed:
    arguments = (desired.asked, desired.places, str(address), str(like))
    return ask("encounter", shell, *arguments, deadline=deadline)


def answer_of(observed: Observed) -> Answer:
    """Who answered."""
    first, *lines = (observed.text("neighbours") or "").splitlines() or [""]
    device = first.removeprefix("dev ")
    found = [m for line in lines if not _NOBODY.search(line) and (m := _LINE.match(line))]
    if not found:
        return Answer(device)
    others = tuple(match["address"] for match in found[1:])
    return Answer(device, found[0]["mac"], others)


def networks(observed: Observed, *, of: Address | None = None) -> frozenset[Network]:
    """The networks that a router is in.

    Args:
        observed: the router.
        of: only those of the interface that has this address; none where none has.
    """
    found: dict[str, list[tuple[Address, Network]]] = {}
    for line in (observed.text("addresses") or "").splitlines():
        match line.split():
            case [_, device, "inet" | "inet6", text, *_]:
                each = ip_interface(text)
                found.setdefault(device.partition("@")[0], []).append((each.ip, each.network))
    return frozenset(
        network
        for on in found.values()
        if of is None or any(address == of for address, _ in on)
        for _, network in on
        if network.num_addresses > 1 and not network.is_link_local and not network.is_loopback
    )
