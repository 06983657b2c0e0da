"""nftables: from any state to any other, with other people's tables around, and back."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.desired import Backend, Desired, Service, ServicePorts, Vrrp
from inventory.rules import PortRange, Protocol
from tasks.backends.nft_table import FRAME, TABLE, OwnTable
from tasks.backends.nftables import LOADER, by_hand, state_of
from tasks.errors import Conflict, NotReady, NotUnderstood
from tasks.outcome import Op, Where
from tasks.plan import plan, plan_back
from tests.unit.tasks.nft_router import NftRouter
from tests.unit.tasks.parted import files_of
from tests.unit.tasks.worlds import crowded_states

quick = settings(max_examples=40, deadline=None, derandomize=True)

states = crowded_states(Backend.NFTABLES)
NOTHING = Desired("r1", backend=Backend.NFTABLES)
WEB = Service(
    "web",
    (ip_address("198.51.100.10"),),
    (ServicePorts(Protocol.TCP, PortRange(80, 80)),),
    80,
)
DESIRED = Desired("r1", backend=Backend.NFTABLES, services=(WEB,))


def is_there(router: NftRouter, desired: Desired) -> None:
    """The router does what is desired, now and after a boot, and nothing more of ours."""
    booted = deepcopy(router)
    booted.boot()
    for each in (router, booted):
        assert state_of(each.observe()).running == OwnTable.doing(desired.ruleset)
        assert plan(desired, each.observe()).edits == ()
    assert bool(router.files) == router.enabled == bool(desired.ruleset)


@quick
@given(states, states)
def test_any_state_leads_to_any_other(a: Desired, b: Desired) -> None:
    router = NftRouter()
    for desired in (a, b):
        router.bring(desired)
        is_there(router, desired)


@quick
@given(states, states)
def test_a_second_plan_does_nothing(a: Desired, b: Desired) -> None:
    router = NftRouter()
    for desired in (a, b, a):
        router.bring(desired)
        again = plan(desired, router.observe())
        assert (again.edits, again.commands) == ((), ())
        assert files_of(again)["do/table"] == files_of(again)["save/files"] == ""
        assert "save/enabled" not in files_of(again)


@quick
@given(states, states)
def test_the_diff_tells_the_difference(a: Desired, b: Desired) -> None:
    router = NftRouter()
    router.bring(a)
    change = plan(b, router.observe())
    before, after = OwnTable.doing(a.ruleset).lines, OwnTable.doing(b.ruleset).lines
    for where in Where:
        edits = [e for e in change.pending(where) if e.scope == TABLE]
        assert {e.rule for e in edits if e.op is Op.ADD} == set(after) - set(before)
        assert {e.rule for e in edits if e.op is Op.REMOVE} == set(before) - set(after)
        assert all(e.service in ("a", "b", "c", "vrrp", None) for e in edits)
        elements = [e for e in edits if e.op is Op.ADD and " element " in e.rule]
        assert all(e.service for e in elements)


@quick
@given(states, states)
def test_the_way_back_leads_back(a: Desired, b: Desired) -> None:
    router = NftRouter()
    router.bring(a)
    before = router.observe()
    was = deepcopy(router)
    change = router.bring(b)
    after = router.observe()
    back = plan_back(Backend.NFTABLES, change.edits, before=before, after=after, now=after)
    assert back.since == ()
    router.apply(back.change)
    half = plan_back(
        Backend.NFTABLES, change.edits, before=before, after=after, now=router.observe()
    )
    assert half.since == ()  # the way back itself is nothing that is lost by it
    router.commit(back.change)
    assert (router.files, router.enabled) == (was.files, was.enabled)
    assert state_of(router.observe()) == state_of(before)


@quick
@given(states, states)
def test_the_undo_brings_back_what_was(a: Desired, b: Desired) -> None:
    router = NftRouter()
    router.bring(a)
    before, was = deepcopy(router.table), state_of(router.observe())
    change = plan(b, router.observe())
    router.apply(change)
    router.undo(change, before)
    assert state_of(router.observe()) == was


def test_elements_that_stay_are_not_touched() -> None:
    router = NftRouter()
    router.bring(DESIRED)
    more = replace(DESIRED, vrrp=Vrrp(accept=True))
    change = plan(more, router.observe())
    assert files_of(change)["do/table"] == "add element inet lvsfleet protocols { vrrp }\n"
    assert files_of(change)["undo/table"] == "delete element inet lvsfleet protocols { vrrp }\n"


def test_a_table_whose_elements_were_cut_otherwise_is_replaced_whole() -> None:
    ports = (ServicePorts(Protocol.TCP, PortRange(80, 81)),)
    desired = replace(DESIRED, services=(replace(WEB, ports=ports),))
    router = NftRouter()
    router.bring(desired)
    assert router.table
    one = {"concat": ["198.51.100.10", "tcp", 80]}
    two = {"concat": ["198.51.100.10", "tcp", 81]}
    router.table["mark4"] = [[one, 80], [two, 80]]
    assert plan(desired, router.observe()).edits == ()
    change = plan(replace(desired, vrrp=Vrrp(accept=True)), router.observe())
    assert files_of(change)["do/table"].startswith("table inet lvsfleet\ndelete table")
    assert files_of(change)["undo/table"] == ""


def test_the_way_back_says_what_was_changed_since() -> None:
    router = NftRouter()
    before = router.observe()
    change = router.bring(DESIRED)
    after = router.observe()
    router.bring(replace(DESIRED, vrrp=Vrrp(accept=True)))
    now = router.observe()
    back = plan_back(Backend.NFTABLES, change.edits, before=before, after=after, now=now)
    assert set(back.since) == {
        "runtime: + add element inet lvsfleet protocols { vrrp }",
        "saved: + add element inet lvsfleet protocols { vrrp }",
    }
    assert back.change.edits


@quick
@given(st.sampled_from(["set", "rule", "chain"]), states)
def test_what_others_put_into_our_table_goes(kind: str, desired: Desired) -> None:
    router = NftRouter()
    router.bring(DESIRED)
    theirs = {"family": "inet", "table": "lvsfleet", "chain": "input", "name": "hers", "expr": []}
    router.odd = [{kind: theirs}]
    gone = [e for e in plan(DESIRED, router.observe()).edits if e.op is Op.REMOVE]
    assert [e.where for e in gone] == [Where.RUNTIME]
    assert gone[0].rule.startswith(f"add {kind} inet lvsfleet")
    router.bring(desired)
    is_there(router, desired)


@pytest.mark.parametrize("path", [LOADER.file, *LOADER.texts], ids=["table", "unit", "drop-in"])
@pytest.mark.parametrize("text", [None, "", "# hers\n", "also"])
def test_a_file_that_others_changed_is_written_anew(path: str, text: str | None) -> None:
    router = NftRouter()
    router.bring(DESIRED)
    if text is None:
        del router.files[path]
    else:
        router.files[path] = router.files[path] + "# hers\n" if text == "also" else text
    change = plan(DESIRED, router.observe())
    assert {e.where for e in change.edits} == {Where.SAVED}
    assert files_of(change)["do/table"] == ""
    router.commit(change)
    is_there(router, DESIRED)


def test_a_unit_that_is_not_enabled_is_an_edit() -> None:
    router = NftRouter()
    router.bring(DESIRED)
    router.enabled = False
    (edit,) = plan(DESIRED, router.observe()).edits
    assert (edit.where, edit.rule) == (Where.SAVED, LOADER.enable)


def test_the_undo_brings_the_unit_back_to_what_it_was() -> None:
    router = NftRouter()
    assert files_of(plan(DESIRED, router.observe()))["undo/enabled"] == "no\n"
    router.bring(DESIRED)
    assert files_of(plan(NOTHING, router.observe()))["undo/enabled"] == "yes\n"


def rule(chain: str, *expressions: object) -> dict[str, object]:
    return {"rule": {"family": "inet", "table": "filter", "chain": chain, "expr": expressions}}


def with_rules(*rules: dict[str, object], policy: str = "accept") -> NftRouter:
    """A router whose table ``inet filter`` has two base chains with these rules."""
    chains = [
        {"chain": {"family": "inet", "table": "filter", "name": hook, "hook": hook} | more}
        for hook, more in (
            ("prerouting", {"prio": -150, "policy": "accept"}),
            ("input", {"prio": 0, "policy": policy}),
        )
    ]
    return NftRouter(others=json.dumps({"nftables": [*chains, *rules]}))


def marks(mark: object, port: int = 80) -> dict[str, object]:
    to = {"payload": {"protocol": "ip", "field": "daddr"}}
    dport = {"payload": {"protocol": "tcp", "field": "dport"}}
    return rule(
        "prerouting",
        {"match": {"op": "==", "left": to, "right": "198.51.100.10"}},
        {"match": {"op": "==", "left": dport, "right": port}},
        {"mangle": {"key": {"meta": {"key": "mark"}}, "value": mark}},
    )


def test_a_mark_of_somebody_elses_is_a_conflict() -> None:
    with pytest.raises(Conflict, match=r"198\.51\.100\.10 tcp dport 80 meta mark set 0x7"):
        plan(DESIRED, with_rules(marks(7)).observe())


def test_the_same_mark_is_none_and_is_kept_by_us_too() -> None:
    change = plan(DESIRED, with_rules(marks(80)).observe())
    assert change.findings == ()
    assert [e for e in change.edits if "mark4 {" in e.rule and "0x00000050" in e.rule]


def test_a_mark_that_nobody_explains_is_told() -> None:
    (finding,) = plan(DESIRED, with_rules(marks(7, port=81)).observe()).findings
    assert finding.id == "LVS004"
    assert "ip daddr 198.51.100.10 tcp dport 81 meta mark set 0x7" in finding.message


def test_a_mark_behind_ours_that_is_not_understood_is_told() -> None:
    late = rule("input", {"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"ct": {}}}})
    early = rule("prerouting", {"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"ct": {}}}})
    assert plan(DESIRED, with_rules(early).observe()).findings == ()
    (finding,) = plan(DESIRED, with_rules(late).observe()).findings
    assert finding.id == "LVS015"


def test_what_another_table_turns_away_cannot_be_let_in() -> None:
    router = with_rules(policy="drop")
    assert plan(DESIRED, router.observe()).edits, "nothing is to be let in"
    for desired, said in (
        (replace(DESIRED, vrrp=Vrrp(accept=True)), "turns away VRRP"),
        (replace(DESIRED, services=(replace(WEB, accept=True),)), "198.51.100.10 port 80/tcp"),
    ):
        with pytest.raises(NotReady, match=said) as refused:
            plan(desired, router.observe())
        assert "chain input of table inet filter" in refused.value.message
        assert "nft insert rule inet filter input" in refused.value.hint


def test_what_may_be_turned_away_is_told() -> None:
    source = {"payload": {"protocol": "ip", "field": "saddr"}}
    peer = {"match": {"op": "==", "left": source, "right": "198.51.100.102"}}
    router = with_rules(rule("input", peer, {"accept": None}), policy="drop")
    change = plan(replace(DESIRED, vrrp=Vrrp(accept=True)), router.observe())
    assert [finding.id for finding in change.findings] == ["LVS014"]


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"nftables": 3}', '{"nftables": [3]}'])
def test_a_listing_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(NotUnderstood):
        plan(DESIRED, NftRouter(others=text).observe())


def test_a_router_without_nft_is_not_ready() -> None:
    seen = NftRouter().observe()
    seen = replace(seen, sections={k: v for k, v in seen.sections.items() if "others" not in k})
    with pytest.raises(NotReady, match="does not list its tables"):
        plan(DESIRED, seen)


def test_by_hand_is_the_frame_and_the_elements() -> None:
    commands = by_hand(DESIRED)
    assert commands[0] == "nft 'add table inet lvsfleet'"
    assert len(commands) == len(FRAME) + 3
    assert "198.51.100.10 . tcp . 80 : 0x00000050" in commands[-3]
    assert by_hand(NOTHING) == ()
