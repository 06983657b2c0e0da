"""The lab as a whole: up, down, status, and what can be done to one router of it."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from inventory.errors import LvsfleetError
from lab import cgroup, describe, disk, keys, lock, preflight, rootfs
from lab.container import Container
from lab.network import NAMESPACES, Network, addresses, answers_ssh
from lab.process import completed
from lab.topology import ALL_KINDS, Kind, Names, Router, Topology, topology

Reporter = Callable[[str], None]

T = TypeVar("T")
R = TypeVar("R")

DEFAULT_ROUTERS = 6
SETTLE_SECONDS = 30.0
_AT_ONCE = 8


def silent(_line: str) -> None:
    """A reporter that drops every line."""


class Role(StrEnum):
    """What VRRP made of a router, judged by the VIPs it holds."""

    MASTER = "MASTER"
    BACKUP = "BACKUP"
    PARTLY = "PARTLY"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True)
class RouterStatus:
    """How one router is, asked of the kernel and of its sshd.

    Attributes:
        router: its name.
        cluster: its cluster's name.
        kind: what it filters with.
        address: where its sshd listens.
        running: whether its container runs.
        ssh: whether an SSH server greets.
        role: MASTER holds all VIPs of the site, BACKUP none.
    """

    router: str
    cluster: str
    kind: Kind
    address: str
    running: bool
    ssh: bool
    role: Role


class Lab:
    """Lab ``number`` of this machine; several run side by side.

    The object remembers nothing: what exists is asked of the kernel and of the lab's folder, so
    any process can go on where another one stopped.

    Args:
        number: 0 to 9.

    Raises:
        LvsfleetError: there is no such number.
    """

    def __init__(self, number: int = 0) -> None:
        topology(number, 1)
        self.names = Names(number)

    @property
    def topology(self) -> Topology:
        """The routers that the last ``up`` was asked for.

        Raises:
            LvsfleetError: the lab is not up.
        """
        laid_out = self._laid_out()
        if laid_out is None:
            raise LvsfleetError(f"lab {self.names.number} is not up", f"{self._command('up')}")
        return laid_out

    def up(
        self,
        routers: int = DEFAULT_ROUTERS,
        *,
        kinds: Sequence[Kind] | None = None,
        inventory: Path | None = None,
        reporter: Reporter = silent,
    ) -> None:
        """Bring the lab up, or what is missing of it; routers that run are left alone.

        Args:
            routers: how many; a lab that is up can grow.
            kinds: what its clusters filter with, in turn; all three kinds unless given.
            inventory: folder to write the lab's inventory to; None writes none.
            reporter: is given a line per step.

        Raises:
            LvsfleetError: the machine lacks something, the lab is up with other routers, or a
                router did not boot.
        """
        wanted = topology(self.names.number, routers, kinds or ALL_KINDS)
        preflight.check()
        image = rootfs.ensure(reporter)
        with lock.held(self.names) as held:
            self._lay_out(wanted)
            if inventory is not None:
                describe.write(wanted, inventory)
            keys.client_key(self.names.state)
            keys.write_client_files(wanted)
            network = Network(self.names, held)
            network.raise_base(wanted.sites)
            missing = [
                container
                for container in map(self._container, wanted.routers)
                if not container.running()
            ]
            if missing:
                reporter(f"lab {self.names.number}: booting {len(missing)} routers")

            def boot(container: Container) -> None:
                self._start(container, image, network, held)

            _each(boot, missing)
            states = _each(Container.wait, map(self._container, wanted.routers))
            for router, state in zip(wanted.routers, states, strict=True):
                if state != "running":
                    reporter(f"{router.name}: systemd says {state}")
        self.settle()
        reporter(f"lab {self.names.number}: {len(wanted.routers)} routers are up")

    def down(self, *, reporter: Reporter = silent) -> None:
        """Take everything of the lab away, also what an interrupted ``up`` left; repeatable.

        Raises:
            LvsfleetError: something does not go.
        """
        preflight.check_root()
        with lock.held(self.names) as held:
            group = cgroup.root() / self.names.base
            cgroup.kill(group)
            Network(self.names, held).raze()
            if self.names.state.exists():
                # Without it the lab counts as not up, whenever the removal is interrupted.
                self._record.unlink(missing_ok=True)
                shutil.rmtree(self.names.state)
            with contextlib.suppress(OSError):  # other labs are in it
                self.names.state.parent.rmdir()
        reporter(f"lab {self.names.number}: gone")

    def status(self) -> list[RouterStatus]:
        """How each router is; empty when the lab is not up."""
        laid_out = self._laid_out()
        return _each(self._status, laid_out.routers) if laid_out else []

    def exec(
        self, where: str, argv: Sequence[str], *, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on a router or a client, not over SSH: nothing of lvsfleet is in between.

        Args:
            where: a router's name, or ``client-`` and a site's.
            argv: the program and its arguments; it runs as root in /.
            stdin: its standard input; /dev/null where none is given.
            check: whether a status other than 0 is an error.

        Raises:
            LvsfleetError: there is no such place, it does not run, or the program failed.
        """
        result = completed(self.entry(where, argv), stdin=stdin)
        if check and result.returncode:
            said = (result.stderr or result.stdout).strip()
            raise LvsfleetError(f"{where}: {' '.join(argv)}: status {result.returncode}: {said}")
        return result

    def entry(self, where: str, argv: Sequence[str]) -> list[str]:
        """The host's command that runs ``argv`` on a router or a client.

        Raises:
            LvsfleetError: there is no such place, or it does not run.
        """
        lab = self.topology
        if where in {site.client for site in lab.sites}:
            namespace = NAMESPACES / self.names.of(where)
            return ["nsenter", f"--net={namespace}", "--", *argv]
        return self._container(self.router(where)).entry(argv)

    def router(self, name: str) -> Router:
        """The router of this name.

        Raises:
            LvsfleetError: the lab has none of this name, or is not up.
        """
        lab = self.topology
        for router in lab.routers:
            if router.name == name:
                return router
        have = [router.name for router in lab.routers] + [site.client for site in lab.sites]
        raise LvsfleetError(f"lab {lab.number} has no {name!r}", f"It has {', '.join(have)}")

    def start(self, name: str) -> None:
        """Boot a router that is stopped, and wait until it has booted."""
        container = self._container(self.router(name))
        with lock.held(self.names) as held:
            if not container.running():
                self._start(container, rootfs.ensure(silent), Network(self.names, held), held)
            container.wait()

    def stop(self, name: str) -> None:
        """End a router at once, as a power cut does; its disk stays."""
        router = self.router(name)
        with lock.held(self.names) as held:
            self._container(router).stop()
            Network(self.names, held).unplug(router)

    def reboot(self, name: str) -> None:
        """Stop and start a router: its runtime rules are gone, what it saved comes back."""
        self.stop(name)
        self.start(name)

    def reset(self, name: str) -> None:
        """Give a router a fresh disk, as ``up`` made it, and boot it."""
        self.stop(name)
        with lock.held(self.names):
            disk.remove(self._container(self.router(name)).folder)
        self.start(name)

    def settle(self, seconds: float = SETTLE_SECONDS) -> None:
        """Wait until every cluster has exactly one MASTER, which holds all of its VIPs.

        Clusters with no running router are left out.

        Raises:
            LvsfleetError: some cluster has not after so many seconds.
        """
        deadline = time.monotonic() + seconds
        open_clusters = {site.name: site for site in self.topology.sites}
        while True:
            for name in list(open_clusters):
                roles = [
                    self._role(router)
                    for router in self.topology.routers
                    if router.site.name == name and self._container(router).running()
                ]
                if not roles or sorted(roles) in (["MASTER"], ["BACKUP", "MASTER"]):
                    del open_clusters[name]
            if not open_clusters:
                return
            if time.monotonic() > deadline:
                unsettled = ", ".join(open_clusters)
                raise LvsfleetError(f"no single MASTER after {seconds:.0f} s in {unsettled}")
            time.sleep(0.05)

    def _status(self, router: Router) -> RouterStatus:
        running = self._container(router).running()
        return RouterStatus(
            router=router.name,
            cluster=router.site.name,
            kind=router.site.kind,
            address=str(router.management),
            running=running,
            ssh=running and answers_ssh(router.management, 2.0),
            role=self._role(router) if running else Role.DOWN,
        )

    def _role(self, router: Router) -> Role:
        held = addresses(self.names.of(router.name), "eth1")
        vips = {str(vip) for vip in (*router.site.vips4, *router.site.vips6)}
        if vips <= held:
            return Role.MASTER
        return Role.PARTLY if vips & held else Role.BACKUP

    def _container(self, router: Router) -> Container:
        return Container(router, self.names)

    def _start(self, container: Container, image: Path, network: Network, held: int) -> None:
        router, state = container.router, self.names.state
        disk.make(container.folder, router, image, keys.router_files(state, router))
        network.plug(router)
        container.start(held)

    @property
    def _record(self) -> Path:
        return self.names.state / "lab.json"

    def _laid_out(self) -> Topology | None:
        try:
            record = json.loads(self._record.read_text())
        except FileNotFoundError:
            return None
        kinds = [Kind(kind) for kind in record["kinds"]]
        return topology(self.names.number, record["routers"], kinds)

    def _lay_out(self, wanted: Topology) -> None:
        """Record what the lab is to be; it may grow, and nothing else."""
        present = self._laid_out()
        if present and wanted.routers[: len(present.routers)] != present.routers:
            raise LvsfleetError(
                f"lab {present.number} is up with {len(present.routers)} other routers",
                f"Take it down first: {self._command('down')}",
            )
        self.names.state.mkdir(parents=True, exist_ok=True)
        kinds = list(dict.fromkeys(site.kind.value for site in wanted.sites))
        record = {"routers": len(wanted.routers), "kinds": kinds}
        new = self._record.with_suffix(".new")
        new.write_text(json.dumps(record))
        new.replace(self._record)

    def _command(self, verb: str) -> str:
        number = f" --lab {self.names.number}" if self.names.number else ""
        return f"lvsfleet lab {verb}{number}"


def _each(do: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Do it to each, several at once; the first error is raised when all have ended."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(do, things))
