"""Wires in a router's programs: at the n-th, or at a certain one, something happens to it.

Programs of the same names stand before the real ones in the scripts' PATH. Without a trap set
they only run the real one. Only what the scripts call counts: they alone have LC_ALL=C.
"""

from __future__ import annotations

from pathlib import Path

from lab.container import Container
from lab.fleet import Lab

PROGRAMS = (
    "awk",
    "busctl",
    "cat",
    "cp",
    "date",
    "df",
    "firewall-cmd",
    "firewall-offline-cmd",
    "flock",
    "ip6tables-restore",
    "ip6tables-save",
    "iptables-restore",
    "iptables-save",
    "ln",
    "mkdir",
    "mv",
    "readlink",
    "rm",
    "sha256sum",
    "sync",
    "systemctl",
    "systemd-run",
)

# $at is a number or a pattern of a command line; what $do does is done before or after the command.
_WIRE = r"""#!/bin/sh
name=${0##*/}
real=/usr/sbin/$name
[ -x "$real" ] || real=/usr/bin/$name
if [ "${LC_ALL-}" != C ] || [ ! -d /var/trap ]; then exec "$real" "$@"; fi
echo "$name $*" >>/var/trap/log
read -r at 2>/dev/null </var/trap/at || exec "$real" "$@"
case $at in
    *[!0-9]*) count= ;;
    *) count=$(PATH=/usr/bin wc -l </var/trap/log) ;;
esac
case "$count:$name $*" in
    "$at":* | *:$at) PATH=/usr/bin mv /var/trap/at /var/trap/was 2>/dev/null || exec "$real" "$@" ;;
    *) exec "$real" "$@" ;;
esac
read -r _ _ _ parent _ session _ </proc/self/stat
read -r when </var/trap/when
if [ "$when" = after ]; then "$real" "$@"; status=$?; fi
. /var/trap/do
if [ "$when" = after ]; then exit "$status"; fi
exec "$real" "$@"
"""

KILL = 'kill -9 "-$session"; kill -9 "$parent"\n'
"""Ends the script at once; the command itself may be in a group of its own, and go on."""

KILL_STEP = 'kill -9 "$parent"\n'
"""Ends the shell that called alone."""

POWER = ">/var/tripped; exec sleep 300\n"
"""Stops there until the test has cut the power."""

WAIT = ">/var/tripped; timeout 120 sh -c 'until [ -e /var/trap/go ]; do sleep 0.05; done'\n"
"""Stops there until `go_on`."""


def lay(lab: Lab, router: str) -> None:
    """Put the wires into a router's programs."""
    names = " ".join(PROGRAMS)
    script = f"""cd /usr/local/sbin && cat >.wire && chmod 755 .wire
        for each in {names}; do ln -f .wire "$each"; done"""
    lab.exec(router, ["/bin/sh", "-c", script], stdin=_WIRE)


def set_trap(lab: Lab, router: str, at: int | str, do: str, *, when: str = "before") -> None:
    """Something is to happen at the command ``at``: the n-th, or one that fits a shell pattern."""
    script = """PATH=/usr/bin; rm -rf /var/trap /var/trap-new /var/tripped; mkdir /var/trap-new
        cd /var/trap-new && cat >do && echo "$1" >at && echo "$2" >when && cd / &&
        mv /var/trap-new /var/trap"""
    lab.exec(router, ["/bin/sh", "-c", script, "sh", str(at), when], stdin=do)


def clear(lab: Lab, router: str) -> bool:
    """Take the trap away; whether it has been sprung."""
    script = """PATH=/usr/bin; [ -e /var/trap/was ] && echo yes
        rm -rf /var/trap /var/tripped"""
    return bool(lab.exec(router, ["/bin/sh", "-c", script], check=False).stdout.strip())


def set_trap_offline(lab: Lab, router: str, at: str, do: str) -> None:
    """The same on the disk of a router that is stopped, for what happens while it boots."""
    folder = Path(Container(lab.router(router), lab.names).folder, "upper/var/trap")
    for name, text in (("at", at), ("when", "before"), ("do", do)):
        (folder / name).write_text(text + "\n")
    (folder.parent / "tripped").unlink(missing_ok=True)


def go_on(lab: Lab, router: str) -> None:
    """Let a router go on that waits in the trap `WAIT`."""
    lab.exec(router, ["touch", "/var/trap/go"])


def tripped(lab: Lab, router: str) -> bool:
    """Whether the trap `POWER` or `WAIT` was sprung; asked of its disk, from outside."""
    container = Container(lab.router(router), lab.names)
    return Path(container.folder, "upper/var/tripped").exists()


def log(lab: Lab, router: str) -> list[str]:
    """The commands since the trap was set."""
    return lab.exec(router, ["cat", "/var/trap/log"], check=False).stdout.splitlines()
