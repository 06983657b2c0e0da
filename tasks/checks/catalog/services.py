"""The packet filters: does the right one run, now and after a boot, and no other beside it."""

from __future__ import annotations

from tasks.checks.info import CheckInfo
from tasks.outcome import Severity

LVS010 = CheckInfo(
    "LVS010",
    "the packet filter does not run",
    Severity.ERROR,
    "The service that holds the marks is stopped, failed, or not installed. No packet is marked,"
    " and what was let in or turned away by it is not any more.",
    "Start it as the hint says. For firewalld, start: true in the inventory lets a rollout start it"
    " with its rules already in place, so that nobody is locked out.",
    rollout=True,
)
LVS011 = CheckInfo(
    "LVS011",
    "the packet filter is not started at boot",
    Severity.WARNING,
    "All works now, but after a reboot no rules are loaded: the router takes VIPs over and marks"
    " nothing.",
    "systemctl enable the service in the hint; lvsfleet's own for nftables is enabled by the next"
    " rollout.",
    rollout=True,
)
LVS012 = CheckInfo(
    "LVS012",
    "two packet filters manage the same rules",
    Severity.ERROR,
    "Two services load rules, and each takes the other's away when it is started or stopped. Which"
    " one is in force after a boot is a matter of chance.",
    "Keep one and disable the other, as the hint says.",
)
LVS013 = CheckInfo(
    "LVS013",
    "rules in both variants of iptables",
    Severity.WARNING,
    "iptables-legacy and iptables-nft keep separate tables, and the kernel obeys both. What one"
    " lets in the other may still turn away, and neither shows the other's rules.",
    "Look at both with iptables-legacy-save and iptables-nft-save, and keep one.",
)
LVS016 = CheckInfo(
    "LVS016",
    "which packet filter was chosen, and why",
    Severity.INFO,
    "The inventory says backend: auto, so lvsfleet uses what the router runs.",
    "Nothing; backend: firewalld, iptables or nftables in the inventory settles it.",
)
LVS017 = CheckInfo(
    "LVS017",
    "a policy of firewalld waits to be loaded",
    Severity.INFO,
    "firewalld loads a new policy only when it starts or reloads, and a reload costs packets. Until"
    " then the running rules stand in another policy, where they do the same.",
    "Nothing needs to be done.",
)
