"""The root filesystem that all routers share: built once with debootstrap, then only read.

It lies in a cache folder under a name that carries the hash of its recipe, so a changed recipe
makes a new one. It is built under another name and renamed when it is whole: a name in the cache
is a complete root filesystem, whatever happened to the machine meanwhile.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from inventory.errors import LvsfleetError
from lab.process import ENVIRONMENT, completed, run

CACHE = Path("/var/cache/lvsfleet-lab")
SUITE = "bookworm"
PACKAGES = (
    "systemd,systemd-sysv,dbus,udev,libpam-systemd,openssh-server,firewalld,keepalived,ipvsadm,"
    "iptables,iptables-persistent,nftables,iproute2,kmod,procps,iputils-ping,tcpdump,"
    "python3-minimal,sudo"
)
PREPARE = Path(__file__).parent / "setup" / "prepare-rootfs.sh"

Reporter = Callable[[str], None]


def location() -> Path:
    """Where the root filesystem of the present recipe is, or will be."""
    recipe = "\n".join((SUITE, PACKAGES, PREPARE.read_text()))
    return CACHE / f"rootfs-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def ensure(report: Reporter) -> Path:
    """Build the root filesystem unless it is in the cache.

    Two callers at once build it once: the second waits for the first.

    Args:
        report: is given a line per step; nothing when the cache has it.

    Returns:
        Its folder.

    Raises:
        LvsfleetError: debootstrap failed; its log is named.
    """
    rootfs = location()
    if rootfs.is_dir():
        return rootfs
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another process that builds the routers' root filesystem")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not rootfs.is_dir():
            _build(rootfs, lock.fileno(), report)
    return rootfs


def _build(rootfs: Path, lock: int, report: Reporter) -> None:
    building = rootfs.with_name(rootfs.name + ".building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    building.chmod(0o755)
    report("building the routers' root filesystem, once on this machine: one to three minutes")
    _debootstrap(building, lock, report)
    report("preparing it for the lab")
    script = PREPARE.read_text()
    run(["chroot", str(building), "/bin/sh", "-eu"], stdin=script)
    run(["sync", "--file-system", str(building)])
    building.rename(rootfs)
    report(f"root filesystem ready: {rootfs}")


def _debootstrap(target: Path, lock: int, report: Reporter) -> None:
    # What debootstrap mounts goes when it ends, however it ends: no later removal of a half-built
    # tree can run into /proc or /sys.
    argv = ["unshare", "--mount", "debootstrap", "--variant=minbase", f"--include={PACKAGES}"]
    argv += [SUITE, str(target), *_mirror()]
    log = CACHE / "debootstrap.log"
    steps = {"I: Retrieving": "fetching packages", "I: Extracting": "unpacking"}
    steps["I: Configuring"] = "configuring"
    with (
        log.open("w") as kept,
        subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **ENVIRONMENT},
            pass_fds=(lock,),  # when this process is killed, the next builder waits for its child
        ) as process,
    ):
        for line in process.stdout or ():
            kept.write(line)
            for prefix in [prefix for prefix in steps if line.startswith(prefix)]:
                report(steps.pop(prefix))
    if process.returncode:
        raise LvsfleetError(
            f"debootstrap failed with status {process.returncode}",
            f"{log} says why; the machine must reach a Debian package mirror",
        )


def _mirror() -> list[str]:
    """The mirror that this host's apt uses for the same suite, else debootstrap's own default."""
    listed = completed(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(CODENAME) $(COMPONENT) $(REPO_URI)",
            "Created-By: Packages",
        ]
    ).stdout
    for line in listed.splitlines():
        codename, component, uri = (*line.split(maxsplit=2), "", "", "")[:3]
        plain = uri.startswith(("http://", "https://", "file:/"))
        if (codename, component) == (SUITE, "main") and plain:
            return [uri]
    return []
