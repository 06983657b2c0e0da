"""What refuses new connections to VIPs that drain: planned, loaded by the real nft, taken back."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.desired import Backend, Desired, Draining, Refusal, Service, ServicePorts
from inventory.rules import Accept, PortRange, Protocol
from tasks import draining
from tasks.backends.protocol import Change
from tasks.draining import LOADER, State, change, state_of
from tasks.errors import NotReady
from tasks.observe import Observed, of_sections
from tasks.outcome import Op, Where
from tasks.plan import plan, plan_back
from tasks.remote import script
from tasks.sections import split
from tests.strategies import services
from tests.unit.tasks.routers import IptablesRouter, observed

few = settings(max_examples=10, deadline=None, derandomize=True)
V4, V6 = ip_address("198.51.100.10"), ip_address("2001:db8:2::10")
PORTS = (
    ServicePorts(Protocol.TCP, PortRange(80, 80)),
    ServicePorts(Protocol.UDP, PortRange(10000, 20000)),
)
WEB = Service("web", (V4, V6), PORTS, 80, accept=True)
ROUTER = Desired("r1", backend=Backend.IPTABLES, services=(WEB,))


def drains(**how: Draining) -> Desired:
    """The router whose VIPs drain so."""
    said = tuple((vip, how[name]) for vip, name in ((V4, "v4"), (V6, "v6")) if name in how)
    return replace(ROUTER, services=(replace(WEB, draining=said),))


def test_the_marks_go_and_what_lets_connections_in_stays() -> None:
    service = drains(v4=Draining.PASS).services[0]
    assert {mark.vip for mark in service.ruleset.marks} == {V6}
    assert {r.vip for r in service.ruleset if isinstance(r, Accept)} == {V4, V6}
    assert service.undrained == WEB.ruleset
    assert service.refusals == ()


def test_a_removed_mark_is_still_of_its_service() -> None:
    desired = drains(v4=Draining.DROP)
    assert {desired.service_of(mark) for mark in WEB.ruleset.marks} == {"web"}


def seen(table: str = "", saved: State | None = None) -> Observed:
    """A router that has this table and these files."""
    sections = {"units": "", **({draining.OWN: table} if table else {})}
    if saved and saved.saved.text is not None:
        sections |= {f"file:{LOADER.file}": saved.saved.text}
        sections |= {f"file:{path}": text for path, text in saved.saved.units.items()}
        sections["units"] = f"Id={LOADER.name}.service\nLoadState=loaded\nUnitFileState=enabled"
    return observed(sections)


def test_pass_needs_no_table() -> None:
    made = draining.plan(drains(v4=Draining.PASS), seen(), Backend.IPTABLES)
    assert made.edits == ()
    assert made.files == {}


def test_what_is_refused_and_how() -> None:
    desired = drains(v4=Draining.REJECT, v6=Draining.DROP)
    made = draining.plan(desired, seen(), Backend.IPTABLES)
    elements = [e for e in made.pending(Where.RUNTIME) if e.rule.startswith("add element")]
    assert [each.rule.removeprefix("add element inet lvsfleet_drain ") for each in elements] == [
        "drop6 { 2001:db8:2::10 . tcp . 80 }",
        "drop6 { 2001:db8:2::10 . udp . 10000-20000 }",
        "reject4 { 198.51.100.10 . tcp . 80 }",
        "reject4 { 198.51.100.10 . udp . 10000-20000 }",
    ]
    assert {each.service for each in elements} == {"web"}
    assert made.files["save/table"] == made.files["do/table"]
    assert made.files["save/enabled"] == "yes\n"


@pytest.mark.parametrize(("how", "order"), [("reject", [0, 1]), (None, [1, 0])])
def test_no_moment_is_without_either(how: str | None, order: list[int]) -> None:
    """Refused first, then not marked; marked first, then not refused."""
    router = IptablesRouter.booted({})
    undrained, drained = ROUTER, drains(v4=Draining.REJECT)
    if how:
        before, after, table = undrained, drained, ""
    else:
        before, after, table = drained, undrained, "{}"
    router.bring(replace(before, services=tuple(_passing(s) for s in before.services)))
    now = router.observe()
    if table:
        saved = State.doing(drained.refusals)
        extra = seen(saved=saved)
        now = replace(
            now,
            sections={**extra.sections, **now.sections},
            units={**now.units, LOADER.name: extra.units[LOADER.name]},
        )
    kinds = sorted({path.partition("/")[0] for path in plan(after, now).files})
    assert [kinds.index(each) for each in sorted(kinds, key=lambda k: "iptables" in k)] == order


def _passing(service: Service) -> Service:
    return replace(service, draining=tuple((vip, Draining.PASS) for vip, _ in service.draining))


def test_auto_would_take_the_table_for_who_marks() -> None:
    desired = replace(drains(v4=Draining.DROP), backend=Backend.AUTO)
    with pytest.raises(NotReady) as error:
        draining.plan(desired, seen(), Backend.IPTABLES)
    assert error.value.hint == "Say backend: iptables in the inventory"
    assert draining.plan(desired, seen(), Backend.NFTABLES).edits
    assert not draining.plan(
        replace(drains(v4=Draining.PASS), backend=Backend.AUTO), seen(), Backend.IPTABLES
    ).edits


def test_a_rollback_takes_the_table_back() -> None:
    before = seen()
    desired = drains(v4=Draining.DROP)
    made = draining.plan(desired, before, Backend.IPTABLES)
    now = seen(saved=State.doing(desired.refusals))
    back = plan_back(Backend.IPTABLES, made.edits, before=before, after=None, now=now).change
    assert {each.op for each in back.edits} == {Op.REMOVE}
    assert {each.rule for each in back.edits} <= {each.rule for each in made.edits}


# -- the real nft ---------------------------------------------------------------------------------

LIST = "nft -js list table inet lvsfleet_drain"


def alone(script: str) -> str:
    """What a script prints in a network namespace that ends with it; fails where a line does."""
    argv = ["unshare", "--net", "sh", "-eu", "-c", script]
    done = subprocess.run(argv, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{script}\n{done.stderr}"
    return done.stdout


def load(made: Change) -> str:
    return f"nft -f - <<'END'\n{made.files['do/table']}END\n"


@st.composite
def refusals(draw: st.DrawFn) -> tuple[Refusal, ...]:
    """Of a service, some of whose VIPs drain; one at least."""
    service = draw(services(name="web", mark=80))
    hows = [draw(st.sampled_from([Draining.REJECT, Draining.DROP])) for _ in service.vips]
    count = draw(st.integers(1, len(service.vips)))
    pairs = tuple(zip(service.vips, hows, strict=True))[:count]
    return replace(service, draining=pairs).refusals


def touching(those: tuple[Refusal, ...]) -> bool:
    """Whether nft would list two of them as one."""
    ends = {(r.vip, r.protocol, r.ports.last + 1) for r in those}
    return any((r.vip, r.protocol, r.ports.first) in ends for r in those)


@pytest.mark.lab
@few
@given(refusals().filter(lambda r: not touching(r)), refusals().filter(lambda r: not touching(r)))
def test_what_is_loaded_comes_back(before: tuple[Refusal, ...], after: tuple[Refusal, ...]) -> None:
    def services_of(_: str) -> None:
        return None

    first = change(seen(), State.doing(before), Backend.NFTABLES, services_of)
    told = alone(f"{load(first)}{LIST}")
    now = seen(told, State.doing(before))
    assert state_of(now) == State.doing(before)
    second = change(now, State.doing(after), Backend.NFTABLES, services_of)
    if before == after:
        assert not second.edits
        return
    told = alone(f"{load(first)}{load(second)}{LIST}")
    assert state_of(seen(told)).running == State.doing(after).running
    third = change(seen(told, State.doing(after)), State(), Backend.NFTABLES, services_of)
    assert alone(f"{load(first)}{load(second)}{load(third)}nft list tables") == ""


@pytest.mark.lab
@pytest.mark.parametrize(
    "odd",
    [
        "add rule inet lvsfleet_drain input drop",
        "delete set inet lvsfleet_drain odd",
        "add set inet lvsfleet_drain odd { type ipv4_addr; }",
        "add chain inet lvsfleet_drain other",
        "add counter inet lvsfleet_drain c",
        "flush chain inet lvsfleet_drain input",
    ],
)
def test_a_table_that_is_not_as_it_should_be_is_written_anew(odd: str) -> None:
    then = State.doing(drains(v4=Draining.DROP).refusals)
    text = "add set inet lvsfleet_drain odd { type ipv4_addr; }\n" if "delete" in odd else ""
    made = change(seen(), then, Backend.NFTABLES, lambda _: None)
    told = alone(f"{load(made)}nft -f - <<'END'\n{text}{odd}\nEND\n{LIST}")
    again = change(seen(told, then), then, Backend.NFTABLES, lambda _: None)
    assert bool(again.pending(Where.RUNTIME)) is ("delete" not in odd)
    assert not again.pending(Where.SAVED)


@pytest.mark.lab
@pytest.mark.parametrize("backend", [each for each in Backend if each is not Backend.AUTO])
@pytest.mark.parametrize("there", [False, True])
def test_a_table_that_only_runs_is_seen(backend: Backend, *, there: bool) -> None:
    made = "nft add table inet lvsfleet_drain" if there else ""
    told = alone(f"{made}\nset +e -- nonce {backend.value} ''\n{script('observe')}")
    assert bool(state_of(of_sections(split(told, "nonce"))).running) is there
