"""firewalld's policies: rules move between zones and policies, over boots, never unmarked."""

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
from tasks.outcome import Edit, Op, Where
from tasks.plan import plan, plan_back
from tasks.sections import Section
from tests.unit.tasks.cases import printed
from tests.unit.tasks.parted import files_of
from tests.unit.tasks.routers import FirewalldRouter, canonical
from tests.unit.tasks.worlds import FOREIGN_RICH, crowded_states

quick = settings(max_examples=20, deadline=None, derandomize=True)

STAND_IN = "policy:allow-host-ipv6"
NOTHING = Desired("r1", backend=Backend.FIREWALLD)
PORTS = ServicePorts(Protocol.TCP, PortRange(80, 80))
WEB = replace(
    NOTHING,
    policy="lvsfleet",
    services=(Service("web", (ip_address("198.51.100.10"),), (PORTS,), 80, accept=True),),
)


@st.composite
def placed_states(draw: st.DrawFn) -> Desired:
    """Desired states in the default zone, in another one, or in a policy."""
    desired = draw(crowded_states(Backend.FIREWALLD))
    zone, policy = draw(
        st.sampled_from([(None, None), ("dmz", None), (None, "lvsfleet"), (None, "other")])
    )
    return replace(desired, zone=zone, policy=policy)


states = placed_states()
foreign_rules = st.lists(st.sampled_from(FOREIGN_RICH[:2] + FOREIGN_RICH[3:]), unique=True)


def a_router(*public: str) -> FirewalldRouter:
    return FirewalldRouter.with_rules({"public": public, "dmz": (), STAND_IN: ()})


def does(*places: list[str]) -> Ruleset:
    """What is ours in these places together."""
    foreign = set(map(canonical, FOREIGN_RICH))
    texts = [text for place in places for text in place if text not in foreign]
    return Ruleset.of(rule for text in texts if (rule := rich.parse(text).rule))


def is_there(router: FirewalldRouter, desired: Desired) -> None:
    """What is desired is done where it belongs, running and saved, and nowhere else."""
    place = f"policy:{desired.policy}" if desired.policy else desired.zone or router.default
    for rules, where in ((router.runtime, Where.RUNTIME), (router.saved, Where.SAVED)):
        at = place
        if desired.policy and where is Where.RUNTIME and place not in rules:
            at = STAND_IN
        elsewhere = [texts for each, texts in rules.items() if each != at]
        assert does(rules.get(at, [])) == desired.ruleset
        assert not does(*elsewhere)


@quick
@given(foreign_rules, st.lists(states, min_size=1, max_size=3), st.data())
def test_any_place_leads_to_any_other(
    typed: list[str], chain: list[Desired], data: st.DataObject
) -> None:
    router = a_router(*typed)
    for desired in (*chain, NOTHING):
        router.bring(desired)
        is_there(router, desired)
        assert plan(desired, router.observe()).edits == ()
        if data.draw(st.booleans()):
            router.reboot()
            is_there(router, desired)
            assert plan(desired, router.observe()).edits == ()
    assert set(router.saved) == {"public", "dmz", STAND_IN}, "policies of ours are gone"
    assert router.saved["public"] == list(map(canonical, typed))


@quick
@given(foreign_rules, states, states, st.booleans())
def test_the_undo_brings_back_what_was(
    typed: list[str], a: Desired, b: Desired, boot: bool
) -> None:
    router = a_router(*typed)
    router.bring(a)
    if boot:
        router.reboot()
    before = deepcopy(router)
    change = plan(b, router.observe())
    router.apply(change)
    router.apply(change, "undo")
    router.commit(change)
    router.commit(change, "undo")
    for mine, theirs in ((router.runtime, before.runtime), (router.saved, before.saved)):
        assert {each: sorted(rules) for each, rules in mine.items()} == {
            each: sorted(rules) for each, rules in theirs.items()
        }


def comes_by(router: FirewalldRouter, zone: str) -> Ruleset:
    """What is done with packets that arrive in ``zone``: every policy is for them."""
    policies = [rules for place, rules in router.runtime.items() if ":" in place]
    return does(router.runtime[zone], *policies)


@quick
@given(states, states, st.booleans())
def test_no_mark_that_stays_is_absent_for_a_moment(a: Desired, b: Desired, boot: bool) -> None:
    zones = {each.zone or "public" for each in (a, b) if not each.policy} or {"public", "dmz"}
    router = a_router()
    router.bring(a)
    if boot:
        router.reboot()
    stays = Ruleset(a.ruleset.marks) - (Ruleset(a.ruleset.marks) - Ruleset(b.ruleset.marks))
    if len(zones) > 1 and not (a.policy and b.policy):
        return  # from one zone to another: a packet comes by one of them only
    for _ in router.steps(plan(b, router.observe())):
        assert all(comes_by(router, zone).covers(stays) for zone in zones)


@quick
@given(foreign_rules, states, states, st.booleans(), st.booleans())
def test_the_way_back_leads_back_over_a_boot(
    typed: list[str], a: Desired, b: Desired, boot_before: bool, boot_after: bool
) -> None:
    router = a_router(*typed)
    router.bring(a)
    if boot_before:
        router.reboot()
    before = router.observe()
    change = plan(b, before)
    router.apply(change)
    router.commit(change)
    after = router.observe()
    if boot_after:
        router.reboot()
    back = plan_back(
        Backend.FIREWALLD, change.edits, before=before, after=after, now=router.observe()
    )
    assert back.since == ()
    router.apply(back.change)
    router.commit(back.change)
    is_there(router, a)
    assert plan(a, router.observe()).edits == ()


@quick
@given(states, states)
def test_a_router_never_forgets_what_is_its_own(a: Desired, b: Desired) -> None:
    router = a_router()
    router.bring(a)
    change = plan(b, router.observe())
    router.owned = files_of(change)["owned-meanwhile"]
    for _ in router.steps(change):
        broken_off = deepcopy(router)
        broken_off.bring(NOTHING)
        assert not does(*broken_off.runtime.values(), *broken_off.saved.values())


def with_sections(router: FirewalldRouter, **changed: str | None) -> Observed:
    """Names with ``_`` for ``:``; None takes the section away."""
    seen = router.observe()
    sections = dict(seen.sections)
    for name, text in changed.items():
        where = "firewalld:" + name.replace("__", "-").replace("_", ":")
        sections.pop(where, None)
        if text is not None:
            sections[where] = Section(text, 0)
    return replace(seen, sections=sections)


@pytest.mark.parametrize("version", ['s "0.6.3"', "0.6.3\n", "0.8.12"])
def test_a_firewalld_without_policies_says_which_it_takes(version: str) -> None:
    with pytest.raises(NotReady, match=r"0\.9\.0"):
        plan(WEB, with_sections(a_router(), version=version))


@pytest.mark.parametrize(
    "version", ["0.9.3", "1.3.3", '{"type":"v","data":[{"type":"s","data":"2.4.0"}]}']
)
def test_a_firewalld_with_policies_is_taken(version: str) -> None:
    assert plan(WEB, with_sections(a_router(), version=version)).edits


def test_a_policy_is_made_once_and_saved_only() -> None:
    change = plan(WEB, a_router().observe())
    policy = [each for each in change.edits if each.scope == "firewalld"]
    assert policy == [
        Edit(Op.ADD, Where.SAVED, "policy lvsfleet, from ANY to HOST", None, "firewalld")
    ]
    assert {each.scope for each in change.edits if each.where is Where.RUNTIME} == {
        "policy allow-host-ipv6"
    }
    assert "firewall-cmd --permanent --new-policy=lvsfleet" in change.commands


def test_a_policy_of_somebody_elses_is_not_taken_away() -> None:
    router = a_router()
    router.saved["policy:lvsfleet"] = []
    router.reboot()
    router.bring(WEB)
    router.bring(NOTHING)
    assert router.saved["policy:lvsfleet"] == []


def test_a_policy_that_somebody_put_a_rule_into_is_not_taken_away() -> None:
    router = a_router()
    router.bring(WEB)
    router.saved["policy:lvsfleet"].append(FOREIGN_RICH[1])
    router.bring(NOTHING)
    assert router.saved["policy:lvsfleet"] == [FOREIGN_RICH[1]]


def test_the_shipped_policy_may_be_the_one() -> None:
    router = a_router()
    desired = replace(WEB, policy="allow-host-ipv6")
    router.bring(desired)
    assert does(router.runtime[STAND_IN]) == does(router.saved[STAND_IN]) == WEB.ruleset
    router.bring(NOTHING)
    assert router.saved[STAND_IN] == []


def test_without_a_stand_in_the_policy_is_to_be_loaded_by_hand() -> None:
    router = FirewalldRouter.with_rules({"public": ()})
    with pytest.raises(NotReady, match="not there") as caught:
        plan(WEB, router.observe())
    assert "--new-policy=lvsfleet" in caught.value.hint
    router = a_router()
    router.runtime["policy:harmless"] = []
    assert plan(WEB, router.observe()).edits
    router.runtime["policy:bans"] = ['rule family="ipv4" source address="203.0.113.66" drop']
    with pytest.raises(NotReady, match="comes before bans"):
        plan(WEB, router.observe())


def test_a_policy_for_other_packets_is_refused() -> None:
    file = '<policy target="ACCEPT"><ingress-zone name="public"/><egress-zone name="ANY"/></policy>'
    with pytest.raises(Conflict, match="from public to ANY, priority -1"):
        plan(WEB, with_sections(a_router(), saved__policy_lvsfleet=file))
    settings_ = 'a{sv} 3 "priority" i 10 "ingress_zones" as 1 "ANY" "egress_zones" as 1 "HOST"'
    with pytest.raises(Conflict, match="priority 10"):
        plan(WEB, with_sections(a_router(), policy_lvsfleet=settings_))


@pytest.mark.parametrize("name", ["busctl-policy", "firewall-cmd-policy"])
def test_the_stand_in_is_read_over_the_bus_and_by_firewall_cmd(name: str) -> None:
    active = "allow-host-ipv6\n  ingress-zones: ANY\n  egress-zones: HOST\n"
    told = {"policy_allow-host-ipv6": printed(f"observe/{name}"), "policies": active}
    change = plan(WEB, with_sections(a_router(), **told))
    # 203.0.113.10 is in there, typed by hand, and no service explains it.
    assert any("203.0.113.10" in each.message for each in change.findings)
    assert {each.rule for each in change.edits if each.where is Where.RUNTIME} == {
        rich.render(rule) for rule in WEB.ruleset
    }


def test_a_zone_that_marks_the_same_packets_otherwise_is_a_conflict() -> None:
    other = rich.render(Mark(ip_address("198.51.100.10"), Protocol.TCP, PortRange(80, 80), 81))
    router = a_router()
    router.runtime["dmz"].append(canonical(other))
    with pytest.raises(Conflict, match="zone dmz"):
        plan(WEB, router.observe())


def test_many_saved_edits_go_with_the_program_that_makes_them_at_once() -> None:
    ports = tuple(ServicePorts(Protocol.TCP, PortRange(n, n)) for n in range(1, 200, 4))
    many = replace(WEB, services=(replace(WEB.services[0], ports=ports),))
    assert "FirewallClient" in files_of(plan(many, a_router().observe()))["bulk.py"]
    assert "bulk.py" not in files_of(plan(WEB, a_router().observe()))
