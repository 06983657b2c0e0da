"""iptables: from any state to any other, with other people's rules around, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.desired import Backend, Desired, Service, ServicePorts, Vrrp
from inventory.rules import Mark, Ruleset
from tasks.backends.chains import PLACES, Place
from tasks.backends.iptables_save import parse_dump, parse_rule
from tasks.errors import Conflict
from tasks.outcome import Where
from tasks.plan import plan
from tests.unit.tasks.parted import files_of
from tests.unit.tasks.routers import IptablesRouter, Tables
from tests.unit.tasks.worlds import crowded_states, saved_files

quick = settings(max_examples=40, deadline=None, derandomize=True)

V4 = "/etc/iptables/rules.v4"
V6 = "/etc/iptables/rules.v6"
states = crowded_states(Backend.IPTABLES)
files = st.fixed_dictionaries({V4: saved_files()}, optional={V6: saved_files()})

OURS = re.compile(r"^(\[\d+:\d+\] )?(:LVSFLEET-|-A LVSFLEET-|-A \S+ -j LVSFLEET-)")


def foreign(text: str) -> list[str]:
    return [line for line in text.split("\n") if not OURS.match(line)]


def does(lines: Iterable[str]) -> Ruleset:
    return Ruleset.of(rule for line in lines for rule in parse_rule(line) or ())


def own(tables: Tables, place: Place) -> Ruleset:
    chain = tables.rules(place.table, place.chain)
    return does(f"-A {place.chain} {rule}" for rule in chain)


def reaches(tables: Tables, place: Place) -> bool:
    """Whether packets get to our chain, and none of what stands behind it turns that round."""
    rules = tables.rules(place.table, place.parent)
    if rules.count(place.jump) != 1:
        return False
    at = rules.index(place.jump)
    if place.table == "filter":
        return not any(re.search(r"-j (REJECT|DROP)", r) for r in rules[:at] if " -s " not in r)
    return not any(re.search(r"-j MARK|--restore-mark", rule) for rule in rules[at:])


def is_there(router: IptablesRouter, desired: Desired) -> None:
    """The router does what is desired, now and after a boot, and nothing more of ours."""
    for tables in (router.running, IptablesRouter.booted(router.files).running):
        for version, family in tables.items():
            wanted = desired.ruleset.of_family(version)
            for place in PLACES:
                share = place.share(wanted)
                if version == 6 and not family.of and place.table == "filter":
                    continue  # without IPv6 rules nothing turns VRRP away
                assert own(family, place) == share
                if share:
                    assert reaches(family, place)
                else:
                    assert place.chain not in family.of.get(place.table, {})


@quick
@given(files, states, states)
def test_any_state_leads_to_any_other(saved: dict[str, str], a: Desired, b: Desired) -> None:
    router = IptablesRouter.booted(saved)
    for desired in (a, b):
        router.bring(desired)
        is_there(router, desired)
        assert plan(desired, router.observe()).edits == ()


@quick
@given(files, states, states)
def test_a_second_plan_changes_nothing(saved: dict[str, str], a: Desired, b: Desired) -> None:
    router = IptablesRouter.booted(saved)
    for desired in (a, b, a):
        router.bring(desired)
        again = plan(desired, router.observe())
        assert again.edits == ()
        assert not files_of(again)["save/files"]
        assert not any(files_of(again).get(f"do/v{version}") for version in (4, 6))


@quick
@given(files, states, states)
def test_the_rules_of_others_stay_in_their_order(
    saved: dict[str, str], a: Desired, b: Desired
) -> None:
    router = IptablesRouter.booted(saved)
    before = {version: foreign(router.running[version].save()) for version in (4, 6)}
    for desired in (a, b):
        router.bring(desired)
        for path, text in saved.items():
            now = foreign(router.files[path])
            kept = foreign(text)
            assert now[: len(kept) - 1] == kept[:-1]
            assert all(re.match(r"\*|:[A-Z]+ ACCEPT|COMMIT|$", line) for line in now[len(kept) :])
        for version, lines in before.items():
            now = [line for line in foreign(router.running[version].save()) if line[:2] == "-A"]
            assert now == [line for line in lines if line[:2] == "-A"]


@quick
@given(files, states, states)
def test_the_undo_brings_back_what_was(saved: dict[str, str], a: Desired, b: Desired) -> None:
    router = IptablesRouter.booted(saved)
    router.bring(a)
    before = deepcopy(router.running)
    change = plan(b, router.observe())
    router.apply(change)
    router.apply(change, "undo")
    for version in (4, 6):
        now, then = router.running[version].of, before[version].of
        for table in now:
            assert {c: r for c, r in now[table].items() if r} == {
                c: r for c, r in then.get(table, {}).items() if r
            }


@quick
@given(files, states, states)
def test_removing_all_leaves_the_files_as_they_were(
    saved: dict[str, str], a: Desired, b: Desired
) -> None:
    router = IptablesRouter.booted(saved)
    nothing = Desired("r1", backend=Backend.IPTABLES)
    for desired in (a, b, nothing):
        router.bring(desired)
    for path, text in saved.items():
        assert router.files[path].startswith(text)


def by_hand(mark: Mark) -> str:
    ports = str(mark.ports).replace("-", ":")
    return (
        f"-A PREROUTING -p {mark.protocol.value} -d {mark.vip} --dport {ports}"
        f" -j MARK --set-mark {mark.mark}"
    )


def with_typed(marks: Iterable[Mark]) -> IptablesRouter:
    """A router where somebody typed mark rules and saved them."""
    texts = {4: "*mangle\n", 6: "*mangle\n"}
    for mark in marks:
        texts[mark.vip.version] += by_hand(mark) + "\n"
    return IptablesRouter.booted({V4: texts[4] + "COMMIT\n", V6: texts[6] + "COMMIT\n"})


@quick
@given(states.filter(lambda desired: desired.ruleset.marks), st.data())
def test_what_somebody_typed_counts_and_is_not_doubled(
    desired: Desired, data: st.DataObject
) -> None:
    marks = desired.ruleset.marks
    typed = data.draw(st.lists(st.sampled_from(marks), unique=True, min_size=1))
    router = with_typed(typed)
    router.bring(desired)
    for version in (4, 6):
        ours = own(router.running[version], PLACES[1])
        theirs = does(
            f"-A X {rule}" for rule in router.running[version].rules("mangle", "PREROUTING")
        )
        assert ours | theirs == Ruleset(desired.ruleset.of_family(version).marks)
        assert not any(ours.overlaps(mark) for mark in theirs.marks)
    assert plan(desired, router.observe()).edits == ()


@quick
@given(states.filter(lambda desired: desired.ruleset.marks), st.data())
def test_a_mark_of_somebody_elses_that_differs_is_a_conflict(
    desired: Desired, data: st.DataObject
) -> None:
    mark = data.draw(st.sampled_from(desired.ruleset.marks))
    other = Mark(mark.vip, mark.protocol, mark.ports, mark.mark + 1)
    with pytest.raises(Conflict, match=str(other.mark)):
        plan(desired, with_typed([other]).observe())


WEB = "-d 198.51.100.10/32 -p tcp -m tcp --dport {} -j MARK --set-xmark 0x50/0xffffffff"


def web(ports: str = "80") -> Desired:
    (mark,) = does([f"-A X {WEB.format(ports)}"]).marks
    service = Service("web", (mark.vip,), (ServicePorts(mark.protocol, mark.ports),), 80)
    return Desired("r1", backend=Backend.IPTABLES, services=(service,))


def mangle(*rules: str) -> IptablesRouter:
    return IptablesRouter.booted({V4: "".join(f"{r}\n" for r in ("*mangle", *rules, "COMMIT"))})


HOOK = "-A PREROUTING -j LVSFLEET-MARK"
CHAIN = ":LVSFLEET-MARK - [0:0]"
RULE = f"-A LVSFLEET-MARK {WEB.format('80')}"


@pytest.mark.parametrize(
    "found",
    [
        pytest.param((CHAIN, HOOK, HOOK, RULE), id="hooked twice"),
        pytest.param((CHAIN, RULE), id="not hooked"),
        pytest.param((CHAIN, HOOK), id="empty"),
        pytest.param((CHAIN,), id="empty and not hooked"),
        pytest.param((CHAIN, HOOK, RULE, "-A LVSFLEET-MARK -j ACCEPT"), id="a line added"),
        pytest.param((CHAIN, HOOK, "-A LVSFLEET-MARK -j RETURN", RULE), id="a line in front"),
        pytest.param((CHAIN, HOOK, RULE.replace("0x50", "0x51"), RULE), id="marked twice"),
        pytest.param(
            (
                CHAIN,
                HOOK,
                "-A PREROUTING -m connmark ! --mark 0x0 -j CONNMARK --restore-mark",
                RULE,
            ),
            id="undone behind the hook",
        ),
        pytest.param(
            (CHAIN, HOOK, "-A PREROUTING -s 192.0.2.0/24 -j MARK --set-xmark 0x9/0xffffffff", RULE),
            id="marked anew behind the hook",
        ),
    ],
)
def test_a_chain_that_somebody_tampered_with_is_mended(found: tuple[str, ...]) -> None:
    router = mangle(*found)
    change = router.bring(web())
    assert {edit.where for edit in change.edits} == {Where.RUNTIME, Where.SAVED}
    is_there(router, web())
    router.bring(Desired("r1", backend=Backend.IPTABLES))
    is_there(router, Desired("r1", backend=Backend.IPTABLES))


def test_a_service_is_let_in_before_it_is_marked_and_shut_out_after() -> None:
    (service,) = web().services
    desired = replace(web(), services=(replace(service, accept=True),))
    change = plan(desired, mangle().observe())
    for folder, tables in (("do", ["*filter", "*mangle"]), ("undo", ["*mangle", "*filter"])):
        assert re.findall(r"\*\w+", files_of(change)[f"{folder}/v4"]) == tables


def test_a_chain_that_nothing_reaches_goes_where_somebody_typed_the_same() -> None:
    router = mangle(CHAIN, f"-A PREROUTING {WEB.format('80')}", RULE)
    router.bring(web())
    assert "LVSFLEET" not in router.running[4].save() + router.files[V4]


def test_a_chain_that_is_right_stays_where_somebody_moved_its_hook() -> None:
    harmless = "-A PREROUTING -i eth9 -j ACCEPT"
    router = mangle(CHAIN, HOOK, harmless, RULE)
    assert router.bring(web()).edits == ()


def test_a_chain_that_others_jump_to_is_not_taken_from_under_them() -> None:
    router = mangle(CHAIN, HOOK, "-A PREROUTING -i eth9 -j LVSFLEET-MARK", RULE)
    assert router.bring(web()).edits == ()
    with pytest.raises(Conflict, match="-i eth9 -j LVSFLEET-MARK"):
        plan(Desired("r1", backend=Backend.IPTABLES), router.observe())


@pytest.mark.parametrize(
    ("typed", "conflicts"), [("70:90", True), ("79", False), ("80:65535", True)]
)
def test_a_range_that_overlaps_ours_in_part_conflicts(typed: str, conflicts: bool) -> None:
    router = mangle("-A PREROUTING " + WEB.format(typed).replace("0x50", "0x51"))
    if conflicts:
        with pytest.raises(Conflict):
            plan(web(), router.observe())
    else:
        assert router.bring(web()).edits


def test_a_range_with_our_mark_covers_its_part() -> None:
    router = mangle("-A PREROUTING " + WEB.format("70:85"))
    router.bring(web("80:90"))
    assert own(router.running[4], PLACES[1]) == does([RULE.replace(" 80 ", " 86:90 ")])


def test_a_router_without_ipv6_is_left_alone_there() -> None:
    router = IptablesRouter.booted({V4: "*filter\n-A INPUT -j DROP\nCOMMIT\n"})
    desired = Desired("r1", backend=Backend.IPTABLES, vrrp=Vrrp(accept=True))
    change = plan(desired, router.observe())
    assert "do/v6" not in files_of(change)
    assert change.edits[0].rule == "-A LVSFLEET-IN -p vrrp -j ACCEPT"


def test_a_dump_and_a_file_need_not_be_canonical_to_be_known() -> None:
    text = f"*mangle\n{CHAIN}\n-A  PREROUTING  --jump LVSFLEET-MARK\n{RULE}\nCOMMIT\n"
    router = mangle(CHAIN, HOOK, RULE)
    router.files[V4] = text
    assert plan(web(), router.observe()).edits == ()
    assert parse_dump(text)["mangle"].of_chain("LVSFLEET-MARK") == (RULE,)
