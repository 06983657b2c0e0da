"""What loads lvsfleet's table at boot, and again when somebody flushes all tables.

A file and a unit of our own, since the distribution's nftables.service flushes every table when it
starts, stops or reloads, and cannot run beside firewalld. A drop-in of that service has ours loaded
again each time, before the service has done; a unit of our own could only follow it, and does not
see a start at all while it counts as active itself. Ours is enabled, but not started until the next
boot: to load a whole table costs packets (see `tasks.backends.nft_table.step`). Stopping it takes
no rule away, as with netfilter-persistent: a router that goes down marks its packets to the end.
"""

from __future__ import annotations

NAME = "lvsfleet-nftables"
FILE = "/etc/lvsfleet/lvsfleet.nft"
UNIT = f"/etc/systemd/system/{NAME}.service"
DROP_IN = "/etc/systemd/system/nftables.service.d/lvsfleet.conf"
ENABLE = f"systemctl enable {NAME}.service"

_SIGNED = "# Written by lvsfleet; what is changed here is undone by its next rollout.\n"
_LOAD = f"/usr/sbin/nft -f {FILE}"

TEXTS = {
    UNIT: f"""\
{_SIGNED}[Unit]
Description=Marks for LVS: nftables' table inet lvsfleet
DefaultDependencies=no
RequiresMountsFor={FILE}
ConditionPathExists={FILE}
After=nftables.service firewalld.service
Wants=network-pre.target
Before=network-pre.target keepalived.service shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={_LOAD}
ExecReload={_LOAD}

[Install]
WantedBy=multi-user.target
""",
    DROP_IN: f"""\
{_SIGNED}# The service flushes all tables whenever it does anything; ours is loaded again at once.
[Service]
ExecStartPost=-{_LOAD}
ExecReload=-{_LOAD}
ExecStopPost=-{_LOAD}
""",
}
"""What lies beside the file with the table: the unit, and the drop-in."""
