"""Names and addresses of labs of every size."""

from __future__ import annotations

from itertools import pairwise

import pytest

from inventory.errors import LvsfleetError
from lab.topology import MAX_ROUTERS, USUAL_KINDS, Kind, topology

LONGEST_INTERFACE_NAME = 15


def test_default_fleet() -> None:
    lab = topology(0, 6)
    assert [router.name for router in lab.routers] == [
        "ams1",
        "ams2",
        "fra1",
        "fra2",
        "lon1",
        "lon2",
    ]
    assert [str(router.management) for router in lab.routers] == [
        f"198.18.0.{last}" for last in range(11, 17)
    ]
    assert [site.kind for site in lab.sites] == list(USUAL_KINDS)


def test_everything_of_a_full_lab_is_distinct_and_fits() -> None:
    lab = topology(9, MAX_ROUTERS)
    names = [lab.names.of(router.name) for router in lab.routers]
    assert len(set(names)) == MAX_ROUTERS
    assert max(map(len, names)) <= LONGEST_INTERFACE_NAME
    ports = [router.name for router in lab.routers] + [site.client for site in lab.sites]
    ports += [site.name for site in lab.sites]
    assert len(set(ports)) == len(ports)
    assert max(map(len, ports)) <= LONGEST_INTERFACE_NAME
    vips = [vip for site in lab.sites for vip in (*site.vips4, *site.vips6)]
    assert len(set(vips)) == len(vips)
    assert len({router.management for router in lab.routers}) == MAX_ROUTERS
    assert all(router.management in lab.names.management for router in lab.routers)
    assert not any(one.network4.overlaps(two.network4) for one, two in pairwise(lab.sites))


def test_nothing_at_a_site_has_the_address_of_another() -> None:
    for site in topology(0, 8).sites:
        four, six = zip(*(site.at(host) for host in (101, 102, 200)), strict=True)
        assert len({*four, *site.vips4}) == len(four) + len(site.vips4)
        assert len({*six, *site.vips6}) == len(six) + len(site.vips6)
        assert all(address in site.network4 for address in (*four, *site.vips4))
        assert all(address in site.network6 for address in (*six, *site.vips6))


def test_a_lab_that_grows_keeps_its_routers() -> None:
    kinds = (Kind.IPTABLES_RHEL, Kind.FIREWALLD)
    whole = topology(3, 20, kinds).routers
    assert all(topology(3, size, kinds).routers == whole[:size] for size in range(1, 20))


def test_peers_know_each_other() -> None:
    first, second = topology(0, 2).routers
    assert first.peer_addresses == second.addresses
    assert second.peer_addresses == first.addresses


@pytest.mark.parametrize(
    ("number", "routers", "kinds"),
    [
        (30, 6, USUAL_KINDS),
        (-1, 6, USUAL_KINDS),
        (0, 0, USUAL_KINDS),
        (0, 201, USUAL_KINDS),
        (0, 6, ()),
    ],
)
def test_impossible_labs_are_refused(number: int, routers: int, kinds: tuple[Kind, ...]) -> None:
    with pytest.raises(LvsfleetError) as refused:
        topology(number, routers, kinds)
    assert refused.value.hint
