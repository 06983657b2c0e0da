"""Rules of others, taken over or removed: nothing unmarked, nothing else touched, all undone."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.desired import Backend, Desired, Foreign
from inventory.rules import Mark, Ruleset
from tasks.backends import rich
from tasks.backends.chains import MARKS
from tasks.backends.iptables_save import Table, parse_dump, parse_rule, render
from tasks.backends.iptables_walk import OURS, walk
from tasks.backends.protocol import Change
from tasks.errors import Conflict
from tasks.outcome import Op, Where
from tasks.plan import plan, plan_back
from tasks.remote import script
from tests.unit.tasks.parted import files_of
from tests.unit.tasks.routers import FirewalldRouter, IptablesRouter, Tables, canonical
from tests.unit.tasks.worlds import FOREIGN_RICH, MANGLE_LINES, crowded_states

few = settings(max_examples=40, deadline=None)
PLAIN = [line for line in MANGLE_LINES if "PREROUTING" in line and "-j ACCEPT" not in line]
FUNCTIONS = script("revert").split("\ntrap ", 1)[0]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Desired, dict[str, str]]:
    """A desired state, and saved files that have a part of its marks by hand already."""
    desired = draw(crowded_states(Backend.IPTABLES))
    saved = {}
    for version, path in IptablesRouter.paths.items():
        share = [r for r in desired.ruleset.of_family(version) if isinstance(r, Mark)]
        typed = draw(st.lists(st.sampled_from(share), unique=True)) if share else []
        chain = draw(st.sampled_from(["PREROUTING", "hers"]))
        lines = [*render(chain, Ruleset.of(typed)), *draw(st.lists(st.sampled_from(PLAIN)))]
        lines = draw(st.permutations(lines))
        lines.insert(draw(st.integers(0, len(lines))), "-A PREROUTING -j hers")
        if version == 6:
            lines = [line for line in lines if "203.0" not in line and "192.0" not in line]
        text = "".join(f"{line}\n" for line in ("*mangle", ":hers - [0:0]", *lines, "COMMIT"))
        saved[path] = f"# by hand\n{text}*filter\n-A INPUT -j DROP\nCOMMIT\n"
    return desired, saved


def table(tables: Tables) -> Table:
    return parse_dump(tables.save()).get("mangle", Table())


def marked(tables: Tables) -> Ruleset:
    """The marks that packets get, of ours and of others."""
    seen = [rule for step in walk(table(tables), "PREROUTING") for rule in step.mark_rules]
    ours = [r for line in table(tables).of_chain(MARKS.chain) for r in parse_rule(line) or ()]
    return Ruleset.of([*seen, *ours])


def others(tables: Tables) -> list[str]:
    return [line for line in table(tables).rules if OURS not in line]


@few
@given(worlds())
def test_equal_rules_become_ours_and_a_second_look_is_content(
    world: tuple[Desired, dict[str, str]],
) -> None:
    desired, saved = world
    router = IptablesRouter.booted(saved)
    before = {v: (marked(t), others(t)) for v, t in router.running.items()}
    taking = replace(desired, adopt=True)
    router.bring(taking)
    assert plan(taking, router.observe()).edits == ()
    assert plan(desired, router.observe()).edits == ()
    for version, tables in router.running.items():
        wanted = Ruleset(desired.ruleset.of_family(version).marks)
        assert marked(tables) == before[version][0] | wanted
        left = [line for line in before[version][1] if line in others(tables)]
        assert others(tables) == left
        gone = set(before[version][1]) - set(left)
        assert all(
            wanted.covers(parse_rule(f"-A hers {x.split(maxsplit=2)[2]}") or Ruleset())
            for x in gone
        )
        booted = IptablesRouter.booted(router.files).running[version]
        assert others(booted) == others(tables)
        assert marked(booted) == marked(tables)


def test_each_equal_rule_goes() -> None:
    line = "-d 198.51.100.10/32 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x50/0xffffffff"
    lines = (f"-A PREROUTING {line}", "-A PREROUTING -j hers", f"-A hers {line}")
    dump = "\n".join(("*mangle", ":hers - [0:0]", *lines, "COMMIT", ""))
    rule = parse_rule(f"-A x {line}")
    assert rule is not None
    desired = desired_of(rule.marks[0])
    router = IptablesRouter.booted({IptablesRouter.paths[4]: dump})
    change = router.bring(replace(desired, adopt=True))
    assert others(router.running[4]) == ["-A PREROUTING -j hers"]
    runtime = [(e.op, e.rule) for e in change.edits if e.where is Where.RUNTIME]
    assert (Op.REMOVE, f"-A PREROUTING {line}") in runtime
    assert files_of(change)["do/v4"].index("-A LVSFLEET-MARK") < files_of(change)["do/v4"].index(
        "-D hers"
    )


def desired_of(mark: Mark) -> Desired:
    from inventory.desired import Service, ServicePorts  # noqa: PLC0415

    service = Service("web", (mark.vip,), (ServicePorts(mark.protocol, mark.ports),), mark.mark)
    return Desired("r1", backend=Backend.IPTABLES, services=(service,))


@few
@given(worlds(), st.sampled_from(["adopt", "remove", "both"]))
def test_what_was_taken_comes_back_to_its_place(
    world: tuple[Desired, dict[str, str]], how: str
) -> None:
    desired, saved = world
    foreign = Foreign.KEEP if how == "adopt" else Foreign.REMOVE
    desired = replace(desired, adopt=how != "remove", foreign=foreign)
    router = IptablesRouter.booted(saved)
    was, files = {v: t.save() for v, t in router.running.items()}, dict(router.files)
    before = router.observe()
    change = plan(desired, before)
    router.apply(change)
    undone = IptablesRouter({v: Tables(dict(t.of)) for v, t in router.running.items()})
    undone.apply(change, "undo")
    assert {v: normal(t.save()) for v, t in undone.running.items()} == {
        v: normal(text) for v, text in was.items()
    }
    router.commit(change)
    after = router.observe()
    back = plan_back(Backend.IPTABLES, change.edits, before=before, after=after, now=after)
    router.apply(back.change)
    router.commit(back.change)
    assert {v: normal(t.save()) for v, t in router.running.items()} == {
        v: normal(text) for v, text in was.items()
    }
    assert router.files == files


def normal(dump: str) -> str:
    """Without tables that hold nothing."""
    return "".join(f"{t}COMMIT\n" for t in dump.split("COMMIT\n") if "\n-A" in t or "\n:hers" in t)


@few
@given(worlds(), st.booleans())
def test_an_undo_fits_however_far_the_change_got(
    world: tuple[Desired, dict[str, str]], applied: bool
) -> None:
    desired, saved = world
    desired = replace(desired, adopt=True, foreign=Foreign.REMOVE)
    router = IptablesRouter.booted(saved)
    was = {v: t.save() for v, t in router.running.items()}
    change = plan(desired, router.observe())
    if applied:
        router.apply(change)
    for version, tables in router.running.items():
        steps = files_of(change).get(f"undo/v{version}")
        if steps:
            tables.restore(rehooked(steps, tables.save()), flush=False)
        assert normal(tables.save()) == normal(was[version])


def rehooked(steps: str, dump: str) -> str:
    """What ``ipt_rehook`` makes of the steps."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "steps").write_text(steps)
        code = f'set -- nonce "$@"\n{FUNCTIONS}\nipt_rehook "$1"'
        argv = ["sh", "-c", code, "-", f"{name}/steps"]
        done = subprocess.run(argv, input=dump, text=True, capture_output=True, check=True)
        return done.stdout


@few
@given(worlds())
def test_only_mark_rules_are_ever_removed(world: tuple[Desired, dict[str, str]]) -> None:
    desired, saved = world
    router = IptablesRouter.booted(saved)
    before = {v: others(t) for v, t in router.running.items()}
    wanted = replace(desired, foreign=Foreign.REMOVE)
    change = router.bring(wanted)
    named = {(e.scope, e.rule) for e in change.edits if e.op is Op.REMOVE}
    for version, tables in router.running.items():
        gone = [line for line in before[version] if line not in others(tables)]
        assert all(" -j MARK " in line for line in gone)
        assert all((f"ip{'6' if version == 6 else ''}tables mangle", x) in named for x in gone)
        assert marked(tables) == Ruleset(desired.ruleset.of_family(version).marks)
    assert plan(wanted, router.observe()).edits == ()
    assert plan(wanted, router.observe()).findings == ()


@few
@given(worlds())
def test_what_is_refused_is_told_whole(world: tuple[Desired, dict[str, str]]) -> None:
    desired, saved = world
    router = IptablesRouter.booted(saved)
    would_go = plan(replace(desired, foreign=Foreign.REMOVE), router.observe())
    going = [e.rule for e in would_go.edits if e.op is Op.REMOVE]
    refusing = replace(desired, foreign=Foreign.REFUSE)
    if not going:
        assert plan(refusing, router.observe()).edits == plan(desired, router.observe()).edits
        return
    with pytest.raises(Conflict) as caught:
        plan(refusing, router.observe())
    assert all(rule in caught.value.message for rule in going)


def changed(change: Change) -> set[tuple[str, str, str]]:
    return {(e.op.value, e.where.value, e.rule) for e in change.edits if e.place}


@few
@given(crowded_states(Backend.FIREWALLD, "public"), st.data())
def test_rich_rules_are_owned_as_they_are(desired: Desired, data: st.DataObject) -> None:
    texts = [rich.render(rule) for rule in desired.ruleset]
    typed = data.draw(st.lists(st.sampled_from(texts), unique=True)) if texts else []
    typed = [text.replace("/32", "").replace("/128", "") for text in typed]
    router = FirewalldRouter.with_rules({"public": [*typed, FOREIGN_RICH[0]]})
    taking = replace(desired, adopt=True)
    plain = plan(desired, router.observe())
    change = router.bring(taking)
    assert changed(change) == changed(plain)
    assert plan(taking, router.observe()).edits == ()
    nothing = router.bring(replace(desired, services=(), vrrp=type(desired.vrrp)()))
    assert router.runtime == router.saved == {"public": [canonical(FOREIGN_RICH[0])]}
    assert plan(replace(desired, services=()), router.observe()).backend is nothing.backend


@few
@given(crowded_states(Backend.FIREWALLD, "public"), st.lists(st.sampled_from(FOREIGN_RICH)))
def test_rich_rules_that_mark_are_refused_or_go(desired: Desired, foreign: list[str]) -> None:
    router = FirewalldRouter.with_rules({"public": dict.fromkeys(foreign)})
    marks = [rule for rule in dict.fromkeys(foreign) if " mark " in rule]
    if marks:
        with pytest.raises(Conflict) as caught:
            plan(replace(desired, foreign=Foreign.REFUSE), router.observe())
        assert all(canonical(rule) in caught.value.message for rule in marks)
    removing = replace(desired, foreign=Foreign.REMOVE)
    before = router.observe()
    change = router.bring(removing)
    after = router.observe()
    assert plan(removing, after).edits == ()
    left = {canonical(rule) for rule in foreign if rule not in marks}
    for rules in (router.runtime["public"], router.saved["public"]):
        assert {text for text in rules if rich.parse(text).rule is None} == {
            text for text in left if rich.parse(text).rule is None
        }
    back = plan_back(Backend.FIREWALLD, change.edits, before=before, after=after, now=after)
    router.apply(back.change)
    router.commit(back.change)
    assert set(router.runtime["public"]) == {canonical(rule) for rule in foreign}
