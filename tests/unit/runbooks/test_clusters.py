"""How long a router may list other VIPs than the others: a third of what keepalived says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runbooks.clusters import UNKNOWN_MASTER_DOWN, Clusters
from tasks.standing import Instance, Standing, VrrpState
from tests.unit.runbooks.fleets import World

AMS = ("ams1", "ams2")


class Saying(World):
    """Routers whose keepalived says how often it advertises; None says nothing."""

    interval: float | None = 0.1

    def see(self, router: str) -> Standing | None:
        seen = super().see(router)
        if seen is None or self.interval is None:
            return seen
        return replace(seen, instances=(Instance("web", VrrpState.MASTER, self.interval),))


@pytest.fixture
def world() -> Saying:
    return Saying()


def clusters(world: World) -> Clusters:
    return Clusters(world.rolling().fleet)


@pytest.mark.parametrize("interval", [0.1, 1.0, 3.0])
def test_it_is_what_keepalived_says_also_where_nobody_asked_for_the_roles(
    interval: float, world: Saying
) -> None:
    """In an emergency: with a short interval 4 s would be two MASTERs for as long."""
    world.interval = interval
    found = clusters(world)
    assert found.seconds_to_notice(AMS) == pytest.approx(4 * interval)
    assert found.seconds_to_be_noticed(AMS) == pytest.approx(4 * interval)


def test_it_is_asked_once_and_of_those_that_are_changed(world: Saying) -> None:
    found = clusters(world)
    for _ in range(3):
        found.seconds_to_notice(("ams2",))
    assert world.asked == ["ams2"]


def test_what_was_learnt_is_not_asked_again(world: Saying) -> None:
    found = clusters(world)
    found.learn(AMS, ())
    world.asked.clear()
    assert found.seconds_to_notice(AMS) == pytest.approx(0.4)
    assert world.asked == []


def test_the_roles_of_before_stay_unknown(world: Saying) -> None:
    found = clusters(world)
    found.seconds_to_notice(AMS)
    assert found.before == {}


@pytest.mark.parametrize("what", ["nothing said", "nobody answers", "no cluster"])
def test_where_nobody_says_it_is_keepalived_s_default(what: str, world: Saying) -> None:
    if what == "nothing said":
        world.interval = None
    elif what == "nobody answers":
        world.unreachable = set(AMS)
    else:
        world.clusters = dict.fromkeys(AMS)
    found = clusters(world)
    assert found.seconds_to_notice(AMS) == UNKNOWN_MASTER_DOWN
    assert found.seconds_to_be_noticed(AMS) == UNKNOWN_MASTER_DOWN
