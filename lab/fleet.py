"""The lab as a whole: up, down, status, and what can be done to single routers of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from inventory.errors import LvsfleetError
from lab import cgroup, describe, disk, host, keys, lock, machine, record, rootfs, status
from lab.container import Container
from lab.network import NAMESPACES, Network
from lab.process import ENVIRONMENT, completed
from lab.status import RouterStatus
from lab.topology import USUAL_KINDS, Kind, Names, Router, Topology, topology

Reporter = Callable[[str], None]
T = TypeVar("T")
R = TypeVar("R")

DEFAULT_ROUTERS = 6
SETTLE_SECONDS = 90.0
_AT_ONCE = 8


def silent(_line: str) -> None:
    """A reporter that drops every line."""


class Lab:
    """Lab ``number`` of this machine; several run side by side.

    The object remembers nothing: what exists is asked of the kernel and of the lab's folder, so
    any process can go on where another one stopped.

    Args:
        number: 0 to 29.

    Raises:
        LvsfleetError: there is no such number.
    """

    def __init__(self, number: int = 0) -> None:
        self.names: Names = topology(number, 1).names

    @property
    def topology(self) -> Topology:
        """The routers that the last ``up`` was asked for.

        Raises:
            LvsfleetError: the lab is not up, or the caller is not root.
        """
        host.check_root()  # nobody else sees whether it is up
        recorded = record.read(self.names)
        if recorded is None:
            start = record.command(self.names, "up")
            raise LvsfleetError(f"lab {self.names.number} is not up", f"Start it: {start}")
        return recorded

    @property
    def ssh_config(self) -> Path:
        """With ``ssh -F`` this file, the routers' names are enough."""
        return self.names.state / "ssh_config"

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
            kinds: what its clusters filter with, in turn; the three usual ones unless given.
            inventory: folder to write the lab's inventory to; None writes none.
            reporter: is given a line per step.

        Raises:
            LvsfleetError: the machine lacks something, the lab is up with other routers, a router
                did not boot, or a cluster has no single MASTER.
        """
        wanted = topology(self.names.number, routers, kinds or USUAL_KINDS)
        host.check()
        if any(site.kind.own_kernel for site in wanted.sites):
            machine.check()
        host.make_room()
        rootfs.ensure(reporter)
        with lock.held(self.names) as held:
            record.write(wanted)
            if inventory is not None:
                describe.write(wanted, inventory)
            keys.client_key(self.names.state)
            keys.write_client_files(wanted)
            network = Network(self.names, held)
            network.raise_base(wanted.sites)
            missing = [router for router in wanted.routers if not self._container(router).running()]
            if missing:
                reporter(f"lab {wanted.number}: booting {len(missing)} routers")
            self._boot(missing, network, held)
        self.settle()
        reporter(f"lab {wanted.number}: {len(wanted.routers)} routers are up")

    def down(self, *, reporter: Reporter = silent) -> None:
        """Take everything of the lab away, also what an interrupted ``up`` left; repeatable.

        Raises:
            LvsfleetError: something does not go.
        """
        host.check_root()
        with lock.held(self.names) as held:
            cgroup.kill(cgroup.root() / self.names.base)
            Network(self.names, held).raze()
            record.discard(self.names)
        reporter(f"lab {self.names.number}: gone")

    def status(self) -> list[RouterStatus]:
        """How each router is; empty when the lab is not up.

        Raises:
            LvsfleetError: the caller is not root.
        """
        host.check_root()
        recorded = record.read(self.names)
        routers = recorded.routers if recorded else ()
        return _each(lambda router: status.of(router, self.names), routers)

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
        """The host's command that runs ``argv`` on a router or a client, to run it elsewhere.

        Raises:
            LvsfleetError: there is no such place, or it does not run.
        """
        lab = self.topology
        clean = ["env", "-i", *(f"{name}={value}" for name, value in ENVIRONMENT.items())]
        clean += [f"TERM={os.environ.get('TERM', 'dumb')}", *argv]
        if where in {site.client for site in lab.sites}:
            return ["nsenter", f"--net={NAMESPACES / self.names.of(where)}", "--", *clean]
        return self._container(self.router(where)).entry(clean)

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

    def start(self, *names: str) -> None:
        """Boot routers that are stopped, and wait until they have booted."""
        routers = [self.router(name) for name in names]
        with lock.held(self.names) as held:
            stopped = [router for router in routers if not self._container(router).running()]
            self._boot(stopped, Network(self.names, held), held)

    def stop(self, *names: str) -> None:
        """End routers at once, as a power cut does; their disks stay."""
        routers = [self.router(name) for name in names]
        with lock.held(self.names) as held:
            self._halt(routers, Network(self.names, held))

    def reboot(self, *names: str) -> None:
        """Stop and start routers: runtime rules are gone, what was saved comes back."""
        routers = [self.router(name) for name in names]
        with lock.held(self.names) as held:
            network = Network(self.names, held)
            self._halt(routers, network)
            self._boot(routers, network, held)

    def reset(self, *names: str) -> None:
        """Give routers a fresh disk, as ``up`` made it, and boot them."""
        routers = [self.router(name) for name in names]
        with lock.held(self.names) as held:
            network = Network(self.names, held)
            self._halt(routers, network)
            for router in routers:
                disk.remove(self._container(router).folder)
            self._boot(routers, network, held)

    def settle(self, *clusters: str, seconds: float = SETTLE_SECONDS) -> None:
        """Wait until clusters (all unless named) have exactly one MASTER each, and keep it.

        Raises:
            LvsfleetError: some cluster has not after so many seconds.
        """
        lab = self.topology
        pairs = [
            [router for router in lab.routers if router.site == site]
            for site in lab.sites
            if not clusters or site.name in clusters
        ]
        _each(lambda pair: status.settle(pair, self.names, seconds), pairs)

    def _container(self, router: Router) -> Container:
        return Container(router, self.names)

    def _halt(self, routers: Iterable[Router], network: Network) -> None:
        def end(router: Router) -> None:
            self._container(router).stop()
            network.unplug(router)

        _each(end, routers)

    def _boot(self, routers: Sequence[Router], network: Network, held: int) -> None:
        """Start routers and wait until all have booted; the lab's lock is held."""
        state, image = self.names.state, rootfs.ensure(silent)

        def start(router: Router) -> None:
            container = self._container(router)
            disk.make(container.folder, router, image, keys.router_files(state, router))
            network.plug(router)
            container.start(held)

        _each(start, routers)
        _each(lambda router: self._container(router).wait(), routers)


def _each(do: Callable[[T], R], things: Iterable[T]) -> list[R]:
    """Do it to each, several at once; the first error is raised when all have ended."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(do, things))
