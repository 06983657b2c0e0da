"""The way in: is what is marked let in, and VRRP too."""

from __future__ import annotations

from tasks.checks.info import CheckInfo
from tasks.outcome import Severity

LVS014 = CheckInfo(
    "LVS014",
    "another table may turn away what is to be let in",
    Severity.WARNING,
    "In nftables an accept holds for its own table only: a drop or reject in another one still"
    " turns the packet away, and here it cannot be told for which packets it does.",
    "Let the packets in there too, or say accept: false, which leaves the way in to the site.",
)
LVS020 = CheckInfo(
    "LVS020",
    "VRRP is not let in",
    Severity.ERROR,
    "The router does not hear the adverts of the others in its cluster, so it takes the VIPs"
    " although another router holds them: two MASTERs, seconds after the filter changes. Adverts"
    " are IP protocol 112; with auth_type AH they travel in protocol 51.",
    "vrrp: {accept: true} in the inventory (ah: true for auth_type AH), and lvsfleet rollout.",
    rollout=True,
)
LVS021 = CheckInfo(
    "LVS021",
    "a service's packets are marked, but turned away",
    Severity.ERROR,
    "IPVS takes a packet at the end of INPUT, behind the packet filter. A mark alone lets nobody"
    " in: when INPUT rejects or drops VIP and port, the visitor sees the service as down,"
    " although every mark is right. Decided by walking the router's real rules for a packet from"
    " outside.",
    "accept: true for the service in the inventory and lvsfleet rollout; or let it in by the site's"
    " own rules.",
    rollout=True,
)
LVS022 = CheckInfo(
    "LVS022",
    "packets to a VIP arrive in a zone that does not mark them",
    Severity.ERROR,
    "firewalld's rich rules hold in one zone. A packet that arrives on an interface, or from a"
    " source, that is bound to another zone never meets them: it keeps mark 0.",
    "Put the interface into the zone, say zone: NAME in the inventory, or policy: NAME, whose rules"
    " hold whichever zone a packet arrives in.",
    rollout=True,
)
LVS023 = CheckInfo(
    "LVS023",
    "firewalld drops packets of LVS-DR as invalid",
    Severity.WARNING,
    "With direct routing the router sees only what visitors send, never the answers, so connection"
    " tracking calls some packets invalid, and firewalld drops those before any zone (its issue"
    " 1498). Ends of connections get lost: IPVS and the real servers keep dead ones for long.",
    "Do not track packets to the VIPs: a notrack rule in a chain at prerouting priority raw, as the"
    " hint says.",
)
