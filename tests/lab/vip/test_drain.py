"""VIPs that drain, on every kind of router: new connections are not marked, and refused as asked.

One that exists lives on, and is counted; a rollout and a boot leave it so. The kernel here has no
IPVS: connections are the router's own, which the refusal lets live by their first packet.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab.packets import Probe, send
from lab.topology import Kind
from tests.lab.chaos.controller import Controller, wait_for
from tests.lab.chaos.world import each
from tests.lab.rollout.fleet import firewalld_answers
from tests.lab.vip.cluster import SECONDS, Cluster
from tests.lab.vip.test_moves import KINDS
from tests.lab.vip.told import Told

PORT = 80
_LISTEN = """
import socket, threading
listener = socket.create_server(("", 80))
print("listens", flush=True)
def echo(peer):
    while data := peer.recv(100):
        peer.sendall(data)
while True:
    threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()
"""
_TALK = """
import socket, sys
peer = socket.create_connection((sys.argv[1], 80), 60)
for line in sys.stdin:
    peer.sendall(line.encode())
    print(peer.recv(100).decode().strip(), flush=True)
"""


@dataclass
class Story:
    """What was done to a cluster's first web VIP, and what was seen.

    Attributes:
        cluster: which.
        sent: what new connections came to, by what it drained with.
        marks: of new connections to it, by the same.
        lives: the old connection was still answered, by the same.
        counted: what was told of live connections while it lived, and after.
        planned: what a rollout would change while it drained.
        listed: the table of the VIPs, then.
        booted: what a router that was rebooted refuses; its marks for the VIP.
        said: the inventory's words before, while it drained, after.
        left: what was left of it all on the routers.
    """

    cluster: Cluster
    sent: dict[str, Mapping[str, int]] = field(default_factory=dict)
    marks: dict[str, set[int]] = field(default_factory=dict)
    lives: dict[str, bool] = field(default_factory=dict)
    counted: list[Any] = field(default_factory=list)
    planned: dict[str, str] = field(default_factory=dict)
    listed: str = ""
    booted: str = ""
    said: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


class Talk:
    """A connection that exists."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def answered(self) -> bool:
        """Whether a word comes back."""
        assert self.process.stdin
        assert self.process.stdout
        try:
            self.process.stdin.write("word\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return False
        return self.process.stdout.readline() == "word\n"


@contextmanager
def python(cluster: Cluster, where: str, text: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A program on a router or a client."""
    name = cluster.fleet.lab.topology.names.of(where)
    argv = ["ip", "netns", "exec", name, "python3", "-I", "-c", text, *words]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def after(process: subprocess.Popen[str], word: str) -> Iterator[None]:
    """When it has said a word."""
    assert process.stdout
    assert process.stdout.readline() == f"{word}\n"
    yield


def tried(cluster: Cluster, story: Story, talk: Talk, what: str) -> None:
    """See what becomes of a new connection, and of the old one."""
    lab, site = cluster.fleet.lab, cluster.site
    vip = site.web[0]
    master = next(name for name in cluster.routers if str(vip) in cluster.held(name))
    with Probe(lab, master) as probe:
        story.sent[what] = send(lab, site.name, vip, PORT)

        def came() -> set[int]:
            flows = probe.read().marked
            return {f.mark for f, n in flows.items() if f.address == vip and n}

        wait_for(came, SECONDS)
        story.marks[what] = came()
    story.lives[what] = talk.answered()


def story_of(cluster: Cluster) -> Story:
    story, vip = Story(cluster), str(cluster.site.web[0])
    master = next(name for name in cluster.routers if vip in cluster.held(name))
    backup = next(name for name in cluster.routers if name != master)
    story.said.append(cluster.said())
    with (
        python(cluster, master, _LISTEN) as listener,
        after(listener, "listens"),
        python(cluster, f"client-{cluster.site.name}", _TALK, vip) as client,
    ):
        talk = Talk(client)
        assert talk.answered()
        tried(cluster, story, talk, "before")
        for how in ("pass", "reject", "drop"):
            options = () if how == "pass" else (f"--{how}",)
            wait = "2" if how == "drop" else "0"
            answer = cluster.done("drain", "web", vip, "--now", "--wait", wait, *options)
            story.counted.append(json.loads(answer.stdout).get("live"))
            tried(cluster, story, talk, how)
        story.said.append(cluster.said())
        story.planned = rollout(cluster)
        answer = Told(cluster).lvsfleet("vip", "list", "--filter", f"cluster={cluster.site.name}")
        assert answer.code == 0, answer
        story.listed = answer.stdout
        client.kill()
    cluster.fleet.lab.reboot(backup)
    if cluster.fleet.has_firewalld(backup):
        wait_for(lambda: firewalld_answers(cluster.fleet.lab, backup), SECONDS)
    story.booted = cluster.fleet.sh(backup, REFUSED) + marks(cluster, backup, vip)
    cluster.done("undrain", "web", vip, "--now")
    story.said.append(cluster.said())
    with Probe(cluster.fleet.lab, master) as probe:
        send(cluster.fleet.lab, cluster.site.name, vip, PORT)
        wait_for(lambda: any(str(f.address) == vip for f in probe.read().marked), SECONDS)
        flows = probe.read().marked
        story.marks["after"] = {f.mark for f, n in flows.items() if str(f.address) == vip and n}
    for name in cluster.routers:
        story.left[name] = cluster.fleet.sh(name, LEFT)
    return story


def rollout(cluster: Cluster) -> dict[str, str]:
    """How a rollout of the inventory would leave the routers."""
    options = ("--dry-run", "--filter", f"cluster={cluster.site.name}")
    home = cluster.folder / "home-rollout"
    run = Controller(cluster.inventory, home, options, points={}, action="", environment={})
    return run.answer().statuses


REFUSED = "nft list set inet lvsfleet_drain drop4 | tr -d '\\n\\t'"
LEFT = (
    "nft list tables | grep drain; ls /etc/lvsfleet/drain.nft /etc/systemd/system/*/lvsfleet-drain*"
    " /etc/systemd/system/lvsfleet-drain* 2>/dev/null; true"
)


def marks(cluster: Cluster, router: str, vip: str) -> str:
    """The rules of any packet filter that mark what comes to a VIP."""
    return cluster.fleet.sh(
        router,
        f"{{ nft list ruleset; iptables-legacy-save; }} | grep -F {vip} | grep -i mark; true",
    )


@pytest.fixture(scope="module")
def of_usual(usual: dict[Kind, Cluster]) -> dict[Kind, Story]:
    return dict(zip(usual, each(story_of, usual.values()), strict=True))


@pytest.fixture(scope="module")
def of_others(others: dict[Kind, Cluster]) -> dict[Kind, Story]:
    return dict(zip(others, each(story_of, others.values()), strict=True))


@pytest.fixture(params=KINDS)
def told(request: pytest.FixtureRequest) -> Story:
    others = request.param in (Kind.NFTABLES, Kind.IPTABLES_LEGACY)
    found: dict[Kind, Story] = request.getfixturevalue("of_others" if others else "of_usual")
    return found[request.param]


def test_new_connections_are_not_marked_and_refused_as_asked(told: Story) -> None:
    assert told.marks == {
        "before": {80},
        "pass": {0},
        "reject": {0},
        "drop": {0},
        "after": {80},
    }
    assert {what: next(iter(sent)) for what, sent in told.sent.items()} == {
        "before": "connected",
        "pass": "connected",  # somebody listens on the router itself
        "reject": "refused",
        "drop": "silent",
    }


def test_one_that_exists_lives_on_and_is_counted(told: Story) -> None:
    assert told.lives == dict.fromkeys(("before", "pass", "reject", "drop"), True)
    *none, last = told.counted
    assert none == [None, None]
    assert last["connections"] == 1
    assert last["table"] == "conntrack"
    assert last["router"] in told.cluster.routers


def test_a_rollout_and_a_boot_leave_it_so(told: Story) -> None:
    assert set(told.planned.values()) == {"unchanged"}
    vip = told.cluster.site.web[0]
    assert f"{vip} . tcp . 80" in told.booted
    assert f"{vip} . tcp . 443" in told.booted
    assert "mark set" not in told.booted
    assert "MARK" not in told.booted


def test_the_list_says_how_it_drains(told: Story) -> None:
    titles, *rows = (line.split() for line in told.listed.splitlines())
    assert titles[-1] == "DRAINS"
    site = told.cluster.site
    assert {row[1] for row in rows} == {str(vip) for vip in (*site.vips4, *site.vips6)}
    drain = {row[1]: row[-1] for row in rows if row[-1].isalpha()}
    assert drain == {str(site.web[0]): "drop"}


def test_nothing_is_left_of_it(told: Story) -> None:
    before, drained, after = told.said
    assert after == before
    came = [line for line in drained.splitlines() if line not in before.splitlines()]
    assert [line.strip() for line in came] == [f"draining: {{{told.cluster.site.web[0]}: drop}}"]
    assert set(told.left.values()) == {""}
