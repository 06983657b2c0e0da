"""What a VIP's change makes sure of before it changes anything, and before the old VIP goes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab.packets import send
from lab.topology import Kind
from tests.lab.chaos.controller import ROOT
from tests.lab.chaos.world import each
from tests.lab.rollout.fleet import LVSFLEET, Answer, differences
from tests.lab.vip.cluster import SAID, SECONDS, Cluster
from tests.lab.vip.told import Told
from tests.lab.vip.typed import typed

TABLES = "nft list tables; :"


def tried(cluster: Cluster, *words: str) -> Answer:
    """A change that is not made; nothing of it is left."""
    before = cluster.state()
    answer = cluster.vip(*words).answer()
    assert answer.code == 1, answer
    cluster.is_as(before)
    return answer


def ids(answer: Answer) -> set[str]:
    """Of what was told, of whichever router."""
    return {each["id"] for router in answer.routers.values() for each in router["findings"]}


def listed(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """The cluster's VIPs."""
    folder, site = cluster.inventory, cluster.site.name
    options = ["--format", "json", "--inventory", str(folder), "--filter", f"cluster={site}"]
    done = subprocess.run(
        [str(LVSFLEET), "vip", "list", *options],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
        env={"PATH": os.environ["PATH"], "HOME": str(cluster.folder), "LC_ALL": "C.UTF-8"},
    )
    return {each["vip"]: each for each in json.loads(done.stdout)["vips"]}


ELSEWHERE = """
from nornir.plugins.inventory import SimpleInventory

def Elsewhere(folder):
    names = ("host", "group", "defaults")
    files = {f"{n}_file": f"{folder}/{n.rstrip('s')}s.yaml" for n in names}
    return SimpleInventory(**files)
"""


def elsewhere(told: Told, folder: Path) -> Told:
    """The same cluster, whose inventory comes from a plugin that nobody here can write to."""
    package = folder / "elsewhere-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Name: elsewhere\nVersion: 1\n")
    entry = "[nornir.plugins.inventory]\nElsewhere = elsewhere:Elsewhere\n"
    (package / "entry_points.txt").write_text(entry)
    (folder / "elsewhere.py").write_text(ELSEWHERE)
    options = {"folder": str(told.cluster.inventory)}
    config = {"inventory": {"plugin": "Elsewhere", "options": options}}
    inventory = folder / "inventory"
    inventory.mkdir()
    (inventory / "config.yaml").write_text(json.dumps(config))
    found = Told(told.cluster, inventory)
    found.environment["PYTHONPATH"] = f"{folder}:{ROOT}"
    return found


@pytest.fixture
def fra(usual: dict[Kind, Cluster]) -> Cluster:
    return usual[Kind.IPTABLES_DEBIAN]


def test_an_address_that_somebody_has_is_refused(fra: Cluster) -> None:
    client = str(fra.site.at(200)[0])
    answer = tried(fra, "add", "web", client, "--filter", "cluster=fra")
    for router in fra.routers:
        kind, said = answer.error(router)
        assert kind == "taken"
        assert said.startswith(f"{client} is taken: ")
        # The router asked; it is the client's own address that it heard.
        known = fra.fleet.sh(router, f"ip neigh show {client}")
        assert known.split("lladdr ")[1].split()[0] in said


def test_a_router_s_own_address_of_ipv6_is_refused_too(fra: Cluster) -> None:
    own = str(fra.site.at(102)[1])
    answer = tried(fra, "add", "web", own, "--filter", "cluster=fra")
    for router in fra.routers:
        assert "fra2 has it as an address of its own" in answer.error(router)[1]


def test_an_address_of_another_network_is_refused(fra: Cluster) -> None:
    answer = tried(fra, "add", "web", "203.0.113.77", "--filter", "cluster=fra")
    kind, said = answer.error(fra.routers[0])
    assert kind == "network"
    assert str(fra.site.network4) in said


def test_what_is_sent_and_not_marked_takes_all_of_it_back(usual: dict[Kind, Cluster]) -> None:
    cluster = usual[Kind.IPTABLES_RHEL]
    new = str(cluster.site.at(31)[0])
    for router in cluster.routers:
        # Somebody's table takes the mark away again, where no look at our rules would see it.
        cluster.fleet.sh(
            router,
            "nft add table inet evil; nft add chain inet evil c"
            " '{ type filter hook input priority -250; }'\n"
            f"nft add rule inet evil c ip daddr {new} tcp dport 443 meta mark set 0",
        )
    try:
        here = ("--filter", f"cluster={cluster.site.name}")
        answer = tried(cluster, "add", "web", new, *here, "--probe-from", cluster.routers[1])
        assert (
            f"{new} port 443 comes to {cluster.routers[0]} and does not get the mark 80"
            in (answer.error(cluster.routers[0])[1])
        )
    finally:
        for router in cluster.routers:
            cluster.fleet.sh(router, "nft delete table inet evil")
    for router in cluster.routers:
        assert "lvsfleet-probe" not in cluster.fleet.sh(router, TABLES)


def test_what_is_sent_is_seen_marked_and_nothing_is_left(fra: Cluster) -> None:
    """Without nft, and where nothing works by it, what the rules have counted is seen."""
    new = str(fra.site.at(32)[0])
    here = ("--filter", "cluster=fra", "--probe-from", fra.routers[1])
    answer = fra.done("add", "web", new, *here)
    assert "LVS070" not in ids(answer)
    fra.done("remove", "web", new)
    try:
        fra.fleet.program(fra.routers[0], "nft", "exit 127")
        answer = fra.done("add", "web", new, *here)
        assert "LVS070" not in ids(answer)
        fra.done("remove", "web", new)
    finally:
        fra.fleet.sh(fra.routers[0], "rm /usr/local/sbin/nft")
    for router in fra.routers:
        assert "lvsfleet-probe" not in fra.fleet.sh(router, TABLES)


def test_what_does_not_arrive_is_told_or_fails_where_it_must(fra: Cluster) -> None:
    new = str(fra.site.at(33)[0])
    here = ("--filter", "cluster=fra")
    # fra's clients are on a network that nobody else has a way to; this machine has none either.
    answer = tried(fra, "add", "web", new, *here, "--probe-from", "ams1")
    assert "nothing that ams1 sent to" in answer.error(fra.routers[0])[1]
    assert (
        "it has"
        in tried(fra, "add", "web", new, *here, "--probe-from", fra.routers[0]).error(
            fra.routers[0]
        )[1]
    )
    said = fra.said()
    answer = fra.done("add", "web", new, *here, "--no-inventory")
    assert "LVS070" in ids(answer)
    assert fra.said() == said
    # Now the inventory says less than the routers have: it is written, they are left alone.
    answer = fra.done("add", "web", new, *here, "--no-probe")
    assert answer.statuses == dict.fromkeys(fra.routers, "unchanged")
    assert json.loads(answer.stdout)["inventory"]["status"] == "written"
    assert new in fra.said()
    answer = fra.done("add", "web", new, *here)  # and once more: all of it is so
    assert answer.statuses == dict.fromkeys(fra.routers, "unchanged")
    fra.done("remove", "web", new)


def test_the_list_says_who_holds_a_vip_and_counts_what_came(fra: Cluster) -> None:
    web = str(fra.site.web[0])
    before = listed(fra)
    assert set(before) == {str(vip) for vip in (*fra.site.vips4, *fra.site.vips6)}
    (holder,) = before[web]["held_by"]
    assert web in fra.held(holder)
    assert (before[web]["service"], before[web]["mark"], before[web]["ipvs"]) == ("web", 80, None)
    send(fra.fleet.lab, fra.site.name, web, 80, count=3)
    after = listed(fra)
    assert after[web]["packets"] >= before[web]["packets"] + 3
    assert after[str(fra.site.ftp)]["packets"] == before[str(fra.site.ftp)]["packets"]


@pytest.mark.parametrize("verb", ["drain", "move"])
def test_what_is_done_is_what_was_shown(fra: Cluster, verb: str) -> None:
    """Somebody changes a router, or the inventory, while the question stands."""
    told = Told(fra)
    command = ("vip", verb, "web", told.old, *([told.new] if verb == "move" else []))
    router, said = fra.routers[1], fra.said()
    rule = fra.fleet.sh(router, f"iptables -t mangle -S LVSFLEET-MARK | grep {told.old}")
    rule = rule.strip().partition(" ")[2]
    where = (*command, "--now", "--inventory", fra.inventory)
    for change, undo, why in (
        (
            lambda: fra.fleet.sh(router, f"iptables -t mangle -D {rule}"),
            lambda: fra.fleet.sh(router, f"iptables -t mangle -I {rule}"),
            "is not what was shown a moment ago",
        ),
        (
            lambda: (fra.inventory / SAID).write_text(said.replace("- 80/tcp", "- 80/tcp  # x")),
            lambda: (fra.inventory / SAID).write_text(said),
            "not any more what it was when the plan was shown",
        ),
    ):
        with typed(where, fra.folder, told.environment) as one:
            one.read_to("[y/N]")
            change()
            try:
                before = fra.state()
                one.types("y")
                assert one.end() != 0, one.shown
                assert why in " ".join(one.shown.split())
                fra.is_as(before)
            finally:
                undo()


LEFT_ALONE = {
    Kind.IPTABLES_DEBIAN: ("add", "web", "{new}"),
    Kind.IPTABLES_RHEL: ("drain", "web", "{old}", "--drop", "--wait", "0"),
}


def test_an_inventory_that_is_no_file_is_left_alone(
    usual: dict[Kind, Cluster], tmp_path: Path
) -> None:
    """A rollback takes the routers back, and tells what the inventory says."""

    def one(kind: Kind) -> None:
        cluster = usual[kind]
        told = elsewhere(Told(cluster), tmp_path / cluster.site.name)
        command = [word.format(old=told.old, new=told.new) for word in LEFT_ALONE[kind]]
        before = cluster.state()
        here = ("--filter", f"cluster={cluster.site.name}", "--now", "--yes", "--no-inventory")
        done = told.lvsfleet("vip", *command, *here, "--format", "json")
        assert done.code == 0, done
        assert set(done.statuses.values()) == {"changed"}
        assert json.loads(done.stdout)["inventory"]["status"] == "left"
        assert differences(before, cluster.state())
        back = told.lvsfleet("rollback", told.run, "--now", "--format", "json")
        assert back.code == 0, back
        assert set(back.statuses.values()) == {"changed"}
        assert json.loads(back.stdout)["inventory"]["status"] == "agrees"
        cluster.is_as(before)

    each(one, LEFT_ALONE)
