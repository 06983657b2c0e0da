"""What the stories of the rollout begin with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.fleet import Lab
from lab.topology import Kind
from tests.lab.conftest import OTHERS_NUMBER, reserved
from tests.lab.rollout.fleet import Fleet


@pytest.fixture
def fleet(lab: Lab, tmp_path: Path) -> Fleet:
    """The routers as they are, and an inventory that describes them."""
    return Fleet(lab, tmp_path / "inventory").patient()


@pytest.fixture(scope="module")
def fleet_of_module(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """The same for a whole module."""
    return Fleet(lab, tmp_path_factory.mktemp("module") / "inventory").patient()


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Four routers of the other kinds: ams1, ams2 (nftables), fra1, fra2 (iptables-legacy)."""
    if os.geteuid() != 0:
        pytest.fail("tests/lab needs root: it boots routers", pytrace=False)
    with reserved(OTHERS_NUMBER) as lab:
        lab.up(4, kinds=[Kind.NFTABLES, Kind.IPTABLES_LEGACY])
        yield Fleet(lab, tmp_path_factory.mktemp("others") / "inventory").patient()
