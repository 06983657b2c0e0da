"""VIPs that move, come and go on every kind of router, with clients that would notice.

All clusters do so at once, each under watch; each test is about one thing that must have been so.
"""

from __future__ import annotations

import difflib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address

import pytest

from lab.network import mac
from lab.packets import Probe, send
from lab.topology import Kind
from tests.lab.chaos.controller import wait_for
from tests.lab.chaos.world import each
from tests.lab.vip.cluster import SAID, SECONDS, Cluster
from tests.lab.vip.watch import Seen, watched

KINDS = [
    Kind.FIREWALLD,
    Kind.IPTABLES_DEBIAN,
    Kind.IPTABLES_RHEL,
    Kind.NFTABLES,
    Kind.IPTABLES_LEGACY,
]
BESIDE_A_MOVE = {
    Kind.FIREWALLD: "six",
    Kind.IPTABLES_DEBIAN: "add",
    Kind.IPTABLES_RHEL: "remove",
    Kind.NFTABLES: "six",
    Kind.IPTABLES_LEGACY: "add",
}
"""What is done on each kind besides moving the web's IPv4 VIP, so that each is done on some."""

Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class Story:
    """What was done to a cluster, and what was seen.

    Attributes:
        cluster: which.
        seen: by its client and on the wire.
        moved: by VIPs that went, those that came instead.
        came, went: VIPs that were added, and removed, without another in their place.
        before, after: by router, keepalived.conf.
        daemons: whether the same keepalived ran all the while.
        said: the inventory's words before and after.
    """

    cluster: Cluster
    seen: Seen
    moved: Mapping[Address, Address]
    came: tuple[Address, ...]
    went: tuple[Address, ...]
    before: Mapping[str, str]
    after: Mapping[str, str]
    same_daemon: bool
    said: tuple[str, str]

    @property
    def gone(self) -> tuple[Address, ...]:
        return (*self.moved, *self.went)

    @property
    def new(self) -> tuple[Address, ...]:
        return (*self.moved.values(), *self.came)


def story(cluster: Cluster) -> Story:
    """Move, add and remove VIPs under watch."""
    site, routers = cluster.site, cluster.routers
    (old4, old6), (new4, new6) = site.web, site.at(20)
    beside = BESIDE_A_MOVE[site.kind]
    moved: dict[Address, Address] = {old4: new4} | ({old6: new6} if beside == "six" else {})
    came = (site.at(21)[0],) if beside == "add" else ()
    went = (old6,) if beside == "remove" else ()
    only = ("--filter", f"cluster={site.name}")
    before = {name: cluster.conf(name) for name in routers}
    daemons = [cluster.daemon(name) for name in routers]
    said = cluster.said()
    with watched(cluster.fleet.lab, site, (*moved, *moved.values(), *came, *went)) as seen:
        for old, new in moved.items():
            cluster.done("move", "web", str(old), str(new))
        for vip in came:
            cluster.done("add", "web", str(vip), *only)
        for vip in went:
            cluster.done("remove", "web", str(vip))
        time.sleep(0.5)  # for whoever would still answer
    return Story(
        cluster,
        seen,
        moved,
        came,
        went,
        before,
        {name: cluster.conf(name) for name in routers},
        daemons == [cluster.daemon(name) for name in routers],
        (said, cluster.said()),
    )


@pytest.fixture(scope="module")
def stories(usual: dict[Kind, Cluster], others: dict[Kind, Cluster]) -> dict[Kind, Story]:
    found = each(story, [*usual.values(), *others.values()])
    return {each.cluster.site.kind: each for each in found}


@pytest.fixture(params=KINDS)
def told(stories: dict[Kind, Story], request: pytest.FixtureRequest) -> Story:
    return stories[request.param]


def test_the_new_vip_is_served_before_the_old_one_stops(told: Story) -> None:
    for old, new in told.moved.items():
        assert told.seen.served(new)[0] <= told.seen.served(old)[1]


def test_no_packet_to_a_vip_that_is_up_is_unmarked(told: Story) -> None:
    vips = {str(vip) for vip in (*told.new, *told.gone)}
    assert not vips & told.seen.unmarked().keys()
    marked = {str(flow.address) for flow in told.seen.marks if flow.mark == 80}
    assert vips <= marked


def test_no_other_service_loses_a_packet(told: Story) -> None:
    site, seen = told.cluster.site, told.seen
    for vip, mark in ((site.ftp, 21), (site.dns[0], 53), (site.dns[1], 53)):
        assert seen.lost(vip) == 0
        marks = {flow.mark: n for flow, n in seen.marks.items() if flow.address == vip}
        assert marks == {mark: len(seen.syns[str(vip)])}


def test_no_packet_is_lost_while_a_vip_is_up(told: Story) -> None:
    for vip in told.new:
        first = told.seen.served(vip)[0]
        syns = told.seen.syns[str(vip)]
        assert all(answered for sent, answered in syns if sent > first)
    for vip in told.gone:
        last = told.seen.last_served(vip)
        syns = told.seen.syns[str(vip)]
        unanswered = [sent for sent, answered in syns if answered is None]
        # What was under way when it went may be lost.
        assert min(unanswered) > last - 0.05


def test_there_is_one_master_at_every_moment(told: Story) -> None:
    for version in (4, 6):
        assert told.seen.masters(version).keys() == {1}
    for vip in (told.cluster.site.ftp, *told.cluster.site.dns):
        assert told.seen.holders(vip).keys() == {1}
    for vip in (*told.new, *told.gone):
        assert told.seen.holders(vip).keys() == {0, 1}


def test_what_comes_is_announced(told: Story) -> None:
    for vip in told.new:
        came, name = min(
            (spans[str(vip)][0][0], name)
            for name, spans in told.seen.held.items()
            if str(vip) in spans
        )
        told_by = [(when, who) for when, address, who in told.seen.announced if address == str(vip)]
        holder = told.cluster.fleet.lab.router(name)
        assert {who for _, who in told_by} == {mac(holder.addresses[0])}
        # At once: keepalived says it all again after 5 s. The monitor's time is that of its
        # reading, on a busy machine a moment later.
        assert came - 4.0 < min(told_by)[0] < came + 4.0


def test_what_went_does_not_answer(told: Story) -> None:
    cluster, lab = told.cluster, told.cluster.fleet.lab
    lab.exec(cluster.site.client, ["ip", "neigh", "flush", "all"])
    for vip in told.gone:
        spans = [span for of in told.seen.held.values() for span in of.get(str(vip), [])]
        last = max(told.seen.served(vip)[1], *(gone for _, gone in spans))
        answered = [when for when, who in told.seen.answered if who == str(vip)]
        announced = [when for when, who, _ in told.seen.announced if who == str(vip)]
        assert all(when <= last for when in (*answered, *announced))
        answer = send(lab, cluster.site.name, vip, 80)
        assert answer.keys() <= {"silent", "unreachable"}, answer


def test_keepalived_is_reloaded_with_exactly_these_lines_changed(told: Story) -> None:
    assert told.same_daemon
    length = {4: 24, 6: 64}
    came = {f"+         {vip}/{length[vip.version]}" for vip in told.new}
    went = {f"-         {vip}/{length[vip.version]}" for vip in told.gone}
    for router in told.cluster.routers:
        lines = difflib.ndiff(told.before[router].splitlines(), told.after[router].splitlines())
        assert {line for line in lines if line[0] in "+-"} == came | went


def test_the_inventory_says_so(told: Story) -> None:
    before, after = (text.splitlines() for text in told.said)
    changed = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    for vip in told.new:
        assert any(line[0] == "+" and str(vip) in line for line in changed), SAID
        assert str(vip) not in told.said[0]
    for vip in told.gone:
        assert str(vip) not in told.said[1]
    assert len(changed) <= 2 * len((*told.new, *told.gone))


def test_all_is_so_after_a_reboot_of_both_routers(
    stories: dict[Kind, Story], usual: dict[Kind, Cluster], others: dict[Kind, Cluster]
) -> None:
    def reboot(found: dict[Kind, Cluster]) -> None:
        first = next(iter(found.values()))
        routers = [name for cluster in found.values() for name in cluster.routers]
        first.fleet.lab.reboot(*routers)

    each(reboot, [usual, others])
    each(_as_wanted, stories.values())


def _as_wanted(told: Story) -> None:
    cluster, lab = told.cluster, told.cluster.fleet.lab

    def holders(vip: Address) -> list[str]:
        return [name for name in cluster.routers if str(vip) in cluster.held(name)]

    def marked(vip: Address) -> bool:
        names = holders(vip)
        if len(names) != 1:
            return False
        with Probe(lab, names[0]) as probe:
            return probe.sent(cluster.site.name, vip, 80) == {80: 1}

    for vip in told.new:
        wait_for(partial(marked, vip), SECONDS)
    for vip in told.gone:
        assert holders(vip) == []
