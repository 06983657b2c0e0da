"""firewalld that does not run: whether it may be started, and by which commands."""

from __future__ import annotations

from inventory.desired import Desired
from tasks.errors import NotRunning, TwoFilters
from tasks.observe import Observed

START = "systemctl start firewalld"
ENABLE = "systemctl enable firewalld"

_RIVALS = ("iptables", "ip6tables", "nftables")
"""Services that firewalld's unit conflicts with: starting it stops them."""


def has_to_start(desired: Desired, observed: Observed) -> bool:
    """Whether firewalld is to be started.

    Raises:
        NotRunning: it does not run and may not, or cannot, be started.
        TwoFilters: starting it would stop another packet filter.
    """
    unit = observed.units["firewalld"]
    if unit.active:
        return False
    if not unit.known:
        raise NotRunning(
            "firewalld is not installed (or its unit is masked)",
            "Install the package firewalld, or say backend: iptables",
        )
    if not desired.start:
        raise NotRunning(
            "firewalld does not run",
            "Say start: true in the inventory and it is started with its rules already in place,"
            " or: systemctl enable --now firewalld",
        )
    for rival in _RIVALS:
        if observed.units[rival].active:
            raise TwoFilters(
                f"{rival}.service runs, and starting firewalld would stop it",
                f"Say backend: iptables, or systemctl disable --now {rival}",
            )
    if observed.units["netfilter-persistent"].active:
        raise TwoFilters(
            "netfilter-persistent.service has loaded iptables rules, which would go on filtering"
            " beside firewalld's",
            "Say backend: iptables, or flush them and systemctl disable --now netfilter-persistent",
        )
    return True
