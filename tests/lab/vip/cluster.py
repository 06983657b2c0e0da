"""One cluster, an inventory of its own that lvsfleet edits, and all that a move could touch."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lab.fleet import Lab
from lab.network import addresses
from lab.topology import Site
from tests.lab.chaos.controller import Controller, wait_for
from tests.lab.chaos.world import each
from tests.lab.fleet.runs import contents
from tests.lab.rollout.fleet import Answer, Fleet, differences

CONF = "/etc/keepalived/keepalived.conf"
SAID = "groups.yaml"
"""The file of the lab's inventory that says a cluster's services."""
ADVERT = 3
"""Seconds between two adverts of a MASTER."""
SECONDS = 150.0
"""Nothing that a router, or who watches over a run, does by itself takes longer."""

_AT_WORK = """ls /var/lib/lvsfleet/runs/*/armed /var/lib/lvsfleet/runs/*/claimed \\
    /var/lib/lvsfleet/runs/*/reverting /run/lvsfleet.lock 2>/dev/null
systemctl list-units --all --no-legend 'lvsfleet-[0-9]*' || echo 'systemd does not answer'"""
_FIRE = """for timer in $(systemctl list-units --plain --no-legend 'lvsfleet-[0-9]*.timer' |
        cut -d ' ' -f 1); do
    systemctl start --no-block "${timer%.timer}.service" && echo yes
done"""


@dataclass(eq=False)
class Cluster:
    """Two routers and what is said of them.

    Attributes:
        fleet: the lab's routers, whose inventory is not used.
        site: the cluster's.
        folder: its inventory's, and its controllers' homes.
    """

    fleet: Fleet
    site: Site
    folder: Path
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory"

    @property
    def routers(self) -> tuple[str, ...]:
        return tuple(r.name for r in self.fleet.lab.topology.routers if r.site == self.site)

    def vip(
        self,
        *words: str,
        points: Mapping[str, str] | None = None,
        action: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Controller:
        """Start ``vip …``; it can be stopped at points, see `Controller`."""
        return Controller(
            self.inventory,
            self.folder / f"home{next(self._numbers)}",
            ("--yes", *words[1:]),
            points=points or {},
            action=action,
            environment=environment or {},
            command=("vip", words[0]),
        )

    def done(self, *words: str) -> Answer:
        """The same, to its end, which is a good one."""
        answer = self.vip(*words).answer()
        assert answer.code == 0, answer
        return answer

    def said(self) -> str:
        """The inventory's words."""
        return (self.inventory / SAID).read_text()

    def conf(self, router: str) -> str:
        """A router's keepalived.conf."""
        return self.fleet.read(router, CONF)

    def daemon(self, router: str) -> str:
        """Which process of keepalived runs, and since when."""
        return self.fleet.sh(router, "systemctl show -P MainPID -P InvocationID keepalived")

    def held(self, router: str) -> frozenset[str]:
        """The addresses that a router has."""
        return addresses(self.fleet.lab.topology.names.of(router), "eth1")

    def at_work(self) -> dict[str, str]:
        """By router, what of a run still waits there; systemd forgets a timer a moment later."""
        found = {name: self.fleet.sh(name, _AT_WORK) for name in self.routers}
        return {name: what for name, what in found.items() if what}

    def guardians(self) -> list[int]:
        """The processes that watch over its runs: each is where its program was started."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                where = (process / "cwd").resolve()
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:  # it has ended
                continue
            if b"runbooks.guardian" in words and where.is_relative_to(self.folder):
                found.append(int(process.name))
        return found

    def calm(self) -> None:
        """Wait until nothing of a run waits there any more, nor watches over one."""
        with suppress(AssertionError):
            wait_for(lambda: not (self.guardians() or self.at_work()), SECONDS, every=0.3)
        assert (self.guardians(), self.at_work()) == ([], {})

    def timers_fire(self) -> list[str]:
        """What the timers of routers that are left alone do in the end, they do now; whose."""
        fired = each(lambda name: self.fleet.sh(name, _FIRE), self.routers)
        return [name for name, yes in zip(self.routers, fired, strict=True) if yes]

    def state(self) -> dict[str, str]:
        """All that a move could touch, on both routers and in the inventory, once it is calm.

        Left out are units that do nothing: systemd remembers the names of some that are gone.
        """
        self.calm()
        found = {"inventory": self.said()}
        for router in self.routers:
            parts = contents(self.fleet, router)
            units = [line for line in parts["timers"].splitlines() if " inactive dead " not in line]
            parts["timers"] = "\n".join(units)
            found |= {f"{router} {name}": text for name, text in parts.items()}
            found[_addresses(router)] = "\n".join(sorted(self.held(router)))
            found[f"{router} keepalived"] = self.daemon(router)
        return found

    def is_as(self, before: Mapping[str, str]) -> None:
        """All is as it was.

        A router that takes a change back is done when keepalived was told to read its files; that
        lets an address go, or takes it up, a moment later.
        """

        def holds(router: str) -> bool:
            return "\n".join(sorted(self.held(router))) == before[_addresses(router)]

        with suppress(AssertionError):
            wait_for(lambda: all(map(holds, self.routers)), SECONDS, every=0.1)
        found = differences(before, self.state())
        assert found == {}, found


def _addresses(router: str) -> str:
    return f"{router} addresses"


def clusters(lab: Lab, folder: Path) -> list[Cluster]:
    """All of a lab's, as after a rollout of its inventory.

    They advertise every three seconds: what counts in thirds of three such intervals, as how long a
    router may list other VIPs than the other one, is else too short for a machine that is busy with
    others, and has ten routers on two cores.
    """
    fleet = Fleet(lab, folder / "all" / "inventory")
    fleet.folder.parent.mkdir(parents=True)
    # With --now it is 5 s: in an emergency nobody waits for a busy router's login for longer.
    fleet.defaults["connection_options"]["lvsfleet"]["extras"]["connect_timeout"] = 15
    slower = f"sed -i 's/advert_int 0.5/advert_int {ADVERT}/' {CONF} && systemctl reload keepalived"
    each(lambda router: fleet.sh(router.name, slower), lab.topology.routers)
    lab.settle(seconds=SECONDS)
    answer = fleet.rollout(options=("--now", "--confirm-timeout", "60"))
    assert answer.code == 0, answer
    lab.settle(seconds=SECONDS)
    found = [Cluster(fleet, site, folder / site.name) for site in lab.topology.sites]
    for cluster in found:
        cluster.folder.mkdir()
        shutil.copytree(fleet.folder, cluster.inventory)
    return found
