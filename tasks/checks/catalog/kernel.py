"""The kernel: what IPVS needs of it, and who else writes into the mark."""

from __future__ import annotations

from tasks.checks.info import CheckInfo
from tasks.outcome import Severity

LVS050 = CheckInfo(
    "LVS050",
    "the router does not forward",
    Severity.ERROR,
    "With NAT the answers of the real servers pass through the router, which drops them unless it"
    " forwards packets of that family. Red Hat's guide asks for it with tunnelling too.",
    "sysctl -w net.ipv4.ip_forward=1 (net.ipv6.conf.all.forwarding=1), and the same in"
    " /etc/sysctl.d/.",
)
LVS051 = CheckInfo(
    "LVS051",
    "the kernel has no IPVS",
    Severity.ERROR,
    "keepalived.conf has virtual servers, but ip_vs is not loaded: nothing is balanced, whatever is"
    " marked.",
    "modprobe ip_vs, ip_vs in /etc/modules-load.d/, then systemctl restart keepalived; see why"
    " keepalived could not load it in its journal.",
)
LVS052 = CheckInfo(
    "LVS052",
    "FTP without its data connections",
    Severity.WARNING,
    "A service has port 21 but no passive range, so the data connections are not marked and not"
    " balanced to where the session is. The helper ip_vs_ftp finds them instead, but only with"
    " NAT.",
    "Add the real servers' passive range to the service, e.g. 10000-20000/tcp; or, with NAT,"
    " modprobe ip_vs_ftp.",
    rollout=True,
)
LVS053 = CheckInfo(
    "LVS053",
    "other software writes bits of the mark",
    Severity.WARNING,
    "IPVS compares the whole 32-bit mark, without a mask: one bit more or less, set by kube-proxy,"
    " Calico, Tailscale or the like, and the packet meets no virtual server.",
    "Give the services marks without those bits, and see that the other software leaves packets to"
    " the VIPs alone.",
)
