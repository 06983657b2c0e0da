"""May a cluster have a VIP: is it somebody's, and does it belong where it would be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import cast

import pytest

from inventory.desired import Backend
from runbooks.encounter import Encounter, Shown
from runbooks.engine import Fleet, Job, job
from tasks.backends.protocol import Change
from tasks.errors import ChangedMeanwhile, Outside, Taken
from tasks.look import Look
from tasks.neighbours import Answer, answer_of, networks
from tasks.observe import Observed
from tasks.outcome import Edit, Op, Outcome
from tasks.sections import Section
from tests.unit.runbooks import fleets

OLD, NEW = ip_address("203.0.113.10"), ip_address("203.0.113.20")
LINE = "{0}: {1}    {2} {3} scope global {1}\\       valid_lft forever preferred_lft forever"
NOBODY = "dev eth1\n203.0.113.20 INCOMPLETE "
SOMEBODY = "dev eth1\n203.0.113.20 lladdr 02:00:00:00:00:09 REACHABLE\n"


def router(*addresses: str, neighbours: str = NOBODY) -> Observed:
    """One with these on eth1, and an address for its operator on eth0."""
    lines = [LINE.format(2, "eth0", "inet", "198.18.0.11/24")]
    lines += [LINE.format(3, "eth1", "inet6" if ":" in a else "inet", a) for a in addresses]
    seen = fleets.observed(*(a.partition("/")[0] for a in addresses))
    texts = {"addresses": "\n".join(lines), "neighbours": neighbours}
    return replace(seen, sections={name: Section(text, 0) for name, text in texts.items()})


def cluster(neighbours: str = NOBODY, *more: str) -> Mapping[str, Observed]:
    return {
        "ams1": router("203.0.113.101/24", "203.0.113.10/24", *more, neighbours=neighbours),
        "ams2": router("203.0.113.102/24", neighbours=neighbours),
    }


def test_who_answers() -> None:
    assert answer_of(router()) == Answer("eth1")
    assert answer_of(router(neighbours="")) == Answer("")
    assert answer_of(router(neighbours="dev eth1\n203.0.113.20 FAILED")) == Answer("eth1")
    same = "203.0.113.9 lladdr 02:00:00:00:00:09 STALE"
    found = answer_of(router(neighbours=SOMEBODY + same))
    assert found == Answer("eth1", "02:00:00:00:00:09", ("203.0.113.9",))
    assert str(found) == "02:00:00:00:00:09 on eth1, which is also 203.0.113.9"


def test_an_entry_that_somebody_typed_is_no_answer() -> None:
    typed = "dev eth1\n203.0.113.20 lladdr 02:00:00:00:00:09 PERMANENT"
    assert answer_of(router(neighbours=typed)) == Answer("eth1")


def test_the_networks_of_the_interface_that_has_an_address() -> None:
    seen = router("203.0.113.101/24", "203.0.113.10/32", "2001:db8::1/64", "fe80::1/64")
    assert {str(n) for n in networks(seen, of=OLD)} == {"203.0.113.0/24", "2001:db8::/64"}
    assert {str(n) for n in networks(seen)} == {
        *("203.0.113.0/24", "2001:db8::/64", "198.18.0.0/24"),
    }
    assert networks(seen, of=NEW) == frozenset()


def test_a_free_address_of_the_network_is_right() -> None:
    assert Encounter(NEW, OLD).judge(cluster()) == ({}, ())


def test_an_address_that_somebody_answers_for_is_refused_on_all_that_heard_it() -> None:
    errors, told = Encounter(NEW, OLD).judge(cluster(SOMEBODY))
    assert told == ()
    assert set(errors) == {"ams1", "ams2"}
    assert isinstance(errors["ams1"], Taken)
    assert "02:00:00:00:00:09 on eth1 answers for it" in errors["ams1"].message


def test_a_router_that_has_it_is_nobody_else() -> None:
    seen = cluster(SOMEBODY, "203.0.113.20/24")
    assert Encounter(NEW, OLD, keepalived=False).judge(seen) == ({}, ())
    held = "vrrp_instance A {\n virtual_ipaddress {\n  203.0.113.20/24\n }\n}\n"
    sections = {
        "keepalived:main": Section("/etc/keepalived/keepalived.conf", 0),
        "keepalived:file:/etc/keepalived/keepalived.conf": Section(held, 0),
    }
    told = replace(seen["ams1"], sections={**seen["ams1"].sections, **sections})
    assert Encounter(NEW, OLD).judge({**seen, "ams1": told}) == ({}, ())


def test_an_address_of_a_router_itself_is_no_vip() -> None:
    errors, _ = Encounter(NEW, OLD).judge(cluster(NOBODY, "203.0.113.20/24"))
    assert set(errors) == {"ams1", "ams2"}
    assert "ams1 has it as an address of its own" in errors["ams2"].message


@pytest.mark.parametrize("new", ["203.0.114.20", "198.18.0.99", "2001:db8::5"])
def test_an_address_of_another_network_is_refused(new: str) -> None:
    errors, _ = Encounter(ip_address(new), OLD).judge(cluster())
    assert set(errors) == {"ams1", "ams2"}
    assert isinstance(errors["ams1"], Outside)
    assert new in errors["ams1"].message


@pytest.mark.parametrize(
    ("new", "what"),
    [
        ("203.0.113.255", "the broadcast address of 203.0.113.0/24"),
        ("203.0.113.0", "the address of the network 203.0.113.0/24"),
    ],
)
def test_an_address_that_no_host_can_have_is_refused(new: str, what: str) -> None:
    errors, _ = Encounter(ip_address(new), OLD).judge(cluster())
    assert set(errors) == {"ams1", "ams2"}
    assert errors["ams1"].message == f"{new} cannot be a host's: it is {what}"


def test_the_ends_of_a_network_of_two_are_hosts() -> None:
    small = {"ams1": router("203.0.113.10/31"), "ams2": router("203.0.113.10/31")}
    assert Encounter(ip_address("203.0.113.11"), OLD).judge(small) == ({}, ())


def test_force_tells_and_goes_on() -> None:
    for seen in (cluster(SOMEBODY), {"ams1": router("192.0.2.1/24")}):
        errors, told = Encounter(NEW, OLD, force=True).judge(seen)
        assert errors == {}
        assert [each.id for each in told] == ["LVS071"]


def test_where_nobody_can_ask_that_is_told() -> None:
    errors, (told,) = Encounter(NEW, OLD).judge(cluster(""))
    assert errors == {}
    assert told.id == "LVS071"
    assert "nobody could be asked who has 203.0.113.20" in told.message


def test_a_vip_that_only_goes_is_nobodys_business() -> None:
    assert Encounter(None, None).judge(cluster(SOMEBODY)) == ({}, ())


class Looking:
    """A fleet that is looked at: all that `Encounter` asks of one."""

    def __init__(self, looks: Mapping[str, Look]) -> None:
        self.looks = looks
        self.jobs: Mapping[str, Job] = {}

    def look(self, jobs: Mapping[str, Job]) -> dict[str, Look | Outcome]:
        self.jobs = jobs
        return dict(self.looks)


def looked(*edits: Edit, shown: Shown | None) -> Look:
    """What becomes of a look at a router that needs these."""
    look = Look("ams1", router("203.0.113.101/24"), Change(Backend.IPTABLES, edits))
    fleet = Looking({"ams1": look})
    found = Encounter(None, None, shown=shown)(cast("Fleet", fleet), {})["ams1"]
    assert isinstance(found, Look)
    return found


def test_what_was_shown_is_done() -> None:
    other = replace(fleets.EDIT, op=Op.REMOVE)
    shown = {"ams1": frozenset({other, fleets.EDIT})}
    assert looked(fleets.EDIT, other, shown=shown).error is None
    assert looked(fleets.EDIT, shown=None).error is None  # nobody was asked


def test_what_was_not_shown_is_not_done() -> None:
    shown = {"ams1": frozenset({fleets.EDIT})}
    for edits in ((), (replace(fleets.EDIT, rule="-A OTHER"),)):
        assert isinstance(looked(*edits, shown=shown).error, ChangedMeanwhile)
    assert isinstance(looked(fleets.EDIT, shown={}).error, ChangedMeanwhile)


def test_the_network_is_asked_in_the_same_look() -> None:
    fleet = Looking({})
    jobs = {"ams1": job(fleets.desired("ams1", "ams"))}
    Encounter(NEW, OLD)(cast("Fleet", fleet), jobs)
    assert fleet.jobs["ams1"].ask is not jobs["ams1"].ask
    Encounter(None, None)(cast("Fleet", fleet), jobs)
    assert fleet.jobs["ams1"].ask is jobs["ams1"].ask
