"""firewalld: from any state to any other, with other people's rules around, and back."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.desired import Backend, Desired, Service, ServicePorts
from inventory.rules import Mark, PortRange, Protocol, Ruleset
from tasks.backends import rich
from tasks.errors import Conflict, NotReady
from tasks.observe import Observed
from tasks.outcome import Where
from tasks.plan import plan
from tasks.sections import Section
from tests.unit.tasks.cases import printed
from tests.unit.tasks.parted import files_of
from tests.unit.tasks.routers import FirewalldRouter, canonical
from tests.unit.tasks.worlds import FOREIGN_RICH, crowded_states

quick = settings(max_examples=30, deadline=None, derandomize=True)

states = st.sampled_from([None, "public", "dmz"]).flatmap(
    lambda zone: crowded_states(Backend.FIREWALLD, zone)
)
foreign_rules = st.lists(st.sampled_from(FOREIGN_RICH), unique=True)
NOTHING = Desired("r1", backend=Backend.FIREWALLD)


def a_router(*public: str) -> FirewalldRouter:
    return FirewalldRouter.with_rules({"public": public, "dmz": ()})


def does(texts: list[str]) -> Ruleset:
    return Ruleset.of(rule for text in texts if (rule := rich.parse(text).rule))


def others(texts: list[str]) -> list[str]:
    return [text for text in texts if text in map(canonical, FOREIGN_RICH)]


def is_there(router: FirewalldRouter, desired: Desired) -> None:
    """The zone does what is desired, running and saved, and no zone does more of ours."""
    for zone, texts in (*router.runtime.items(), *router.saved.items()):
        wanted = desired.ruleset if zone == (desired.zone or router.default) else Ruleset()
        assert does([text for text in texts if text not in others(texts)]) == wanted


@quick
@given(foreign_rules, states, states)
def test_any_state_leads_to_any_other(typed: list[str], a: Desired, b: Desired) -> None:
    router = a_router(*typed)
    for desired in (a, b, NOTHING):
        router.bring(desired)
        is_there(router, desired)
        assert plan(desired, router.observe()).edits == ()
        assert others(router.runtime["public"]) == list(map(canonical, typed))
        assert others(router.saved["public"]) == list(map(canonical, typed))


@quick
@given(foreign_rules, states, states)
def test_the_undo_brings_back_what_was(typed: list[str], a: Desired, b: Desired) -> None:
    router = a_router(*typed)
    router.bring(a)
    before = deepcopy(router)
    change = plan(b, router.observe())
    router.apply(change)
    router.apply(change, "undo")
    router.commit(change)
    router.commit(change, "undo")
    for zone in before.runtime:
        assert sorted(router.runtime[zone]) == sorted(before.runtime[zone])
        assert sorted(router.saved[zone]) == sorted(before.saved[zone])


@quick
@given(states, states)
def test_no_mark_that_stays_is_absent_for_a_moment(a: Desired, b: Desired) -> None:
    b = replace(b, zone=a.zone)
    router = a_router()
    router.bring(a)
    stays = Ruleset(a.ruleset.marks) - (Ruleset(a.ruleset.marks) - Ruleset(b.ruleset.marks))
    zone = a.zone or router.default
    for _ in router.steps(plan(b, router.observe())):
        assert does(router.runtime[zone]).covers(stays)


@quick
@given(states, states)
def test_a_router_never_forgets_what_is_its_own(a: Desired, b: Desired) -> None:
    """Whenever a run breaks off, the list names all of ours that the router has."""
    router = a_router()
    router.bring(a)
    change = plan(b, router.observe())
    router.owned = files_of(change)["owned-meanwhile"]
    for _ in router.steps(change):
        broken_off = deepcopy(router)
        broken_off.saved = deepcopy(router.saved)
        broken_off.bring(NOTHING)
        assert not any(broken_off.runtime.values())
        assert not any(broken_off.saved.values())


@quick
@given(states.filter(lambda desired: desired.ruleset.marks), st.data())
def test_what_somebody_typed_counts_and_is_not_doubled(
    desired: Desired, data: st.DataObject
) -> None:
    typed = data.draw(st.lists(st.sampled_from(list(desired.ruleset)), unique=True, min_size=1))
    texts = [rich.render(rule).replace("/32", "").replace("/128", "") for rule in typed]
    router = FirewalldRouter.with_rules({"public": texts, "dmz": texts})
    router.bring(desired)
    zone = desired.zone or router.default
    assert does(router.runtime[zone]) == does(router.saved[zone]) == desired.ruleset
    assert len(router.runtime[zone]) == len(desired.ruleset)
    router.bring(NOTHING)
    assert router.runtime[zone] == [canonical(text) for text in texts]


@quick
@given(states.filter(lambda desired: desired.ruleset.marks), st.data())
def test_a_mark_of_somebody_elses_that_differs_is_a_conflict(
    desired: Desired, data: st.DataObject
) -> None:
    mark = data.draw(st.sampled_from(desired.ruleset.marks))
    other = rich.render(Mark(mark.vip, mark.protocol, mark.ports, mark.mark + 1))
    router = FirewalldRouter.with_rules({"public": [other], "dmz": [other]})
    with pytest.raises(Conflict, match=f"with {mark.mark + 1}"):
        plan(desired, router.observe())


WEB = 'rule family="ipv4" destination address="198.51.100.10/32" port port="{}" protocol="tcp" {}'


@st.composite
def web_states(draw: st.DrawFn) -> Desired:
    return draw(states.filter(lambda desired: desired.ruleset.marks and not desired.zone))


@quick
@given(web_states())
def test_without_the_list_of_our_own_all_that_is_there_is_somebody_elses(desired: Desired) -> None:
    router = a_router()
    router.bring(desired)
    router.owned = None
    assert plan(desired, router.observe()).edits == ()
    change = plan(NOTHING, router.observe())
    assert change.edits == ()
    assert len(change.findings) == len(desired.ruleset.marks)


@quick
@given(web_states(), st.text(alphabet=' "=\\\n\x0c*publicrule', max_size=40))
def test_a_list_with_odd_lines_is_read_as_far_as_it_goes(desired: Desired, odd: str) -> None:
    router = a_router()
    router.bring(desired)
    router.owned = f"{odd}\n{router.owned}{odd}"
    router.bring(NOTHING)
    assert router.runtime["public"] == []
    assert router.owned == ""


def test_a_zone_that_is_gone_is_not_mourned() -> None:
    router = a_router()
    router.owned = f"nozone {WEB.format(80, 'accept')}\n"
    assert plan(NOTHING, router.observe()).edits == ()


def test_a_rule_that_was_only_running_is_saved() -> None:
    rule = WEB.format(80, "accept")
    router = a_router()
    router.runtime["public"].append(rule)
    ports = ServicePorts(Protocol.TCP, PortRange(80, 80))
    web = Service("web", (ip_address("198.51.100.10"),), (ports,), 80, accept=True)
    change = plan(replace(NOTHING, services=(web,)), router.observe())
    assert [edit.where for edit in change.edits if edit.rule == rule] == [Where.SAVED]


def with_section(router: FirewalldRouter, name: str, text: str, status: int = 0) -> Observed:
    seen = router.observe()
    return replace(seen, sections={**seen.sections, name: Section(text, status)})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("<zone><rule>", id="cut off"),
        pytest.param("<zone>\udcff</zone>", id="not UTF-8"),
        pytest.param('<?xml version="1.0" encoding="klingon"?><zone/>', id="no such encoding"),
        pytest.param('<?xml version="1.0" encoding="utf-7"?><zone/>', id="an encoding refused"),
    ],
)
def test_a_broken_zone_file_is_said_to_be_broken(text: str) -> None:
    with pytest.raises(NotReady, match="broken"):
        plan(NOTHING, with_section(a_router(), "firewalld:saved:public", text))


def test_a_zone_file_may_be_in_another_encoding() -> None:
    text = '<?xml version="1.0" encoding="iso-8859-1"?><zone><short>\udce9t\udce9</short></zone>'
    assert plan(NOTHING, with_section(a_router(), "firewalld:saved:public", text)).edits == ()


def test_a_zone_that_is_not_there_is_named() -> None:
    with pytest.raises(NotReady, match="no zone 'nozone'"):
        plan(replace(NOTHING, zone="nozone"), a_router().observe())


def test_one_answer_may_come_from_the_bus_and_the_other_from_firewall_cmd() -> None:
    rules = with_section(a_router(), "firewalld:rich:public", printed("observe/busctl-rich-rules"))
    assert plan(NOTHING, rules).edits == ()
    protocols = with_section(a_router(), "firewalld:protocols:public", "112 esp\n")
    wanted = replace(NOTHING, vrrp=replace(NOTHING.vrrp, accept=True))
    assert {edit.where for edit in plan(wanted, protocols).edits} == {Where.SAVED}


def test_a_daemon_that_does_not_answer_is_said_so() -> None:
    with pytest.raises(NotReady, match="INVALID_ZONE"):
        plan(NOTHING, with_section(a_router(), "firewalld:rich:public", "INVALID_ZONE\n", 112))
