"""Marks that stay are never absent: a SYN a millisecond to a VIP of every kind of router, all the
while that rollouts change what is beside it. `benchmarks/hitless.py` does the same for longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from lab.steady import Seen
from tests.lab.conftest import OTHERS_NUMBER, reserved
from tests.lab.rollout.fleet import Fleet
from tests.lab.rollout.hitless import ROUTERS, WAYS, Hitless, costs_nothing

ROLLOUTS = 2
EVERY_WAY = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(scope="module")
def hitless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hitless]:
    with reserved(OTHERS_NUMBER) as lab:
        lab.up(ROUTERS, kinds=list(WAYS.values()))
        fleet = Fleet(lab, tmp_path_factory.mktemp("hitless") / "inventory").patient()
        yield Hitless(lab, fleet)


@pytest.fixture(scope="module")
def adopted(hitless: Hitless) -> Mapping[str, Seen]:
    hitless.plant()
    with hitless.watched() as seen:
        hitless.adopt()
    return seen


@pytest.fixture(scope="module")
def beside(hitless: Hitless, adopted: Mapping[str, Seen]) -> Mapping[str, Seen]:
    assert adopted
    hitless.say(policy="lvsfleet")  # where the zone's rules move to, with the first change
    with hitless.watched() as seen:
        hitless.others_change(ROLLOUTS)
    return seen


@pytest.fixture(scope="module")
def neighbour(hitless: Hitless, beside: Mapping[str, Seen]) -> Mapping[str, Seen]:
    assert beside
    with hitless.watched() as seen:
        hitless.a_port_comes_and_goes(ROLLOUTS)
    return seen


@EVERY_WAY
def test_rules_are_taken_over_and_no_packet_pays(adopted: Mapping[str, Seen], way: str) -> None:
    assert costs_nothing(adopted[way]), adopted[way]


@EVERY_WAY
def test_other_services_change_and_no_packet_pays(beside: Mapping[str, Seen], way: str) -> None:
    assert beside[way].sent > ROLLOUTS * 500
    assert costs_nothing(beside[way]), beside[way]


@EVERY_WAY
def test_a_service_gains_and_loses_a_port_and_no_packet_pays(
    neighbour: Mapping[str, Seen], way: str
) -> None:
    assert costs_nothing(neighbour[way]), neighbour[way]


JUMPS = ("PREROUTING -t mangle -j LVSFLEET-MARK", "INPUT -j LVSFLEET-IN")


def test_a_gap_would_have_been_seen(hitless: Hitless, neighbour: Mapping[str, Seen]) -> None:
    assert neighbour
    way = "iptables-nft, Debian"
    router = hitless.routers[way]
    with hitless.watched(way) as seen:
        for jump in JUMPS:
            hitless.fleet.sh(router, f"iptables -D {jump}")
            hitless.wait_for_packets(router)
            hitless.fleet.sh(router, f"iptables -I {jump}")
    assert seen[way].unmarked > 0
    assert seen[way].not_let_in > 0
