"""Clients send to the VIPs: before a rollout, after it, after a reboot, after a takeover.

Each stage follows the one before it, and is gone through once for all three kinds of router.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.topology import USUAL_KINDS, Kind
from tests.lab.rollout.fleet import Fleet
from tests.lab.rollout.traffic import Fate, Packet, fates, marked, unmarked, wait_for_masters

Seen = Mapping[Kind, Mapping[Packet, Fate]]
EVERY_KIND = pytest.mark.parametrize("kind", USUAL_KINDS)
FIRST = ("ams1", "fra1", "lon1")
SECOND = ("ams2", "fra2", "lon2")


def seen_by(fleet: Fleet, routers: tuple[str, ...]) -> Seen:
    """The fate of every packet on each of these routers, which are the MASTERs."""

    def ask(router: str) -> tuple[Kind, Mapping[Packet, Fate]]:
        site = fleet.lab.router(router).site
        return site.kind, fates(fleet.lab, router, [*marked(site), *signalling(fleet, site.kind)])

    with ThreadPoolExecutor(len(routers)) as pool:
        return dict(pool.map(ask, routers))


def signalling(fleet: Fleet, kind: Kind, mark: int = 0) -> dict[Packet, Fate]:
    """Packets of a service over SCTP, which the lab's own inventory does not have."""
    return {Packet(vip, 2905, "sctp"): Fate(mark, bool(mark)) for vip in fleet.site(kind).web}


def readable(found: Mapping[Packet, Fate]) -> dict[str, Fate]:
    return {str(packet): fate for packet, fate in found.items()}


@pytest.fixture(scope="module")
def fleet(fleet_of_module: Fleet) -> Fleet:
    fleet = fleet_of_module
    fleet.fresh(*FIRST, *SECOND)
    for kind in USUAL_KINDS:
        site = fleet.site(kind)
        vips = [str(vip) for vip in site.web]
        service = {"vips": vips, "ports": ["2905/sctp"], "mark": 29, "accept": True}
        fleet.services(site.name)["signalling"] = service
    return fleet


@pytest.fixture(scope="module")
def before(fleet: Fleet) -> Seen:
    return seen_by(fleet, FIRST)


@pytest.fixture(scope="module")
def after(fleet: Fleet, before: Seen) -> Seen:
    assert before
    answer = fleet.rollout(options=["--settle", "1"])
    assert answer.code == 0, answer
    assert set(answer.statuses.values()) == {"changed"}
    return seen_by(fleet, FIRST)


@pytest.fixture(scope="module")
def after_reboot(fleet: Fleet, after: Seen) -> Seen:
    assert after
    fleet.reboot(*FIRST, *SECOND)
    return seen_by(fleet, FIRST)


@pytest.fixture(scope="module")
def after_takeover(fleet: Fleet, after_reboot: Seen) -> Seen:
    assert after_reboot
    for router in FIRST:
        fleet.sh(router, "systemctl stop keepalived")
    wait_for_masters(fleet.lab, *SECOND)
    seen = seen_by(fleet, SECOND)
    for router in FIRST:
        fleet.sh(router, "systemctl start keepalived")
    return seen


@EVERY_KIND
def test_nothing_is_marked_before_the_rollout(fleet: Fleet, kind: Kind, before: Seen) -> None:
    wanted = unmarked(fleet.site(kind)) | signalling(fleet, kind)
    assert readable(before[kind]) == readable(wanted)


@EVERY_KIND
def test_every_service_is_marked_and_nothing_else(fleet: Fleet, kind: Kind, after: Seen) -> None:
    wanted = marked(fleet.site(kind)) | signalling(fleet, kind, 29)
    assert readable(after[kind]) == readable(wanted)


@EVERY_KIND
def test_the_marks_come_back_by_themselves_after_a_reboot(
    fleet: Fleet, kind: Kind, after_reboot: Seen
) -> None:
    wanted = marked(fleet.site(kind)) | signalling(fleet, kind, 29)
    assert readable(after_reboot[kind]) == readable(wanted)


@EVERY_KIND
def test_the_other_router_marks_when_it_takes_the_vips_over(
    fleet: Fleet, kind: Kind, after_takeover: Seen
) -> None:
    wanted = marked(fleet.site(kind)) | signalling(fleet, kind, 29)
    assert readable(after_takeover[kind]) == readable(wanted)
