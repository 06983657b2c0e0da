"""A vip run that its program does not live to end, and one that is taken back: all ends whole.

All runs of a cluster have one journal; each cluster has a story of its own at the same time.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from lab.topology import Kind
from tests.lab.chaos.world import each
from tests.lab.rollout.fleet import Answer
from tests.lab.vip import drains
from tests.lab.vip.cluster import Cluster
from tests.lab.vip.told import Told, Words, killed, power_cut
from tests.lab.vip.watch import watched

Story = Callable[[Told], None]


def killed_before_the_inventory(told: Told) -> None:
    """What watches over it writes the inventory, and ends."""
    killed(told, "after commit", "after commit")
    told.ended()
    told.is_there()


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
    before = told.cluster.state()
    killed(told, "after follow", "after follow", "--confirm-timeout", "600")
    told.ended()
    told.cluster.is_as(before)


def cut_before_the_inventory(told: Told) -> None:
    """Every command says so; a rollout would undo it, and is refused; resume writes the rest."""
    power_cut(told, "after commit", "after commit")
    told.cluster.calm()
    run, routers = told.run, told.cluster.routers
    assert told.unfinished == [run]
    before = told.cluster.state()

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
    told.cluster.is_as(before)

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
    power_cut(told, "after commit", "before commit")
    one, other = told.cluster.routers
    assert told.cluster.timers_fire() == [other]
    told.cluster.calm()
    assert told.old not in told.cluster.conf(one)
    assert told.new not in told.cluster.conf(other)

    resumed = told.lvsfleet("resume", told.run, "--format", "json")

    assert resumed.code == 0, resumed
    assert resumed.statuses == {one: "unchanged", other: "changed"}
    assert told.unfinished == []
    told.is_there()


def cut_and_taken_back(told: Told) -> None:
    """Of two routers, the one that has it is put back to what it was, to the byte."""
    before = told.cluster.state()
    power_cut(told, "after commit", "before commit")
    assert told.cluster.timers_fire() == [told.cluster.routers[1]]
    told.cluster.calm()

    back = told.lvsfleet("rollback", told.run, "--format", "json")

    assert back.code == 0, back
    assert sorted(back.statuses.values()) == ["changed", "unchanged"]
    assert told.unfinished == []
    told.cluster.is_as(before)


def back_and_forth(told: Told) -> None:
    """A rollback is a run of its own; keepalived's files and the inventory are as they were.

    The VIP that comes back drains again; while it is elsewhere, that it does cannot be taken back.
    """
    cluster = told.cluster
    drained = told.vip(*drains.draining(told, "--drop"), "--now").answer()
    assert drained.code == 0, drained
    drain = told.run
    for router in cluster.routers:
        told.sed(router, f"s#{told.old}/.*#&   ! the web, since 2019#")
    before = told.cluster.state()
    answer = told.move("--now").answer()
    assert answer.code == 0, answer
    after = told.cluster.state()
    run = told.run

    refused = told.lvsfleet("rollback", drain)
    assert refused.code == 2, refused
    assert f"First `lvsfleet rollback {run}`, then this one" in " ".join(refused.stderr.split())

    planned = told.lvsfleet("rollback", run, "--dry-run", "--format", "json")
    assert planned.code == 3, planned
    told.cluster.is_as(after)

    back = told.lvsfleet("rollback", run[:16], "--format", "json")
    assert back.code == 0, back
    assert set(back.statuses.values()) == {"changed"}
    told.cluster.is_as(before)
    assert told.lvsfleet("rollback", run).code == 0
    told.cluster.is_as(before)
    planned = told.lvsfleet("rollback", drain, "--dry-run", "--format", "json")
    assert set(planned.statuses.values()) == {"planned"}, planned

    again = json.loads(back.stdout)["run"]
    forth = told.lvsfleet("rollback", again, "--now", "--format", "json")
    assert forth.code == 0, forth
    told.cluster.is_as(after)
    assert told.unfinished == []


def a_removal_comes_back(told: Told) -> None:
    """With the comment beside the VIP, at its old place in both files."""
    cluster = told.cluster
    for router in cluster.routers:
        told.sed(router, f"s#{told.old}/.*#&   ! the web, since 2019#")
    before = told.cluster.state()
    words = ("remove", "web", told.old, "--now")
    removed = cluster.vip(*words, environment=told.environment).answer()
    assert removed.code == 0, removed
    assert told.old not in cluster.said()

    back = told.lvsfleet("rollback", told.run, "--now", "--format", "json")

    assert back.code == 0, back
    told.cluster.is_as(before)


def changed_since(told: Told) -> None:
    """What a colleague wrote elsewhere stays; at that very place it is refused, unless forced."""
    one, other = told.cluster.routers
    assert told.move("--now").answer().code == 0
    run = told.run
    told.sed(one, "1s/^/! mine\\n/")
    told.sed(other, f"s#{told.new}/.*#& ! mine too#")
    before = told.cluster.state()

    refused = told.lvsfleet("rollback", run, "--format", "json")

    assert refused.code == 1, refused
    assert "! mine too" in refused.error(other)[1]
    told.cluster.is_as(before)

    forced = told.lvsfleet("rollback", run, "--force", "--now", "--format", "json")
    assert forced.code == 0, forced
    assert told.cluster.conf(one).startswith("! mine\n")
    for router in told.cluster.routers:
        assert told.new not in told.cluster.conf(router)
        assert f"{told.old}/" in told.cluster.conf(router)
    assert told.old in told.cluster.said()
    assert told.new not in told.cluster.said()


def interrupted(told: Told, points: dict[str, str], action: str, words: Words) -> Answer:
    """Somebody presses Ctrl-C when these routers are at these points; all is as before then."""
    before = told.cluster.state()
    answer = told.vip(*words, points=points, action=action).answer()
    assert answer.code == 130, answer
    told.ended()
    told.cluster.is_as(before)
    return answer


def interrupted_at_the_canary(told: Told) -> None:
    first, canary = told.cluster.routers
    words = drains.draining(told)
    answer = interrupted(told, {canary: "after begin"}, "int", words)
    assert answer.statuses == {first: "skipped", canary: "reverted"}


def interrupted_between_stages(told: Told) -> None:
    points = dict.fromkeys(told.cluster.routers, "after follow")
    answer = interrupted(told, points, "int", (*told.moving, "--now"))
    assert set(answer.statuses.values()) == {"reverted"}, answer


def interrupted_and_not_waited_for(told: Told) -> None:
    """What watches over it takes it back: it says that this is not known."""
    points = dict.fromkeys(told.cluster.routers, "after follow")
    words = (*told.moving, "--now", "--confirm-timeout", "600")
    answer = interrupted(told, points, "int int", words)
    assert set(answer.statuses.values()) == {"unknown"}, answer


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
    "interrupted": {
        Kind.FIREWALLD: interrupted_at_the_canary,
        Kind.IPTABLES_DEBIAN: interrupted_between_stages,
        Kind.IPTABLES_RHEL: interrupted_and_not_waited_for,
    },
    "drained": {
        Kind.FIREWALLD: drains.killed_between_the_commits,
        Kind.IPTABLES_DEBIAN: drains.cut_between_the_commits,
        Kind.IPTABLES_RHEL: drains.killed_before_any_commit,
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
