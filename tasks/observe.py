"""Everything that is asked of a router, in one round trip, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_interface

from inventory.desired import Desired
from inventory.rules import Address
from tasks.errors import NotUnderstood
from tasks.remote import script
from tasks.sections import Section, new_nonce, split
from tasks.shell import Completed, Shell

UNITS = (
    "firewalld",
    "iptables",
    "ip6tables",
    "netfilter-persistent",
    "nftables",
    "keepalived",
    "lvsfleet-nftables",
    "lvsfleet-drain",
)


@dataclass(frozen=True, slots=True)
class Unit:
    """What systemd says of one service.

    Attributes:
        known: there is such a unit, and it is not masked.
        active: it runs (or, of a oneshot, it ran).
        enabled: it is started at boot.
    """

    known: bool = False
    active: bool = False
    enabled: bool = False


@dataclass(frozen=True, slots=True)
class Observed:
    """What one router is, as it said itself.

    Attributes:
        units: by name without ``.service``; every one of `UNITS`.
        addresses: all of its IP addresses, VIPs included.
        leftovers: ``RUN STATE`` of runs without an end yet (``armed``, ``claimed``, ``reverting``)
            or whose end nobody has seen (``unseen``).
        lock: ``RUN since who`` of the run that holds the router, or None.
        sections: what else was answered, for the backend to read.
    """

    units: Mapping[str, Unit]
    addresses: frozenset[Address]
    leftovers: tuple[str, ...]
    lock: str | None
    sections: Mapping[str, Section]

    def text(self, name: str) -> str | None:
        """A section's text; None where it is absent or its command failed."""
        section = self.sections.get(name)
        return section.text if section is not None and section.status == 0 else None


def observe(shell: Shell, desired: Desired, *, deadline: float) -> Observed:
    """Ask the router, in one exec; nothing is changed.

    Args:
        shell: a root shell on it.
        desired: says which backend and which zone to ask about.
        deadline: seconds.

    Raises:
        RouterError: it could not be asked, or its answer makes no sense.
    """
    return ask("observe", shell, desired.asked, desired.places, deadline=deadline)


def ask(phase: str, shell: Shell, *arguments: str, deadline: float) -> Observed:
    """What the router answers to a phase that only reads, in one exec.

    Args:
        phase: one of `tasks.remote.PHASES`.
        shell: a root shell on it.
        arguments: the phase's.
        deadline: seconds.

    Raises:
        RouterError: it could not be asked, or its answer makes no sense.
    """
    nonce = new_nonce()
    return parse(shell.run(script(phase), nonce, *arguments, deadline=deadline), nonce)


def parse(completed: Completed, nonce: str) -> Observed:
    """Read an answer.

    Raises:
        NotUnderstood: it is none.
    """
    sections = split(completed.stdout, nonce)
    if "units" not in sections or "addresses" not in sections:
        raise NotUnderstood(
            f"the router answered with exit status {completed.status} and no observation: "
            f"{(completed.stderr or completed.stdout).strip()[-300:]!r}",
            "Look at what its login shell prints and which programs it lacks",
        )
    return of_sections(sections)


def of_sections(sections: Mapping[str, Section]) -> Observed:
    """An observation from its sections, just answered or kept from an earlier run.

    Raises:
        NotUnderstood: a section makes no sense.
    """
    runs = sections.get("runs", Section("", 0)).text
    lock = sections.get("lock")
    return Observed(
        units=parse_units(sections["units"].text),
        addresses=parse_addresses(sections["addresses"].text),
        leftovers=tuple(runs.splitlines()),
        lock=lock.text.strip() if lock else None,
        sections=sections,
    )


def parse_units(text: str) -> dict[str, Unit]:
    """What ``systemctl show`` printed: blocks of ``Key=value``, an empty line between them."""
    units = {name: Unit() for name in UNITS}
    for block in text.split("\n\n"):
        facts = dict(line.partition("=")[::2] for line in block.splitlines())
        name = facts.get("Id", "").removesuffix(".service")
        if name in units:
            units[name] = Unit(
                known=facts.get("LoadState") == "loaded",
                active=facts.get("ActiveState") in ("active", "reloading"),
                # enabled-runtime is gone after a reboot.
                enabled=facts.get("UnitFileState") == "enabled",
            )
    return units


def parse_addresses(text: str) -> frozenset[Address]:
    """What ``ip -o addr show`` printed: ``2: eth0    inet 192.0.2.1/24 scope …`` a line."""
    found: set[Address] = set()
    for line in text.splitlines():
        match line.split():
            case [_, _, "inet" | "inet6", address, *_]:
                try:
                    found.add(ip_interface(address).ip)
                except ValueError as error:
                    raise NotUnderstood(f"ip printed an address that is none: {line!r}") from error
    return frozenset(found)
