"""What ``lvsfleet vip`` could not make sure of, or leaves to people."""

from __future__ import annotations

from tasks.checks.info import CheckInfo
from tasks.outcome import Severity

LVS070 = CheckInfo(
    "LVS070",
    "a new VIP that was not probed",
    Severity.INFO,
    "lvsfleet vip sends a SYN to each port of a new VIP before the old one goes, and sees on the"
    " MASTER that it is marked. Here none arrived, or nothing could be sent: the marks were only"
    " read back.",
    "--probe-from HOST sends from a host of the inventory that has a way to the VIP; a client of"
    " your own shows it too.",
)
LVS071 = CheckInfo(
    "LVS071",
    "who has a new VIP was not found out, or did not matter",
    Severity.WARNING,
    "Before a router takes a VIP, its network is asked (by ARP or neighbour discovery) whether"
    " somebody has it already. No router of the cluster could ask there, or --force was given"
    " although somebody answered: two that have one address take each other's packets.",
    "arping -D -I INTERFACE VIP from a host of that network.",
)
LVS072 = CheckInfo(
    "LVS072",
    "keepalived.conf names a VIP that goes in other places",
    Severity.WARNING,
    "The VIP is taken out of virtual_ipaddress. Other lines name it too, as a virtual_server, a"
    " route's source or a script's argument: they are left as they are.",
    "Change them by hand on every router, keepalived -t, systemctl reload keepalived.",
)
