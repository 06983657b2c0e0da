"""How a router stands in its cluster: the addresses it has, and what keepalived says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from inventory.rules import Address
from tasks.errors import NotUnderstood
from tasks.observe import parse_addresses
from tasks.remote import script
from tasks.sections import new_nonce, split
from tasks.shell import Shell


class VrrpState(IntEnum):
    """The state of an instance, as keepalived numbers it (vrrp.h)."""

    INIT = 0
    BACKUP = 1
    MASTER = 2
    FAULT = 3


@dataclass(frozen=True, slots=True)
class Instance:
    """One vrrp_instance.

    Attributes:
        name: its name in keepalived.conf.
        state: what it is.
        interval: seconds between the MASTER's adverts.
    """

    name: str
    state: VrrpState
    interval: float

    @property
    def master_down(self) -> float:
        """Seconds until a BACKUP that hears nothing takes over, at most (RFC 5798, 6.1)."""
        return 4 * self.interval


@dataclass(frozen=True, slots=True)
class Standing:
    """How one router stands.

    Attributes:
        addresses: all of its IP addresses, VIPs included.
        alive: keepalived runs.
        instances: what it says of itself; empty where it was not built to say.
    """

    addresses: frozenset[Address]
    alive: bool
    instances: tuple[Instance, ...] = ()


def ask_standing(shell: Shell, *, deadline: float) -> Standing:
    """Ask the router, in one exec; nothing is changed.

    Args:
        shell: a root shell on it.
        deadline: seconds.

    Raises:
        RouterError: it could not be asked, or its answer makes no sense.
    """
    nonce = new_nonce()
    completed = shell.run(script("standing"), nonce, deadline=deadline)
    sections = split(completed.stdout, nonce)
    if "addresses" not in sections:
        raise NotUnderstood(
            f"the router does not tell its addresses: {completed.stderr.strip()[-300:]!r}",
            "Look at what its login shell prints",
        )
    told = sections.get("keepalived")
    alive = sections.get("alive")
    return Standing(
        addresses=parse_addresses(sections["addresses"].text),
        alive=alive is not None and alive.text.strip() == "active",
        instances=parse_instances(told.text) if told and told.status == 0 else (),
    )


def parse_instances(text: str) -> tuple[Instance, ...]:
    """What keepalived wrote of its instances; none where it makes no sense (it only adds detail).

    It is a list of objects with ``data``; newer versions put it under ``vrrp``.
    """
    try:
        told = json.loads(text)
        listed = told["vrrp"] if isinstance(told, dict) else told
        return tuple(_instances(listed))
    except (ValueError, KeyError, TypeError):
        return ()


def _instances(listed: Iterable[dict[str, dict[str, object]]]) -> Iterable[Instance]:
    for each in listed:
        data = each["data"]
        # A MASTER advertises as it is told to; a BACKUP goes by what its MASTER says.
        interval = data.get("master_adver_int") or data.get("adver_int") or 1
        yield Instance(str(data["iname"]), VrrpState(int(str(data["state"]))), float(str(interval)))
