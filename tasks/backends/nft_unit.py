"""The systemd unit that loads lvsfleet's table at boot, and the file that it loads.

A file and a unit of our own, since the distribution's nftables.service flushes every table when it
starts, stops or reloads, and cannot run beside firewalld. Stopping ours takes no rule away, as with
netfilter-persistent: a router that goes down marks its packets to the end.
"""

from __future__ import annotations

NAME = "lvsfleet-nftables"
FILE = "/etc/lvsfleet/lvsfleet.nft"
UNIT = f"/etc/systemd/system/{NAME}.service"
ENABLE = f"systemctl enable --now {NAME}.service"

TEXT = f"""\
# Written by lvsfleet; what is changed here is undone by its next rollout.
[Unit]
Description=Marks for LVS: nftables' table inet lvsfleet
DefaultDependencies=no
RequiresMountsFor={FILE}
ConditionPathExists={FILE}
Wants=network-pre.target
Before=network-pre.target keepalived.service shutdown.target
Conflicts=shutdown.target
# Whatever flushes all tables comes first; when it does so again, ours follows it.
After=nftables.service firewalld.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f {FILE}
ExecReload=/usr/sbin/nft -f {FILE}

[Install]
WantedBy=multi-user.target nftables.service
"""
