"""One cluster, an inventory of its own that lvsfleet edits, and all that a move could touch."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.fleet import Lab
from lab.network import addresses
from lab.topology import Site
from tests.lab.chaos.controller import Controller
from tests.lab.fleet.runs import contents
from tests.lab.rollout.fleet import Answer, Fleet
from tests.lab.rollout.traffic import wait_for_masters

CONF = "/etc/keepalived/keepalived.conf"
SAID = "groups.yaml"
"""The file of the lab's inventory that says a cluster's services."""


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

    def state(self) -> dict[str, str]:
        """All that a move could touch, on both routers and in the inventory."""
        found = {"inventory": self.said()}
        for router in self.routers:
            found |= {f"{router} {k}": v for k, v in contents(self.fleet, router).items()}
            found[f"{router} addresses"] = "\n".join(sorted(self.held(router)))
            found[f"{router} keepalived"] = self.daemon(router)
        return found


def clusters(lab: Lab, folder: Path) -> list[Cluster]:
    """All of a lab's, as after a rollout of its inventory.

    They advertise once a second, as keepalived does unless it is told otherwise: what counts in
    thirds of three such intervals is not for a machine that boots ten routers on two cores.
    """
    fleet = Fleet(lab, folder / "all" / "inventory")
    fleet.folder.parent.mkdir(parents=True)
    slower = f"sed -i 's/advert_int 0.5/advert_int 1/' {CONF} && systemctl restart keepalived"
    for router in lab.topology.routers:
        fleet.sh(router.name, slower)
    wait_for_masters(lab, *(each.name for each in lab.topology.routers if not each.place))
    answer = fleet.rollout(options=("--now", "--confirm-timeout", "60"))
    assert answer.code == 0, answer
    found = [Cluster(fleet, site, folder / site.name) for site in lab.topology.sites]
    for each in found:
        each.folder.mkdir()
        shutil.copytree(fleet.folder, each.inventory)
    return found
