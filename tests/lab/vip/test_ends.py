"""A vip run that its program does not live to end, and one that is taken back: all ends whole.

All runs of a cluster have one journal; each cluster has a story of its own at the same time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.topology import Kind
from tests.lab.chaos.controller import Controller, wait_for
from tests.lab.chaos.world import each
from tests.lab.rollout.fleet import LVSFLEET, Answer, differences
from tests.lab.vip.cluster import CONF, Cluster
from tests.lab.vip.test_faults import at_work
from tests.lab.vip.watch import watched

Story = Callable[["Told"], None]


class Told:
    """A cluster whose web VIP moves, and the journal of that."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.old, self.new = (str(vip) for vip in (cluster.site.web[0], cluster.site.at(20)[0]))
        self.journal = cluster.folder / "state"
        self.environment = {"XDG_STATE_HOME": str(self.journal)}

    def move(self, *options: str, **more: object) -> Controller:
        words = ("move", "web", self.old, self.new, *options)
        return self.cluster.vip(*words, environment=self.environment, **more)  # type: ignore[arg-type]

    def lvsfleet(self, *words: str) -> Answer:
        """Another command with this inventory and journal."""
        path = {"PATH": os.environ["PATH"], "HOME": str(self.cluster.folder), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [LVSFLEET, *words, "--inventory", self.cluster.inventory],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**path, **self.environment},
            cwd=self.cluster.folder,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    @property
    def run(self) -> str:
        """The newest run that moved a VIP of its own accord."""
        runs = sorted((self.journal / "lvsfleet" / "runs").iterdir(), reverse=True)
        return next(each.name for each in runs if first(each)["command"] == "vip")

    @property
    def unfinished(self) -> list[str]:
        folder = self.journal / "lvsfleet" / "unfinished"
        return sorted(each.name for each in folder.iterdir()) if folder.exists() else []

    def state(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.cluster.state().items()}

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

    def calm(self) -> None:
        wait_for(lambda: not any(at_work(self.cluster).values()), 90, every=0.3)

    def ended(self) -> None:
        """Wait until it has come to its end by itself."""
        wait_for(lambda: not self.unfinished, 90, every=0.2)
        self.calm()


def first(run: Path) -> dict[str, str]:
    with (run / "journal.jsonl").open() as file:
        line: dict[str, str] = json.loads(file.readline())
        return line


def guardians(run: str) -> list[int]:
    """The processes that watch over a run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"runbooks.guardian" in words and run.encode() in words:
            found.append(int(process.name))
    return found


def power_cut(told: Told, first: str, second: str, *options: str) -> None:
    """The controller and who watches over it die when each router is at its point."""
    points = dict(zip(told.cluster.routers, (first, second), strict=True))
    run = told.move(*options, points=points)
    run.there()
    for process in guardians(told.run):
        os.kill(process, signal.SIGKILL)
    run.kill()
    assert not guardians(told.run)


def killed(told: Told, first: str, second: str, *options: str) -> None:
    points = dict(zip(told.cluster.routers, (first, second), strict=True))
    answer = told.move(*options, points=points, action="kill").answer()
    assert answer.code == -9, answer


def killed_before_the_inventory(told: Told) -> None:
    """What watches over it writes the inventory, and ends."""
    killed(told, "after commit", "after commit")
    told.ended()
    told.is_there()
    wait_for(lambda: not guardians(told.run), 20)


def killed_between_the_commits(told: Told) -> None:
    """The other router is confirmed, too, and there is no moment with two MASTERs."""
    site = told.cluster.site
    with watched(told.cluster.fleet.lab, site, (told.old, told.new)) as seen:
        killed(told, "after commit", "before commit")
        told.ended()
        told.is_there()
    assert seen.masters(4).keys() == {1}, seen.masters(4)


def killed_before_any_commit(told: Told) -> None:
    """All is taken back, long before the routers would do so by themselves."""
    before = told.state()
    killed(told, "after follow", "after follow", "--confirm-timeout", "600")
    told.ended()
    assert differences(before, told.state()) == {}


def cut_before_the_inventory(told: Told) -> None:
    """Every command says so; a rollout would undo it, and is refused; resume writes the rest."""
    power_cut(told, "after commit", "after commit")
    told.calm()
    run, routers = told.run, told.cluster.routers
    assert told.unfinished == [run]
    before = told.state()

    said = told.lvsfleet("compliance", "--limit", routers[0])
    rollout = told.lvsfleet("rollout", "--limit", routers[1])
    other = told.lvsfleet(
        "vip", "add", "ftp", str(told.cluster.site.at(22)[0]), "--yes", "--limit", routers[0]
    )

    assert f"lvsfleet resume {run}" in said.stderr
    for refused in (rollout, other):
        assert refused.code == 2, refused
        assert run in refused.stderr
        assert f"lvsfleet rollback {run}" in refused.stderr
    assert differences(before, told.state()) == {}

    resumed = told.lvsfleet("resume", run, "--format", "json")
    assert resumed.code == 0, resumed
    assert set(resumed.statuses.values()) == {"unchanged"}
    assert told.unfinished == []
    told.is_there()
    again = told.lvsfleet("resume", run)
    assert again.code == 0, again
    told.is_there()


def cut_between_the_commits(told: Told) -> None:
    """The other router took it back by itself: it is done anew there."""
    power_cut(told, "after commit", "before commit", "--confirm-timeout", "10")
    told.calm()
    one, other = told.cluster.routers
    assert told.old not in told.cluster.conf(one)
    assert told.new not in told.cluster.conf(other)

    resumed = told.lvsfleet("resume", told.run, "--format", "json")

    assert resumed.code == 0, resumed
    assert resumed.statuses == {one: "unchanged", other: "changed"}
    assert told.unfinished == []
    told.is_there()


def cut_and_taken_back(told: Told) -> None:
    """Of two routers, the one that has it is put back to what it was, to the byte."""
    before = told.state()
    power_cut(told, "after commit", "before commit", "--confirm-timeout", "10")
    told.calm()

    back = told.lvsfleet("rollback", told.run, "--format", "json")

    assert back.code == 0, back
    assert sorted(back.statuses.values()) == ["changed", "unchanged"]
    assert told.unfinished == []
    assert differences(before, told.state()) == {}


def back_and_forth(told: Told) -> None:
    """A rollback is a run of its own; keepalived's files and the inventory are as they were."""
    cluster = told.cluster
    for router in cluster.routers:
        told.sed(router, f"s#{told.old}/.*#&   ! the web, since 2019#")
    before = told.state()
    answer = told.move("--now").answer()
    assert answer.code == 0, answer
    after = told.state()
    run = told.run

    planned = told.lvsfleet("rollback", run, "--dry-run", "--format", "json")
    assert planned.code == 3, planned
    assert differences(after, told.state()) == {}

    back = told.lvsfleet("rollback", run[-4:], "--format", "json")
    assert back.code == 0, back
    assert set(back.statuses.values()) == {"changed"}
    assert differences(before, told.state()) == {}
    assert told.lvsfleet("rollback", run).code == 0
    assert differences(before, told.state()) == {}

    again = json.loads(back.stdout)["run"]
    forth = told.lvsfleet("rollback", again, "--now", "--format", "json")
    assert forth.code == 0, forth
    assert differences(after, told.state()) == {}
    assert told.unfinished == []


def a_removal_comes_back(told: Told) -> None:
    """With the comment beside the VIP, at its old place in both files."""
    cluster = told.cluster
    for router in cluster.routers:
        told.sed(router, f"s#{told.old}/.*#&   ! the web, since 2019#")
    before = told.state()
    words = ("remove", "web", told.old, "--now")
    removed = cluster.vip(*words, environment=told.environment).answer()
    assert removed.code == 0, removed
    assert told.old not in cluster.said()

    back = told.lvsfleet("rollback", told.run, "--now", "--format", "json")

    assert back.code == 0, back
    assert differences(before, told.state()) == {}


def changed_since(told: Told) -> None:
    """What a colleague wrote elsewhere stays; at that very place it is refused, unless forced."""
    one, other = told.cluster.routers
    assert told.move("--now").answer().code == 0
    run = told.run
    told.sed(one, "1s/^/! mine\\n/")
    told.sed(other, f"s#{told.new}/.*#& ! mine too#")
    before = told.state()

    refused = told.lvsfleet("rollback", run, "--format", "json")

    assert refused.code == 1, refused
    assert "! mine too" in refused.error(other)[1]
    assert differences(before, told.state()) == {}

    forced = told.lvsfleet("rollback", run, "--force", "--now", "--format", "json")
    assert forced.code == 0, forced
    assert told.cluster.conf(one).startswith("! mine\n")
    for router in told.cluster.routers:
        assert told.new not in told.cluster.conf(router)
        assert f"{told.old}/" in told.cluster.conf(router)
    assert told.old in told.cluster.said()
    assert told.new not in told.cluster.said()


STORIES: dict[str, dict[Kind, Story]] = {
    "killed": {
        Kind.FIREWALLD: killed_before_the_inventory,
        Kind.IPTABLES_DEBIAN: killed_between_the_commits,
        Kind.IPTABLES_RHEL: killed_before_any_commit,
    },
    "cut": {
        Kind.FIREWALLD: cut_before_the_inventory,
        Kind.IPTABLES_DEBIAN: cut_between_the_commits,
        Kind.IPTABLES_RHEL: cut_and_taken_back,
    },
    "rolled back": {
        Kind.FIREWALLD: changed_since,
        Kind.IPTABLES_DEBIAN: a_removal_comes_back,
        Kind.IPTABLES_RHEL: back_and_forth,
    },
}


@pytest.mark.parametrize("name", STORIES)
def test_it_ends_whole(usual: dict[Kind, Cluster], name: str) -> None:
    def tell(kind: Kind) -> None:
        told = Told(usual[kind])
        STORIES[name][kind](told)
        if told.new in told.cluster.said():  # for the next story
            answer = told.lvsfleet("vip", "move", "web", told.new, told.old, "--yes", "--now")
            assert answer.code == 0, answer

    each(tell, STORIES[name])
