"""The list of VIPs, as values, for people and machines."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address

from inventory.desired import Draining, Service
from inventory.editing.team import Team
from runbooks.reports.vips import render_vips, render_vips_json
from runbooks.vip_list import Vip, Vips, vips_of
from tasks.counters import Balanced, Counters
from tasks.errors import Unreachable

FOUR, SIX = ip_address("203.0.113.10"), ip_address("2001:db8::10")
WEB = Service("web", (FOUR, SIX), (), 80)
TEAM = Team("ams", ("ams1", "ams2"))
AMS1 = Counters(
    "ams1",
    addresses=frozenset({FOUR}),
    marked={(FOUR, 80): 7, (FOUR, 81): 100},
    balanced={(80, 4): Balanced(2, 6), (81, 6): Balanced(50, 60)},
)
AMS2 = Counters("ams2", addresses=frozenset({SIX}), marked={(FOUR, 80): 3})


def listed(*answers: Counters) -> tuple[Vip, ...]:
    seen = {each.router: each for each in answers}
    return tuple(vips_of(WEB, TEAM, seen, frozenset(TEAM.routers)))


def report(vips: tuple[Vip, ...], **errors: Unreachable) -> Vips:
    return Vips(datetime(2026, 11, 23, tzinfo=UTC), vips, errors)


def test_packets_of_all_routers_count_and_of_no_other_mark() -> None:
    four, six = listed(AMS1, AMS2)
    assert (four.packets, four.balanced, four.holders) == (10, Balanced(2, 6), ("ams1",))
    assert (six.packets, six.balanced, six.holders) == (None, None, ("ams2",))
    assert four.sure
    assert not listed(AMS1)[0].sure


def test_people_see_who_holds_what_and_what_is_not_counted() -> None:
    lines = [line.split() for line in render_vips(report(listed(AMS1, AMS2))).splitlines()]
    assert lines == [
        ["SERVICE", "VIP", "MARK", "CLUSTER", "HELD", "BY", "PACKETS", "IPVS"],
        ["web", "203.0.113.10", "80", "ams", "ams1", "10", "6"],
        ["web", "2001:db8::10", "80", "ams", "ams2", "-", "-"],
    ]


def test_a_vip_that_drains_is_seen_to_where_there_is_one() -> None:
    drains = replace(WEB, draining=((SIX, Draining.REJECT),))
    seen = {each.router: each for each in (AMS1, AMS2)}
    vips = tuple(vips_of(drains, TEAM, seen, frozenset(TEAM.routers)))
    lines = [line.split() for line in render_vips(report(vips)).splitlines()]
    assert [line[-1] for line in lines] == ["DRAINS", "6", "reject"]
    found = json.loads(render_vips_json(report(vips)))["vips"]
    assert [each["draining"] for each in found] == [None, "reject"]


def test_nobody_is_said_only_where_all_were_asked() -> None:
    nobody = replace(AMS2, addresses=frozenset())
    first, second = render_vips(report(listed(AMS1, nobody))).splitlines()[1:]
    assert "ams1" in first
    assert "nobody" in second
    text = render_vips(report(listed(AMS1), ams2=Unreachable("no answer", "Is it up?")))
    assert "nobody" not in text
    assert " ? " in text.splitlines()[2]
    assert "ams2: no answer" in text


def test_machines_get_one_object() -> None:
    text = render_vips_json(report(listed(AMS1), ams2=Unreachable("no answer", "Is it up?")))
    found = json.loads(text)
    assert (found["schema"], found["at"]) == ("lvsfleet.vips/1", "2026-11-23T00:00:00Z")
    assert found["vips"][0] == {
        "service": "web",
        "vip": "203.0.113.10",
        "mark": 80,
        "cluster": "ams",
        "routers": ["ams1", "ams2"],
        "held_by": ["ams1"],
        "draining": None,
        "packets": 7,
        "ipvs": {"connections": 2, "packets": 6},
    }
    assert found["vips"][1]["ipvs"] is None
    assert found["unreachable"]["ams2"]["kind"] == "unreachable"
