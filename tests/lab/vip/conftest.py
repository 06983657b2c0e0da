"""Clusters of every way that marks are kept in, all of them as after a rollout."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.fleet import Lab
from lab.topology import Kind
from tests.lab.conftest import OTHERS_NUMBER, reserved
from tests.lab.vip.cluster import Cluster, clusters


@pytest.fixture(scope="module")
def usual(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> dict[Kind, Cluster]:
    """ams (firewalld), fra (iptables, Debian), lon (iptables, RHEL); routers as new."""
    lab.reset(*(router.name for router in lab.topology.routers))
    lab.settle()
    found = clusters(lab, tmp_path_factory.mktemp("usual"))
    return {each.site.kind: each for each in found}


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Kind, Cluster]]:
    """ams (nftables), fra (iptables-legacy) of another lab."""
    with reserved(OTHERS_NUMBER) as lab:
        lab.up(4, kinds=[Kind.NFTABLES, Kind.IPTABLES_LEGACY])
        found = clusters(lab, tmp_path_factory.mktemp("others"))
        yield {each.site.kind: each for each in found}
