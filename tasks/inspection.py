"""The inspection of one router: all that checks ask about, in one round trip, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from inventory.desired import Desired
from tasks.ipvs import IpvsService, parse_table
from tasks.keepalived.answer import config_of
from tasks.keepalived.complaints import complaints
from tasks.keepalived.config import Config
from tasks.observe import Observed, ask
from tasks.shell import Shell

FORWARDING: Final = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one router is, as far as checks care.

    Attributes:
        observed: as for a rollout.
        keepalived: its configuration; None where there is none.
        complaints: what keepalived itself says of its files; none where it is content.
        ipvs: the services by mark in the kernel; None where that cannot be read.
        kernel: ``net/ipv4/ip_forward`` and the like to ``1``, ``ip_vs`` to ``yes`` or ``no``.
        runs: the names of the latest changes, the oldest first.
    """

    observed: Observed
    keepalived: Config | None = None
    complaints: tuple[str, ...] = ()
    ipvs: tuple[IpvsService, ...] | None = None
    kernel: Mapping[str, str] = field(default_factory=dict)
    runs: tuple[str, ...] = ()


def observe_all(shell: Shell, desired: Desired, *, deadline: float) -> Observed:
    """As `tasks.observe.observe`, with what else VIPs go by: keepalived's files, the kernel."""
    return ask("vips", shell, desired.asked, desired.places, deadline=deadline)


def inspect(shell: Shell, desired: Desired, *, deadline: float) -> Inspection:
    """Ask the router, in one exec; nothing is changed.

    Args:
        shell: a root shell on it.
        desired: says which backend and which places to ask about.
        deadline: seconds.

    Raises:
        RouterError: it could not be asked, or its answer makes no sense.
    """
    return of_observed(ask("inspect", shell, desired.asked, desired.places, deadline=deadline))


def of_observed(observed: Observed) -> Inspection:
    """What an answer says."""
    ipvs = observed.text("ipvs")
    lines = (observed.text("kernel") or "").splitlines()
    return Inspection(
        observed=observed,
        keepalived=config_of(observed.sections),
        complaints=_complaints(observed),
        ipvs=None if ipvs is None else parse_table(ipvs),
        kernel=dict(line.partition(" ")[::2] for line in lines),
        runs=tuple((observed.text("run-names") or "").splitlines()),
    )


def _complaints(observed: Observed) -> tuple[str, ...]:
    """What ``keepalived --config-test`` complains of; its exit status is 0 for a missing file."""
    section = observed.sections.get("keepalived:test")
    # An old keepalived knows no such option; 124: timeout(1) ended it.
    if section is None or section.status in (0, 124) or "Usage:" in section.text:
        return ()
    return tuple(dict.fromkeys(complaints(section.text)))
