"""The cluster: one MASTER, routers that are alike, VIPs that keepalived knows."""

from __future__ import annotations

from tasks.checks.info import CheckInfo
from tasks.outcome import Severity

LVS040 = CheckInfo(
    "LVS040",
    "no MASTER, or two",
    Severity.ERROR,
    "A VIP is held by no router of its cluster, so it is down; or by several, which answer in"
    " turn, so connections break at random. Roles are read from who has the address.",
    "Look at journalctl -u keepalived on the routers. Two MASTERs do not hear each other: see"
    " LVS020, and whether their address lists are alike (LVS041).",
)
LVS041 = CheckInfo(
    "LVS041",
    "the routers of a cluster differ",
    Severity.WARNING,
    "A VIP moves from one router to the other at any moment; what they do differently then"
    " changes for visitors. Address lists that differ are worse: the routers discard each"
    " other's adverts, and both become MASTER at the next reload.",
    "Make keepalived.conf alike on both; where addresses differ, reload both within a second.",
)
LVS042 = CheckInfo(
    "LVS042",
    "a VIP that keepalived does not hold",
    Severity.ERROR,
    "The inventory has a VIP that stands in no virtual_ipaddress of the router's"
    " keepalived.conf: the router marks packets that never come, since it never takes that"
    " address over.",
    "Add it to virtual_ipaddress on every router of the cluster, or take it out of the service.",
)
LVS043 = CheckInfo(
    "LVS043",
    "a router of the cluster could not be asked",
    Severity.WARNING,
    "What only all routers of a cluster show together is then known in part only: who holds a VIP,"
    " whether they are alike.",
    "Reach it, and check again.",
)
