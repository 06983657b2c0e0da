"""keepalived and IPVS: does each mark have its virtual server, and is that one right."""

from __future__ import annotations

from tasks.checks.info import CheckInfo
from tasks.outcome import Severity

LVS030 = CheckInfo(
    "LVS030",
    "keepalived balances by a mark that nothing sets",
    Severity.ERROR,
    "keepalived.conf has a virtual_server for a mark, but no service in the inventory has that mark"
    " and no rule sets it. Not one packet gets there.",
    "Describe the service in the inventory, or take the virtual_server out of keepalived.conf.",
    rollout=True,
)
LVS031 = CheckInfo(
    "LVS031",
    "a mark without a virtual server",
    Severity.ERROR,
    "Packets are marked, but keepalived.conf has no virtual_server fwmark for that mark: IPVS does"
    " not know it, and the packets end on the router itself.",
    "Add virtual_server fwmark MARK { … } to keepalived.conf, check it with keepalived -t, then"
    " systemctl reload keepalived; or take the service out of the inventory.",
)
LVS032 = CheckInfo(
    "LVS032",
    "the same virtual server twice",
    Severity.WARNING,
    "keepalived takes a second virtual_server for a mark without a word. IPVS has one service for"
    " both: scheduled and persistent as the first one says, with the real servers of both, so some"
    " visitors end where nobody meant them to.",
    "Keep one of them.",
)
LVS033 = CheckInfo(
    "LVS033",
    "real servers with a port under a mark with several",
    Severity.ERROR,
    "With NAT, real_server IP 80 sends every packet of the mark to port 80, also those that came to"
    " 443. Without a port, or with 0, a packet keeps the one that it came to.",
    "Write real_server IP 0 { … } in keepalived.conf.",
)
LVS034 = CheckInfo(
    "LVS034",
    "IPVS is not as keepalived.conf says",
    Severity.WARNING,
    "The kernel's table has what the file does not, or lacks it: edited by hand with ipvsadm, or a"
    " file that was changed and never loaded. The next reload or takeover changes what visitors"
    " see. Compared where ipvsadm is installed on the router; servers that are down and weights,"
    " which health checks change, do not count.",
    "keepalived -t, then systemctl reload keepalived; ipvsadm -Ln shows the table.",
)
LVS035 = CheckInfo(
    "LVS035",
    "keepalived does not run, is not started at boot, or its file is faulty",
    Severity.ERROR,
    "Without keepalived the router takes no VIP over. A faulty file is worse: a reload with it"
    " kills keepalived and leaves the VIPs where they are, while the other router takes them too.",
    "Mend what keepalived -t says before anything reloads it; systemctl enable --now keepalived.",
)
LVS036 = CheckInfo(
    "LVS036",
    "a VIP's family has no virtual server",
    Severity.ERROR,
    "IPVS compares the address family too: virtual_server fwmark 80 with IPv4 real servers says"
    " nothing of IPv6. Packets to the IPv6 VIP are marked and then meet no virtual server.",
    "Add virtual_server fwmark MARK inet6 { … } with IPv6 real servers (inet for IPv4), or take the"
    " VIP out of the service.",
)
LVS037 = CheckInfo(
    "LVS037",
    "a mark that keepalived gives out by itself",
    Severity.WARNING,
    "With nftables_ipvs keepalived allocates marks of its own, from nftables_ipvs_start_fwmark"
    " (1000) on. One that a service has too can be given to other packets.",
    "Choose a mark below that, or raise nftables_ipvs_start_fwmark.",
)
LVS038 = CheckInfo(
    "LVS038",
    "several ports under one mark, without persistence",
    Severity.INFO,
    "Each connection is balanced by itself, so a visitor's HTTP and HTTPS, or an FTP session and"
    " its data, may reach different real servers. That may be what you want; for FTP it never is.",
    "persistence_timeout SECONDS in the virtual_server.",
)
