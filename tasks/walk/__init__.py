"""The way of a packet through a router's packet filters, as its real rules have it.

One walker for all of them: what firewalld makes is read where the kernel has it, in nftables or
iptables, so nothing here has a second idea of zones and policies.
"""

from tasks.walk.judge import Filters, Verdict, verdict
from tasks.walk.packet import Doubt, Packet

__all__ = ["Doubt", "Filters", "Packet", "Verdict", "verdict"]
