"""What verdicts say is what packets see: random rule sets of every packet filter, real packets.

``LVSFLEET_TEST_SEED`` draws others, e.g. ``1,2``; the seeds are printed with what they came to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from lab.fleet import Lab
from lab.topology import Kind, Router
from tests.lab.walk import load
from tests.lab.walk.agree import Tally
from tests.lab.walk.bench import Bench
from tests.lab.walk.draw import packets
from tests.lab.walk.draw_firewalld import ZONES

SEEDS = os.environ.get("LVSFLEET_TEST_SEED", "20,77").split(",")
"""They share the rule sets of a router. 20 has once found two mistakes: a match on the mark of a
connection before there is one, and a reject by ICMP, which is of one IP version."""
UNDECIDED_AT_MOST = 0.1

Load = Callable[[Bench, Random], None]
LOADS: Mapping[Kind, tuple[Load, int, int, int]] = {
    Kind.IPTABLES_DEBIAN: (load.iptables, 37, 1, 12),
    Kind.IPTABLES_RHEL: (load.nftables, 37, 1, 12),
    Kind.FIREWALLD: (load.firewalld, 3, ZONES + 1, 80),
}
"""By kind of router: what is loaded there, how often, what that counts for, packets for each."""


@pytest.fixture(scope="module")
def tallies(lab: Lab) -> Iterator[Mapping[Kind, Tally]]:
    """What the packets came to on two routers of each kind, all at once."""
    benches = [Bench(lab, router) for router in lab.topology.routers]
    found = {kind: Tally() for kind in LOADS}
    try:
        with ThreadPoolExecutor(len(benches)) as pool:
            for router, tally in zip(lab.topology.routers, pool.map(_tried, benches), strict=True):
                found[router.site.kind] += tally
        for kind, tally in found.items():
            print(f"seeds {SEEDS}, {LOADS[kind][0].__name__}: {tally}")  # noqa: T201 - for the log
        yield found
    finally:
        for bench in benches:
            bench.tidy()
        lab.reset(*(bench.name for bench in benches))
        lab.settle()


def _tried(bench: Bench) -> Tally:
    router: Router = bench.router
    loading, times, worth, count = LOADS[router.site.kind]
    chances = [Random(f"{seed} {bench.name}") for seed in SEEDS]  # noqa: S311 - a test's draw
    bench.prepare()
    tally = Tally()
    for number in range(times):
        chance = chances[number % len(chances)]
        loading(bench, chance)
        bench.watch()
        sent = packets(chance, bench, count)
        observed = bench.observed(whole=router.site.kind is Kind.FIREWALLD)
        tally.add(observed, sent, bench.send(sent))
        tally.rulesets += worth
    return tally


@pytest.mark.parametrize("kind", LOADS)
def test_a_verdict_is_what_a_packet_sees(tallies: Mapping[Kind, Tally], kind: Kind) -> None:
    tally = tallies[kind]
    assert tally.wrong == [], f"seeds {SEEDS}: {tally}"
    assert tally.packets / 5 < tally.accepted < tally.packets * 4 / 5, tally
    assert tally.undecided <= UNDECIDED_AT_MOST * tally.packets, tally.open_
    assert tally.marks_undecided <= UNDECIDED_AT_MOST * tally.accepted, tally


def test_there_are_two_hundred_rule_sets(tallies: Mapping[Kind, Tally]) -> None:
    assert sum(tally.rulesets for tally in tallies.values()) >= 200
