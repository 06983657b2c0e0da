"""Stories of VIPs that drain, or were to, whose program is killed in the middle."""

from __future__ import annotations

from tests.lab.vip.told import Told, Words, killed, power_cut


def draining(told: Told, *how: str) -> Words:
    """The words that have the old web VIP drain."""
    return ("drain", "web", told.old, "--wait", "0", *how)


def drains(told: Told, how: str) -> None:
    """Both routers refuse what is new and mark nothing of it, and the inventory says so."""
    for router in told.cluster.routers:
        sh = told.cluster.fleet.sh
        assert f"{told.old} . tcp . 80" in sh(router, f"nft list set inet lvsfleet_drain {how}4")
        rules = sh(router, "nft list ruleset; iptables-save; :")
        assert not [line for line in rules.splitlines() if told.old in line and "mark" in line]
    assert f"draining: {{{told.old}: {how}}}" in told.cluster.said()


def killed_between_the_commits(told: Told) -> None:
    """What watches over it confirms the other router and writes the inventory; it can go back."""
    before = told.cluster.state()
    killed(told, "after commit", "before commit", words=draining(told, "--reject"))
    told.ended()
    drains(told, "reject")

    back = told.lvsfleet("rollback", told.run, "--now", "--format", "json")

    assert back.code == 0, back
    told.cluster.is_as(before)


def killed_before_any_commit(told: Told) -> None:
    """All is taken back, long before the routers would do so by themselves."""
    before = told.cluster.state()
    long = ("--confirm-timeout", "600")
    killed(told, "before commit", "before commit", *long, words=draining(told, "--drop"))
    told.ended()
    told.cluster.is_as(before)


def cut_between_the_commits(told: Told) -> None:
    """Resumed, both have it; rolled back, the VIP drains as it did before."""
    first = told.vip(*draining(told), "--now").answer()
    assert first.code == 0, first
    before = told.cluster.state()
    power_cut(told, "after commit", "before commit", words=draining(told, "--reject"))
    assert told.cluster.timers_fire() == [told.cluster.routers[1]]
    told.cluster.calm()
    run = told.run
    assert told.unfinished == [run]
    refused = told.lvsfleet("vip", "undrain", "web", told.old, "--yes")
    assert refused.code == 2, refused
    assert f"lvsfleet resume {run}" in refused.stderr

    resumed = told.lvsfleet("resume", run, "--format", "json")

    assert resumed.code == 0, resumed
    assert sorted(resumed.statuses.values()) == ["changed", "unchanged"]
    assert told.unfinished == []
    drains(told, "reject")
    back = told.lvsfleet("rollback", run, "--now", "--format", "json")
    assert back.code == 0, back
    told.cluster.is_as(before)
    undone = told.lvsfleet("vip", "undrain", "web", told.old, "--yes", "--now")
    assert undone.code == 0, undone
