"""Whoever reads a whole answer of a router reads one that is spoilt, or says that it is none."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.desired import Backend, Desired, Foreign, Service, ServicePorts, Vrrp
from inventory.rules import PortRange, Protocol
from tasks.adopt.today import today
from tasks.backends.firewalld_place import Place, running
from tasks.backends.iptables_save import parse_rule
from tasks.checks.every import findings_of, subject_of
from tasks.errors import RouterError
from tasks.inspection import of_observed
from tasks.observe import Observed
from tasks.outcome import Op
from tasks.plan import plan
from tasks.walk import Filters, Packet
from tests.unit.tasks.answers import IPTABLES, ROUTERS
from tests.unit.tasks.cases import printed
from tests.unit.tasks.mutated import Edit, spoil, spoilings
from tests.unit.tasks.routers import observed

many = settings(max_examples=100, deadline=None, derandomize=True)
ZONE = Place("zone", "public")
VIP = ip_address("198.51.100.10")
PORTS = (ServicePorts(Protocol.TCP, PortRange(80, 80)), ServicePorts(Protocol.UDP, PortRange(5, 9)))
DESIRED = Desired(
    "fra1",
    cluster="fra",
    services=(Service("web", (VIP, ip_address("2001:db8:2::10")), PORTS, 80, accept=True),),
    vrrp=Vrrp(accept=True, ah=True),
)
WISHES = (
    DESIRED,
    replace(DESIRED, adopt=True, foreign=Foreign.REMOVE),
    replace(DESIRED, foreign=Foreign.REFUSE),
    replace(DESIRED, services=(), vrrp=Vrrp()),
)
PACKETS = (Packet(VIP, Protocol.TCP, 80), Packet(VIP, Protocol.UDP, 7, VIP, "eth1"))


@st.composite
def answers(draw: st.DrawFn, backend: Backend) -> Mapping[str, str]:
    """A router's whole answer, one to three of its parts spoilt."""
    whole = dict(ROUTERS[backend])
    for name in draw(st.lists(st.sampled_from(sorted(whole)), min_size=1, max_size=3)):
        whole[name] = spoil(whole[name], draw(spoilings))
    return whole


@pytest.mark.parametrize("backend", ROUTERS)
def test_a_whole_answer_is_understood_before_it_is_spoilt(backend: Backend) -> None:
    seen = observed(ROUTERS[backend])
    assert plan(replace(DESIRED, backend=backend), seen).edits
    assert findings_of(subject_of(replace(DESIRED, backend=backend), of_observed(seen)))
    assert all(Filters.of(seen).verdict(each).accepted is not None for each in PACKETS[1:])
    assert today(DESIRED, seen).backend is backend


@pytest.mark.parametrize("backend", ROUTERS)
@many
@given(data=st.data())
def test_whoever_reads_a_whole_answer_reads_a_spoilt_one(
    backend: Backend, data: st.DataObject
) -> None:
    desired = replace(data.draw(st.sampled_from(WISHES)), backend=backend)
    if backend is Backend.FIREWALLD and data.draw(st.booleans()):
        desired = replace(desired, policy="lvsfleet")
    with suppress(RouterError):
        seen = observed(data.draw(answers(backend)))
        all_that_reads(desired, seen)
        today(DESIRED, seen)


def all_that_reads(desired: Desired, seen: Observed) -> None:
    with suppress(RouterError):
        findings_of(subject_of(desired, of_observed(seen)))
    with suppress(RouterError):
        filters = Filters.of(seen)
        for packet in PACKETS:
            assert str(filters.verdict(packet))


@many
@given(spoilings)
def test_no_rich_rule_that_is_not_understood_is_ever_removed(edits: list[Edit]) -> None:
    text = spoil(printed("observe/firewall-cmd-rich-rules"), edits)
    sections = ROUTERS[Backend.FIREWALLD] | {"firewalld:rich:public": text}
    with suppress(RouterError):
        seen = observed(sections)
        side = running(ZONE, seen)
        assert side is not None
        theirs = {rule.text for rule in side.rules if rule.rule is None}
        for desired in (WISHES[0], WISHES[-1]):
            change = plan(replace(desired, backend=Backend.FIREWALLD), seen)
            assert not theirs & {each.rule for each in change.edits if each.op is Op.REMOVE}


@many
@given(st.data(), spoilings)
def test_no_line_of_iptables_that_is_not_understood_is_ever_removed(
    data: st.DataObject, edits: list[Edit]
) -> None:
    name = data.draw(st.sampled_from(sorted(each for each in IPTABLES if each != "units")))
    with suppress(RouterError):
        seen = observed(ROUTERS[Backend.IPTABLES] | {name: spoil(IPTABLES[name], edits)})
        for desired in (WISHES[0], WISHES[1], WISHES[-1]):
            change = plan(replace(desired, backend=Backend.IPTABLES), seen)
            gone = [each.rule for each in change.edits if each.op is Op.REMOVE]
            theirs = [rule for rule in gone if "LVSFLEET" not in rule]
            # With --adopt and foreign: remove those that we understand, or that set a mark.
            assert not theirs or desired.adopt
            assert all(parse_rule(rule) or "MARK" in rule for rule in theirs), theirs
