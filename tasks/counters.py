"""What a router has counted of a service's packets: by the rules that mark them, and by IPVS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from inventory.rules import MAX_MARK, Address, Mark
from tasks.backends.iptables_save import lines_of, parse_rule, without_counters
from tasks.errors import NotUnderstood, RouterError
from tasks.observe import parse_addresses
from tasks.reach import asking
from tasks.remote import script
from tasks.sections import new_nonce, split
from tasks.shell import Shell

if TYPE_CHECKING:
    from nornir.core.task import Result, Task

# FWM  80 IPv6                             3       12        0      720        0
_FWM = re.compile(
    r"^FWM\s+(?P<mark>-?\d+)(?P<six> IPv6)?\s+(?P<connections>\d+)\s+(?P<packets>\d+)\s"
)


@dataclass(frozen=True, slots=True)
class Balanced:
    """What IPVS has counted of a mark, on all of its VIPs of one family.

    Attributes:
        connections: that were scheduled.
        packets: that came in.
    """

    connections: int
    packets: int


@dataclass(frozen=True, slots=True)
class Counters:
    """One router's.

    Attributes:
        router: its name.
        addresses: all of its addresses.
        marked: packets by VIP and mark; only what rules of iptables mark is counted.
        balanced: by mark and IP version.
        error: why it could not be asked.
    """

    router: str
    addresses: frozenset[Address] = frozenset()
    marked: Mapping[tuple[Address, int], int] = field(default_factory=dict)
    balanced: Mapping[tuple[int, int], Balanced] = field(default_factory=dict)
    error: RouterError | None = None


def counters_of(task: Task, *, deadline: float, patience: float) -> Result:
    """Ask one router; the result is `Counters`. No RouterError leaves it.

    Args:
        task: Nornir's.
        deadline: seconds for its answer.
        patience: seconds after which no further attempt to connect begins.
    """
    from nornir.core.task import Result  # noqa: PLC0415 - nornir is 150 ms that --help can spare

    name = task.host.name
    try:
        found = asking(task.host, lambda shell: ask(shell, name, deadline), patience=patience)
    except RouterError as error:
        found = Counters(name, error=error)
    return Result(host=task.host, result=found)


def ask(shell: Shell, router: str, deadline: float) -> Counters:
    """Ask, in one exec; nothing is changed.

    Raises:
        RouterError: it could not be asked, or its answer makes no sense.
    """
    nonce = new_nonce()
    completed = shell.run(script("counters"), nonce, deadline=deadline)
    sections = split(completed.stdout, nonce)
    if "addresses" not in sections:
        raise NotUnderstood(
            f"the router does not tell its addresses: {completed.stderr.strip()[-300:]!r}",
            "Look at what its login shell prints",
        )
    texts = {name: each.text for name, each in sections.items() if each.status == 0}
    marking = texts.get("marking:4", "") + "\n" + texts.get("marking:6", "")
    return Counters(
        router,
        addresses=parse_addresses(sections["addresses"].text),
        marked=parse_marking(marking),
        balanced=parse_stats(texts.get("ipvs", "")),
    )


def parse_marking(text: str) -> dict[tuple[Address, int], int]:
    """Packets by VIP and mark, from lines of ``iptables-save -c``."""
    found: dict[tuple[Address, int], int] = {}
    for raw in lines_of(text):
        line = raw.strip()
        packets = line.lstrip("[").partition(":")[0]
        rules = parse_rule(without_counters(line)) or ()
        # The ports of one line are counted together.
        for key in {(rule.vip, rule.mark) for rule in rules if isinstance(rule, Mark)}:
            found[key] = found.get(key, 0) + (int(packets) if packets.isdecimal() else 0)
    return found


def parse_stats(text: str) -> dict[tuple[int, int], Balanced]:
    """What ``ipvsadm --list --numeric --stats --exact`` says of services by mark."""
    return {
        (int(m["mark"]) % (MAX_MARK + 1), 6 if m["six"] else 4): Balanced(
            int(m["connections"]), int(m["packets"])
        )
        for line in text.splitlines()
        if (m := _FWM.match(line))
    }
