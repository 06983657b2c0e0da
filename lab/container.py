"""One router as a container: started, found again, entered and ended by its cgroup alone."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from inventory.errors import LvsfleetError
from lab import cgroup, machine
from lab.network import NAMESPACES, answers_ssh
from lab.process import ENVIRONMENT, completed
from lab.topology import Names, Router

BOOT_SECONDS = 240.0
"""A container takes 1 s and a machine 10, and many times that where others keep all cores busy."""
_GREETING_SECONDS = 10.0
_POLL_SECONDS = 0.02
_LAUNCH = Path(__file__).parent / "router" / "launch.sh"


@dataclass(frozen=True, slots=True)
class Container:
    """A router's container; the value holds no state, all of it is the kernel's.

    Attributes:
        router: which router it is.
        names: what its lab's things are called.
    """

    router: Router
    names: Names

    @property
    def folder(self) -> Path:
        """Its disk: ``upper`` is what it has written."""
        return self.names.state / "routers" / self.router.name

    @property
    def cgroup(self) -> Path:
        """The control group of all its processes."""
        return cgroup.root() / self.names.base / self.router.name

    def running(self) -> bool:
        """Whether any process of it lives."""
        return cgroup.populated(self.cgroup)

    def init(self) -> int | None:
        """The host's pid of its PID 1, or None when it does not run."""
        for group in (self.cgroup / "init.scope", self.cgroup):
            for pid in cgroup.members(group):
                if _pid_inside(pid) == 1:
                    return pid
        return None

    def start(self, lock: int) -> None:
        """Boot it, and return when it has joined its cgroup; it then boots by itself.

        Args:
            lock: descriptor of the lab's lock, held by the new process until it can be found.

        Raises:
            LvsfleetError: it could not be launched.
        """
        self.cgroup.mkdir(parents=True, exist_ok=True)
        namespace = NAMESPACES / self.names.of(self.router.name)
        boots = "machine.sh" if self.router.site.kind.own_kernel else "boot.sh"
        with (self.folder / "boot.log").open("wb") as log:
            launched = subprocess.run(
                ["/bin/sh", _LAUNCH, self.cgroup, namespace, self.folder, boots],
                stdin=lock,
                stdout=log,
                stderr=log,
                check=False,
                env=dict(ENVIRONMENT),
                cwd="/",
            )
        if launched.returncode:
            raise self._failed("could not be launched")

    def wait(self, seconds: float = BOOT_SECONDS) -> str:
        """Wait until sshd answers and systemd has started everything.

        Returns:
            What ``systemctl is-system-running`` says: ``running``, or ``degraded`` when a unit
            failed.

        Raises:
            LvsfleetError: it ended, or took longer than so many seconds.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.running():
                raise self._failed("ended while it booted")
            if answers_ssh(self.router.management, _GREETING_SECONDS):
                break
            time.sleep(_POLL_SECONDS)
        while time.monotonic() < deadline:
            state = self.system_state(wait=True)
            if state in {"running", "degraded"}:
                return state
            if not self.running():
                raise self._failed("ended while it booted")
            time.sleep(_POLL_SECONDS)
        raise self._failed(f"did not boot within {seconds:.0f} s")

    def system_state(self, *, wait: bool = False) -> str:
        """What ``systemctl is-system-running`` says now, or once it has booted; else empty."""
        argv = ["systemctl", "is-system-running", *(["--wait"] if wait else [])]
        inside = self._inside(argv)
        return completed(inside).stdout.strip() if inside else ""

    def stop(self) -> None:
        """End it at once, as a power cut does; fine when it does not run."""
        cgroup.kill(self.cgroup)

    def entry(self, argv: Sequence[str]) -> list[str]:
        """The command that runs ``argv`` inside, as root in /.

        Raises:
            LvsfleetError: it does not run.
        """
        inside = self._inside(argv)
        if inside is None:
            raise LvsfleetError(
                f"{self.router.name} does not run",
                f"start it with: lvsfleet lab up --lab {self.names.number}",
            )
        return inside

    def _inside(self, argv: Sequence[str]) -> list[str] | None:
        """The command that runs ``argv`` inside; None where it does not run."""
        if self.router.site.kind.own_kernel:
            running = self.running()
            return machine.enter(self.names, self.router, self.cgroup, argv) if running else None
        init = self.init()
        return _enter(init, argv) if init else None

    def _failed(self, what: str) -> LvsfleetError:
        log = self.folder / "boot.log"
        said = log.read_text(errors="replace").strip() if log.exists() else ""
        return LvsfleetError(f"{self.router.name} {what}", said.splitlines()[-1] if said else "")


def _enter(init: int, argv: Sequence[str]) -> list[str]:
    where = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
    return ["nsenter", f"--target={init}", *where, "--", *argv]


def _pid_inside(pid: int) -> int | None:
    """The pid that a process has in its own pid namespace (``NSpid`` of proc(5))."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("NSpid:"):
            inner = line.split()[1:]
            return int(inner[-1]) if len(inner) > 1 else None
    return None
