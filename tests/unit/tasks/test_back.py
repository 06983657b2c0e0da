"""The way back from an earlier change: what was before it comes back, what others did stays."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.desired import Backend, Desired
from inventory.rules import Rule
from tasks.backends import rich
from tasks.backends.firewalld import ENABLE, START
from tasks.backends.protocol import Back, Change
from tasks.observe import Observed, Unit
from tasks.outcome import Edit, Op, Where
from tasks.plan import plan, plan_back
from tests.unit.tasks.parted import files_of
from tests.unit.tasks.routers import FirewalldRouter, IptablesRouter, canonical
from tests.unit.tasks.worlds import FOREIGN_RICH, crowded_states, saved_files

quick = settings(max_examples=40, deadline=None, derandomize=True)
V4 = "/etc/iptables/rules.v4"
V6 = "/etc/iptables/rules.v6"

files = st.fixed_dictionaries({V4: saved_files()}, optional={V6: saved_files()})
chains = crowded_states(Backend.IPTABLES)
zoned = st.sampled_from(["public", "dmz"]).flatmap(
    lambda zone: crowded_states(Backend.FIREWALLD, zone)
)
typed = st.lists(st.sampled_from(FOREIGN_RICH), unique=True)

Router = IptablesRouter | FirewalldRouter


@dataclass
class Done:
    """A change that was made, as the journal keeps it."""

    change: Change
    before: Observed
    after: Observed

    def back(self, router: Router, *, after: bool = True) -> Back:
        return plan_back(
            self.change.backend,
            self.change.edits,
            before=self.before,
            after=self.after if after else None,
            now=router.observe(),
        )


def brought(router: Router, desired: Desired) -> Done:
    before = router.observe()
    change = plan(desired, before)
    return made(router, change, before)


def made(router: Router, change: Change, before: Observed) -> Done:
    router.apply(change)
    router.commit(change)
    return Done(change, before, router.observe())


def same(router: Router, other: Router) -> bool:
    """Whether two routers filter alike, now and after a boot; iptables' files to the byte."""
    if isinstance(router, IptablesRouter) and isinstance(other, IptablesRouter):
        filters = [tables.save().replace(":LVSFLEET", "") for tables in router.running.values()]
        others = [tables.save().replace(":LVSFLEET", "") for tables in other.running.values()]
        return router.files == other.files and _rules(filters) == _rules(others)
    assert isinstance(router, FirewalldRouter)
    assert isinstance(other, FirewalldRouter)
    return all(
        sorted(mine[zone]) == sorted(theirs[zone])
        for mine, theirs in ((router.runtime, other.runtime), (router.saved, other.saved))
        for zone in mine
    )


def _rules(dumps: list[str]) -> list[list[str]]:
    """A table that holds nothing is no difference."""
    return [[line for line in dump.splitlines() if line.startswith("-A")] for dump in dumps]


def there_and_back(router: Router, a: Desired, b: Desired) -> None:
    brought(router, a)
    was = deepcopy(router)
    there = brought(router, b)
    is_ = deepcopy(router)
    if not there.change.edits:
        return
    back = there.back(router)
    assert back.since == ()
    seen = router.observe()
    router.apply(back.change)
    assert there.back(router).since == ()  # the way back itself is nothing that is lost by it
    router.commit(back.change)
    returned = Done(back.change, seen, router.observe())
    assert same(router, was)
    assert there.back(router).change.edits == ()  # twice is once
    if there.before.text("iptables:6") != "":  # else IPv6 is looked after only since then
        assert plan(a, router.observe()).edits == ()  # and it is our own again
    if returned.change.edits:
        again = returned.back(router)
        assert again.since == ()
        made(router, again.change, router.observe())
        assert same(router, is_)


@quick
@given(files, chains, chains)
def test_iptables_there_and_back(saved: dict[str, str], a: Desired, b: Desired) -> None:
    there_and_back(IptablesRouter.booted(saved), a, b)


@quick
@given(typed, zoned, zoned)
def test_firewalld_there_and_back(foreign: list[str], a: Desired, b: Desired) -> None:
    there_and_back(FirewalldRouter.with_rules({"public": foreign, "dmz": ()}), a, b)


@quick
@given(files, chains, chains, chains)
def test_iptables_says_what_a_later_change_did(
    saved: dict[str, str], a: Desired, b: Desired, c: Desired
) -> None:
    router = IptablesRouter.booted(saved)
    brought(router, a)
    was = deepcopy(router)
    there = brought(router, b)
    later = brought(router, c)
    back = there.back(router)
    new = {e.rule for e in later.change.edits if e.op is Op.ADD and e.where is Where.RUNTIME}
    told = "\n".join(back.since)
    before = {line for tables in was.running.values() for line in tables.save().splitlines()}
    assert all(rule in told for rule in new - before)
    made(router, back.change, router.observe())
    assert _rules([t.save() for t in router.running.values()]) == _rules(
        [t.save() for t in was.running.values()]
    )


@quick
@given(typed, zoned, zoned, st.sampled_from(FOREIGN_RICH))
def test_what_somebody_typed_since_stays(
    foreign: list[str], a: Desired, b: Desired, late: str
) -> None:
    router = FirewalldRouter.with_rules({"public": foreign, "dmz": ()})
    brought(router, a)
    there = brought(router, b)
    text = canonical(late)
    for side in (router.runtime, router.saved):
        if text not in side["public"]:
            side["public"].append(text)
    made(router, there.back(router).change, router.observe())
    assert text in router.runtime["public"]
    assert text in router.saved["public"]


RULE = (
    'rule family="ipv4" destination address="203.0.113.10" port port="80" protocol="tcp"'
    " mark set=80"
)
STARTED = (
    Edit(Op.ADD, Where.RUNTIME, RULE, "web", "zone public"),
    Edit(Op.ADD, Where.SAVED, RULE, "web", "zone public"),
    Edit(Op.ADD, Where.RUNTIME, START, None, "systemd"),
    Edit(Op.ADD, Where.SAVED, ENABLE, None, "systemd"),
)


def firewalld(*rules: str, running: bool) -> Observed:
    """A router with one zone."""
    router = FirewalldRouter.with_rules({"public": rules})
    seen = router.observe()
    sections = dict(seen.sections)
    units = {**seen.units, "firewalld": Unit(known=True, active=running, enabled=running)}
    if not running:
        del sections["firewalld:rich:public"], sections["firewalld:protocols:public"]
    return Observed(units, seen.addresses, (), None, sections)


def test_a_firewalld_that_was_started_is_stopped_and_started_again() -> None:
    stopped, runs = firewalld(running=False), firewalld(RULE, running=True)

    def back(edits: tuple[Edit, ...], before: Observed, now: Observed) -> Change:
        return plan_back(Backend.FIREWALLD, edits, before=before, after=now, now=now).change

    away = back(STARTED, stopped, runs)
    assert [(e.op, e.where, e.rule) for e in away.edits] == [
        (Op.REMOVE, Where.SAVED, RULE),
        (Op.REMOVE, Where.RUNTIME, START),
        (Op.REMOVE, Where.SAVED, ENABLE),
    ]
    assert {"do/stop", "undo/start", "save/disable", "undo/enable"} <= files_of(away).keys()
    assert back(STARTED, stopped, stopped).edits == ()

    again = back(away.edits, runs, stopped)
    assert [(e.op, e.where, e.rule) for e in again.edits] == [
        (Op.ADD, Where.SAVED, RULE),
        (Op.ADD, Where.RUNTIME, START),
        (Op.ADD, Where.SAVED, ENABLE),
    ]
    assert files_of(again)["do/saved-edits"] == f"add public {RULE}\n"
    assert {"do/start", "undo/stop", "save/enable"} <= files_of(again).keys()


def test_what_was_there_before_the_change_is_not_taken_away() -> None:
    """Between the plan and the change somebody typed the rule; the run found it there."""
    there = firewalld(RULE, running=True)
    edits = STARTED[:2]
    back = plan_back(Backend.FIREWALLD, edits, before=there, after=there, now=there)
    assert back.change.edits == ()


@pytest.mark.parametrize("seen", [True, False])
def test_a_later_rule_of_ours_stays_ours(seen: bool) -> None:
    later = RULE.replace("80", "81")
    router = FirewalldRouter.with_rules({"public": [RULE, later]})
    router.owned = f"public {rich.render(_rule(RULE))}\npublic {rich.render(_rule(later))}\n"
    now = router.observe()
    before = firewalld(running=True)
    after = FirewalldRouter.with_rules({"public": [RULE]})
    after.owned = router.owned.splitlines(keepends=True)[0]
    back = plan_back(
        Backend.FIREWALLD,
        STARTED[:2],
        before=before,
        after=after.observe() if seen else None,
        now=now,
    )
    assert bool(back.since) is seen
    assert [edit.rule for edit in back.change.edits] == [canonical(RULE)] * 2
    assert files_of(back.change)["owned"] == router.owned.splitlines(keepends=True)[1]


def _rule(text: str) -> Rule:
    rule = rich.parse(text).rule
    assert rule is not None
    return rule
