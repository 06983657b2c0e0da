"""A fleet of forty routers, of which one is down."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.topology import Kind
from tests.lab.conftest import OTHERS_NUMBER, reserved
from tests.lab.fleet.runs import QUICKLY
from tests.lab.rollout.fleet import Fleet

FORTY = 40


@pytest.fixture
def forty(tmp_path: Path) -> Iterator[Fleet]:
    if os.geteuid() != 0:
        pytest.fail("tests/lab needs root: it boots routers", pytrace=False)
    with reserved(OTHERS_NUMBER) as lab:
        lab.up(FORTY, kinds=[Kind.IPTABLES_DEBIAN])
        fleet = Fleet(lab, tmp_path / "inventory").patient()
        fleet.settle(*(router.name for router in lab.topology.routers))
        yield fleet


def test_one_is_down_and_the_others_are_changed(forty: Fleet) -> None:
    names = [router.name for router in forty.lab.topology.routers]
    down = names[FORTY // 2]
    site = forty.lab.router(down).site.name
    beside = next(n for n in names if n != down and forty.lab.router(n).site.name == site)
    with forty.down(down):
        answer = forty.rollout(options=QUICKLY)

    assert answer.code == 1, answer
    others = [name for name in names if name not in (down, beside)]
    assert answer.statuses == {
        **dict.fromkeys(others, "changed"),
        down: "failed",
        beside: "skipped",
    }
    assert answer.error(down)[0] == "unreachable"
    for name in others:
        for script in ("iptables -t mangle -S", "cat /etc/iptables/rules.v4"):
            assert "--set-xmark 0x50/0xffffffff" in forty.sh(name, script), (name, script)
    assert "LVSFLEET" not in forty.sh(beside, "iptables-save; cat /etc/iptables/rules.v4")
