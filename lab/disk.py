"""A router's own disk before its first boot: what makes it this router and of this kind.

The files are templates under lab/router/: ``common`` for every router, and a folder per kind.
``$name`` and the like are filled in; the result lies in the upper layer of the router's overlay.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from lab.topology import Kind, Router

TEMPLATES = Path(__file__).parent / "router"

_ENABLED = {
    Kind.FIREWALLD: ("firewalld.service",),
    Kind.FIREWALLD_DOCKER: ("firewalld.service", "docker-rules.service"),
    Kind.IPTABLES_DEBIAN: ("netfilter-persistent.service",),
    Kind.IPTABLES_RHEL: ("iptables.service", "ip6tables.service"),
    Kind.IPTABLES_LEGACY: ("netfilter-persistent.service",),
    Kind.IPTABLES_IPVS: ("netfilter-persistent.service",),
    Kind.NFTABLES: ("nftables.service",),
}
_TEMPLATES = {
    Kind.FIREWALLD: ("plain-login", "firewalld"),
    Kind.FIREWALLD_DOCKER: ("plain-login", "firewalld", "firewalld-docker"),
    Kind.IPTABLES_RHEL: ("plain-login", "iptables-rhel"),
    Kind.IPTABLES_LEGACY: ("iptables-debian",),
    Kind.IPTABLES_IPVS: ("plain-login", "iptables-debian", "iptables-ipvs"),
    Kind.NFTABLES: ("plain-login", "nftables"),
}
"""The folders of a kind's files, where they are not one of its own name; a later one wins. Debian's
alone log in as Debian does, with a session of systemd-logind for each."""
_UNITS = "etc/systemd/system"
_TARGETS = {"nftables.service": "sysinit.target"}
"""Where a unit's own [Install] says another target than multi-user.target."""
# How Debian saves rules; a RHEL-like router has nothing of it.
_DEBIAN_ONLY = (
    "etc/iptables",
    "usr/sbin/netfilter-persistent",
    "usr/share/netfilter-persistent",
    "usr/lib/systemd/system/netfilter-persistent.service",
)


@dataclass(frozen=True, slots=True)
class File:
    """A file that is not a template: its content and its mode; root owns it."""

    content: bytes
    mode: int = 0o644


def make(folder: Path, router: Router, rootfs: Path, files: Mapping[str, File]) -> None:
    """Make a router's disk, unless it is there whole; what a crash left half made is made anew.

    Args:
        folder: where; afterwards with ``lower``, ``upper``, ``work``, ``root``.
        router: whose disk it is.
        rootfs: what all routers share.
        files: further files by path, such as its keys.
    """
    whole = folder / "lower"
    if whole.is_symlink():
        return
    remove(folder)
    for name in ("upper", "work", "root"):
        (folder / name).mkdir(parents=True)
    _Layer(folder / "upper", rootfs).fill(router, files)
    whole.symlink_to(rootfs)


def remove(folder: Path) -> None:
    """Take a router's disk away; the router must not run."""
    # Without this link the rest counts as half made, whenever the removal is interrupted.
    (folder / "lower").unlink(missing_ok=True)
    if folder.exists():
        shutil.rmtree(folder)


def values(router: Router) -> dict[str, str]:
    """What the templates' names stand for on this router."""
    site = router.site
    machine = hashlib.sha256(f"{router.management}".encode()).hexdigest()[:32]
    return {
        "name": router.name,
        "cluster": site.name.replace("-", "_"),
        "management": str(router.management),
        "machine_id": machine,
        "priority": str(200 - 50 * router.place),
        "network4": str(site.network4),
        "peer4": str(router.peer_addresses[0]),
        "vips4": "\n".join(f"        {vip}/{site.network4.prefixlen}" for vip in site.vips4),
        "vips6": "\n".join(f"        {vip}/{site.network6.prefixlen}" for vip in site.vips6),
    }


class _Layer:
    """The upper layer of an overlay whose lower one is the shared root filesystem."""

    def __init__(self, upper: Path, lower: Path) -> None:
        self._upper = upper
        self._lower = lower
        upper.chmod(0o755)

    def fill(self, router: Router, files: Mapping[str, File]) -> None:
        """Write everything that one router has of its own."""
        kind = router.site.kind
        names = values(router)
        for folder in ("common", *_TEMPLATES.get(kind, (kind.value,))):
            tree = TEMPLATES / folder
            for template in sorted(path for path in tree.rglob("*") if path.is_file()):
                text = Template(template.read_text()).substitute(names)
                self.write(str(template.relative_to(tree)), File(text.encode()))
        for path, file in files.items():
            self.write(path, file)
        for unit in (*_ENABLED[kind], "keepalived.service"):
            target = _TARGETS.get(unit, "multi-user.target")
            self.link(f"{_UNITS}/{target}.wants/{unit}", f"/usr/lib/systemd/system/{unit}")
        self._vary(kind)

    def _vary(self, kind: Kind) -> None:
        """What makes a kind of router, besides its templates and units."""
        if kind in {Kind.FIREWALLD, Kind.FIREWALLD_DOCKER}:
            alias = f"{_UNITS}/dbus-org.fedoraproject.FirewallD1.service"
            self.link(alias, "/usr/lib/systemd/system/firewalld.service")
        if kind in {Kind.IPTABLES_LEGACY, Kind.IPTABLES_IPVS}:
            for program in ("iptables", "ip6tables"):
                for verb in ("", "-save", "-restore"):
                    chosen = f"/usr/sbin/{program}-legacy{verb}"
                    self.link(f"etc/alternatives/{program}{verb}", chosen)
        if kind is Kind.IPTABLES_RHEL:
            for path in _DEBIAN_ONLY:
                self.hide(path)

    def write(self, path: str, file: File) -> None:
        """Put a file there."""
        target = self._place(path)
        target.write_bytes(file.content)
        target.chmod(file.mode)

    def link(self, path: str, destination: str) -> None:
        """Put a symbolic link there."""
        self._place(path).symlink_to(destination)

    def hide(self, path: str) -> None:
        """Make what the lower layer has there absent: overlayfs's whiteout, a 0:0 device."""
        os.mknod(self._place(path), stat.S_IFCHR, os.makedev(0, 0))

    def _place(self, path: str) -> Path:
        """The file's place, in folders with the lower layer's owner and mode: the upper's count."""
        folder = Path()
        for part in Path(path).parent.parts:
            folder /= part
            upper, lower = self._upper / folder, self._lower / folder
            if not upper.exists():
                upper.mkdir(mode=0o755)
                if lower.exists():
                    was = lower.stat()
                    os.chown(upper, was.st_uid, was.st_gid)
                    upper.chmod(stat.S_IMODE(was.st_mode))
        return self._upper / path
