"""Clusters of every way that marks are kept in, all of them as after a rollout."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.fleet import Lab
from lab.topology import Kind
from tests.lab.chaos.world import each
from tests.lab.conftest import OTHERS_NUMBER, reserved
from tests.lab.vip.cluster import CONF, SECONDS, Cluster, clusters

_KEPT = "/root/keepalived.conf"


@pytest.fixture(scope="module")
def usual(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Kind, Cluster]]:
    """ams (firewalld), fra (iptables, Debian), lon (iptables, RHEL); routers as new.

    In the end keepalived is as it was: who makes one router of a cluster new would have two that do
    not hear each other.
    """
    routers = [router.name for router in lab.topology.routers]
    lab.reset(*routers)
    lab.settle(seconds=SECONDS)
    each(lambda name: lab.exec(name, ["cp", "-p", CONF, _KEPT]), routers)
    found = clusters(lab, tmp_path_factory.mktemp("usual"))
    yield {cluster.site.kind: cluster for cluster in found}
    back = f"cp -p {_KEPT} {CONF} && systemctl reload keepalived"
    each(lambda name: lab.exec(name, ["sh", "-c", back]), routers)


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Kind, Cluster]]:
    """ams (nftables), fra (iptables-legacy) of another lab."""
    with reserved(OTHERS_NUMBER) as lab:
        lab.up(4, kinds=[Kind.NFTABLES, Kind.IPTABLES_LEGACY])
        found = clusters(lab, tmp_path_factory.mktemp("others"))
        yield {each.site.kind: each for each in found}
