"""Counting what lives on a VIP that drains: who is asked, how often, and when that ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any

import pytest
from nornir.core.inventory import Host

from inventory.desired import Service
from runbooks import draining
from runbooks.draining import watch
from runbooks.reports.run import LiveCount
from tasks.errors import Unreachable
from tasks.live import Live

VIP, HOSTS = "203.0.113.10", ["ams1", "ams2"]
WEB = Service("web", (IPv4Address(VIP),), (), 80)
NO, SILENT = Live(holds=False), None


def lives(count: int | None) -> Live:
    return Live(holds=True, count=count, table="" if count is None else "ipvs")


@dataclass
class Routers:
    """What the routers say, second by second; a second passes while somebody waits for it.

    Attributes:
        said: by second and router; the last one stays, and who says nothing is not reached.
        now: the second.
    """

    said: list[Mapping[str, Live | None]]
    now: int = 0
    told: list[str] = field(default_factory=list)

    def asking(self, host: Host, _question: Callable[[Any], Live], *, patience: float) -> Live:
        assert patience == draining.PATIENCE
        live = self.said[min(self.now, len(self.said) - 1)][host.name]
        if live is None:
            raise Unreachable(f"{host.name}: no answer")
        return live

    def sleep(self, _seconds: float) -> None:
        self.now += 1

    def watched(self, seconds: float) -> LiveCount:
        hosts = [Host(name=name) for name in HOSTS]
        return watch(hosts, WEB, WEB.vips[0], seconds, lambda each: self.told.append(str(each)))


@pytest.fixture
def routers(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Routers]:
    def made(*said: Mapping[str, Live | None]) -> Routers:
        found = Routers(list(said))
        monkeypatch.setattr(draining, "asking", found.asking)
        clock = SimpleNamespace(sleep=found.sleep, monotonic=lambda: float(found.now))
        monkeypatch.setattr(draining, "time", clock)
        return found

    return made


def test_it_ends_when_none_lives(routers: Callable[..., Routers]) -> None:
    said = [{"ams1": lives(n), "ams2": NO} for n in (2, 1, 0, 7)]
    found = routers(*said)
    assert found.watched(300) == LiveCount(VIP, "ams1", 0, "ipvs")
    assert found.now == 2


def test_it_ends_when_the_time_is_over(routers: Callable[..., Routers]) -> None:
    found = routers({"ams1": NO, "ams2": lives(3)})
    assert found.watched(5) == LiveCount(VIP, "ams2", 3, "ipvs")
    assert found.now == 5


@pytest.mark.parametrize("other", [NO, SILENT])
def test_it_ends_where_nothing_tells(other: Live | None, routers: Callable[..., Routers]) -> None:
    found = routers({"ams1": lives(None), "ams2": other})
    assert found.watched(300) == LiveCount(VIP, "ams1")
    assert found.now == 0


def test_it_ends_where_nobody_holds_it(routers: Callable[..., Routers]) -> None:
    found = routers({"ams1": NO, "ams2": NO})
    assert found.watched(300) == LiveCount(VIP)
    assert found.now == 0
    assert found.told == [f"{VIP}: no router that answers holds it, so none tells what lives"]


def test_who_does_not_answer_may_hold_it_and_is_asked_again(
    routers: Callable[..., Routers],
) -> None:
    """A router that is busy, or dies while the other takes over, does not end the waiting."""
    found = routers(
        {"ams1": lives(2), "ams2": NO},
        {"ams1": SILENT, "ams2": NO},
        {"ams1": SILENT, "ams2": SILENT},
        {"ams1": SILENT, "ams2": lives(1)},
        {"ams1": NO, "ams2": lives(0)},
    )
    assert found.watched(300) == LiveCount(VIP, "ams2", 0, "ipvs")
    assert found.now == 4


def test_what_is_not_known_at_the_end_is_not_made_up(routers: Callable[..., Routers]) -> None:
    found = routers({"ams1": lives(2), "ams2": NO}, {"ams1": SILENT, "ams2": NO})
    assert found.watched(3) == LiveCount(VIP)
