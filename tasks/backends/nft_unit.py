"""What loads a table of ours at boot, and again when somebody flushes all tables.

A file and a unit of our own, since the distribution's nftables.service flushes every table when it
starts, stops or reloads, and cannot run beside firewalld. A drop-in of that service has ours loaded
again each time, before the service has done; a unit of our own could only follow it, and does not
see a start at all while it counts as active itself. Ours is enabled, but not started until the next
boot: to load a whole table costs packets (see `tasks.backends.nft_table.step`). Stopping it takes
no rule away, as with netfilter-persistent: a router that goes down marks its packets to the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_SIGNED = "# Written by lvsfleet; what is changed here is undone by its next rollout.\n"


@dataclass(frozen=True, slots=True)
class Loader:
    """What loads one table.

    Attributes:
        name: of the unit, without what ends it.
        about: what the unit says of itself.
        file: the path of the file with the table.
        drop_in: the path of the drop-in.
    """

    name: str
    about: str
    file: str
    drop_in: str

    @property
    def unit(self) -> str:
        """The unit's path."""
        return f"/etc/systemd/system/{self.name}.service"

    @property
    def enable(self) -> str:
        """The command that has it started at boot."""
        return f"systemctl enable {self.name}.service"

    @property
    def texts(self) -> Mapping[str, str]:
        """What lies beside the file with the table, by path: the unit, and the drop-in."""
        load = f"/usr/sbin/nft -f {self.file}"
        return {
            self.unit: f"""\
{_SIGNED}[Unit]
Description={self.about}
DefaultDependencies=no
RequiresMountsFor={self.file}
ConditionPathExists={self.file}
After=nftables.service firewalld.service
Wants=network-pre.target
Before=network-pre.target keepalived.service shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={load}
ExecReload={load}

[Install]
WantedBy=multi-user.target
""",
            self.drop_in: f"""\
{_SIGNED}# The service flushes all tables whenever it does anything; ours is loaded again at once.
[Service]
ExecStartPost=-{load}
ExecReload=-{load}
ExecStopPost=-{load}
""",
        }
