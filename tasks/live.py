"""How many connections a router has to a VIP: IPVS's own, else those that conntrack knows of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from inventory.desired import Service
from inventory.rules import Address
from tasks.errors import NotUnderstood
from tasks.observe import parse_addresses
from tasks.remote import script
from tasks.sections import new_nonce, split
from tasks.shell import Shell

TABLES = ("ipvs", "conntrack")
"""What may be counted, the better one first."""


@dataclass(frozen=True, slots=True)
class Live:
    """What one router says.

    Attributes:
        holds: it has the VIP.
        count: its live connections to it; None where nothing there tells.
        table: where that was read, of `TABLES`; empty for nothing.
    """

    holds: bool
    count: int | None = None
    table: str = ""


def ask_live(shell: Shell, service: Service, vip: Address, *, deadline: float) -> Live:
    """Count them, in one exec; nothing is changed.

    Args:
        shell: a root shell on the router.
        service: says the ports.
        vip: of the service.
        deadline: seconds.

    Raises:
        RouterError: it could not be asked, or its answer makes no sense.
    """
    nonce = new_nonce()
    arguments = (nonce, *_whats(service, vip))
    completed = shell.run(script("live"), *arguments, deadline=deadline)
    sections = split(completed.stdout, nonce)
    if "addresses" not in sections:
        raise NotUnderstood(
            f"the router does not tell its connections: {completed.stderr.strip()[-300:]!r}",
            "Look at what its login shell prints",
        )
    holds = vip in parse_addresses(sections["addresses"].text)
    for table in TABLES:
        said = sections.get(table)
        if said is not None and said.status == 0 and said.text.strip().isdecimal():
            return Live(holds, int(said.text), table)
    return Live(holds)


def _whats(service: Service, vip: Address) -> Iterable[str]:
    """What is counted, as ``live.sh`` takes it."""
    hexadecimal = f"{int(vip):08X}" if vip.version == 4 else vip.exploded  # noqa: PLR2004
    for each in service.ports:
        yield (
            f"{each.protocol.value},{vip},{hexadecimal},{vip.exploded},"
            f"{each.ports.first},{each.ports.last}"
        )
