"""A cluster, the journal of all its runs, and controllers that do not live to the end of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

from tests.lab.chaos.controller import Controller, wait_for
from tests.lab.rollout.fleet import LVSFLEET, Answer
from tests.lab.vip.cluster import CONF, SECONDS, Cluster

Words = tuple[str, ...]
OWN = ("vip", "drain", "undrain")
"""What a run is called that somebody asked for, and that is about no other run."""


class Told:
    """A cluster whose web VIP moves, and the journal of that."""

    def __init__(self, cluster: Cluster, inventory: Path | None = None) -> None:
        self.cluster = cluster
        self.inventory = inventory or cluster.inventory
        self.old, self.new = (str(vip) for vip in (cluster.site.web[0], cluster.site.at(20)[0]))
        self.journal = cluster.folder / "state"
        self.environment = {"XDG_STATE_HOME": str(self.journal)}

    def vip(self, *words: str, **more: object) -> Controller:
        """Start ``vip …``."""
        return self.cluster.vip(*words, environment=self.environment, **more)  # type: ignore[arg-type]

    @property
    def moving(self) -> Words:
        """The words that move the web's VIP."""
        return ("move", "web", self.old, self.new)

    def move(self, *options: str, **more: object) -> Controller:
        """Start it for the web's VIP."""
        return self.vip(*self.moving, *options, **more)

    def lvsfleet(self, *words: str) -> Answer:
        """Another command with this inventory and journal."""
        path = {"PATH": os.environ["PATH"], "HOME": str(self.cluster.folder), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [LVSFLEET, *words, "--inventory", self.inventory],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env={**path, **self.environment},
            cwd=self.cluster.folder,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    @property
    def run(self) -> str:
        """The newest run that changed a VIP of its own accord."""
        runs = sorted((self.journal / "lvsfleet" / "runs").iterdir(), reverse=True)
        return next(each.name for each in runs if first(each)["command"] in OWN)

    @property
    def unfinished(self) -> list[str]:
        folder = self.journal / "lvsfleet" / "unfinished"
        return sorted(each.name for each in folder.iterdir()) if folder.exists() else []

    def sed(self, router: str, script: str) -> None:
        """Somebody writes to keepalived.conf."""
        self.cluster.fleet.lab.exec(router, ["sed", "-i", script, CONF])

    def is_there(self) -> None:
        """Both routers and the inventory have the new VIP and not the old one, and one holds it."""
        cluster = self.cluster
        for router in cluster.routers:
            filters = cluster.fleet.sh(
                router, "iptables-save; nft list ruleset; cat /etc/firewalld/zones/public.xml; :"
            )
            for text in (cluster.conf(router), filters):
                assert f"{self.new}" in text, router
                assert f"{self.old}/" not in text.replace(f'{self.old}"', f"{self.old}/"), router
        held = [cluster.held(router) for router in cluster.routers]
        assert sum(self.new in each for each in held) == 1
        assert not any(self.old in each for each in held)
        assert self.new in cluster.said()
        assert f"{self.old}\n" not in cluster.said()

    def ended(self) -> None:
        """Wait until it has come to its end by itself."""
        wait_for(lambda: not self.unfinished, SECONDS, every=0.2)
        self.cluster.calm()


def first(run: Path) -> dict[str, str]:
    with (run / "journal.jsonl").open() as file:
        line: dict[str, str] = json.loads(file.readline())
        return line


def power_cut(told: Told, first: str, second: str, *options: str, words: Words = ()) -> None:
    """The controller and who watches over it die when each router is at its point.

    Args:
        told: the cluster.
        first: the point of its first router.
        second: of the other one.
        options: of the command.
        words: the command after ``vip``; nothing is the move.
    """
    points = dict(zip(told.cluster.routers, (first, second), strict=True))
    run = told.vip(*(words or told.moving), *options, points=points)
    run.there()
    for process in told.cluster.guardians():
        os.kill(process, signal.SIGKILL)
    run.kill()
    wait_for(lambda: not told.cluster.guardians(), SECONDS)


def killed(told: Told, first: str, second: str, *options: str, words: Words = ()) -> None:
    """Only the controller is; its arguments are those of `power_cut`."""
    points = dict(zip(told.cluster.routers, (first, second), strict=True))
    answer = told.vip(*(words or told.moving), *options, points=points, action="kill").answer()
    assert answer.code == -9, answer
