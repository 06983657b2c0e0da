"""The algebra of rulesets: a set of packets and what becomes of them, however it was cut."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.desired import Service
from inventory.rules import (
    Accept,
    AcceptProtocol,
    Mark,
    PortRange,
    Protocol,
    RouterProtocol,
    Rule,
    Ruleset,
    merge_ports,
    subtract_ports,
)
from tests.strategies import (
    crowded_rules,
    crowded_rulesets,
    port_ranges,
    rules,
    rulesets,
    services,
)

VIP = ip_address("203.0.113.10")


def facts(rules: Iterable[Rule]) -> set[object]:
    """What rules do, packet by packet: the model that the algebra is held against."""
    done: set[object] = set()
    for rule in rules:
        if isinstance(rule, AcceptProtocol):
            done.add(rule.protocol)
            continue
        number = rule.mark if isinstance(rule, Mark) else 0
        for port in range(rule.ports.first, rule.ports.last + 1):
            done.add((rule.vip, rule.protocol, port, number))
    return done


@given(st.lists(crowded_rules, max_size=8))
def test_the_canonical_form_does_the_same(some: list[Rule]) -> None:
    assert facts(Ruleset.of(some)) == facts(some)


@given(st.lists(crowded_rules, max_size=8), st.lists(crowded_rules, max_size=8))
def test_equal_means_doing_the_same(one: list[Rule], two: list[Rule]) -> None:
    assert (Ruleset.of(one) == Ruleset.of(two)) == (facts(one) == facts(two))


@given(st.lists(rules, max_size=8), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_count(some: list[Rule], random: Random) -> None:
    shuffled = [*some, *some]
    random.shuffle(shuffled)
    assert Ruleset.of(shuffled) == Ruleset.of(some)
    assert hash(Ruleset.of(shuffled)) == hash(Ruleset.of(some))


@given(rulesets)
def test_canonical_stays_canonical(a: Ruleset) -> None:
    assert Ruleset.of(a) == a


@given(crowded_rulesets, crowded_rulesets)
def test_union_and_difference_are_those_of_sets(a: Ruleset, b: Ruleset) -> None:
    assert facts(a | b) == facts(a) | facts(b)
    assert facts(a - b) == facts(a) - facts(b)
    assert a.covers(b) == (facts(a) >= facts(b))


@given(crowded_rulesets, crowded_rulesets)
def test_the_difference_leads_from_one_to_the_other(a: Ruleset, b: Ruleset) -> None:
    assert (a - (a - b)) | (b - a) == b


@given(rulesets, rulesets, rulesets)
def test_laws(a: Ruleset, b: Ruleset, c: Ruleset) -> None:
    nothing = Ruleset()
    assert a | b == b | a
    assert (a | b) | c == a | (b | c)
    assert a | a == a
    assert a - a == nothing
    assert a - nothing == a
    assert a - (b | c) == (a - b) - c
    assert (a | b).covers(a)


@given(crowded_rulesets, crowded_rules)
def test_overlap_is_a_shared_packet(a: Ruleset, rule: Rule) -> None:
    if not isinstance(rule, AcceptProtocol):
        assert a.overlaps(rule) == bool(facts(a) & facts([rule]))


@given(rulesets)
def test_the_families_make_up_the_whole(a: Ruleset) -> None:
    assert a.of_family(4) | a.of_family(6) == a


@given(st.lists(port_ranges(most=40), max_size=6), st.lists(port_ranges(most=40), max_size=6))
def test_ports_are_sets_of_numbers(some: list[PortRange], taken: list[PortRange]) -> None:
    def numbers(ranges: Iterable[PortRange]) -> set[int]:
        return {n for ports in ranges for n in range(ports.first, ports.last + 1)}

    merged, left = merge_ports(some), subtract_ports(some, taken)
    assert numbers(merged) == numbers(some)
    assert numbers(left) == numbers(some) - numbers(taken)
    for ranges in (merged, left):
        assert all(a.last + 1 < b.first for a, b in pairwise(ranges))


@given(services())
def test_a_service_marks_each_vip_and_port(service: Service) -> None:
    assert {rule.vip for rule in service.ruleset.marks} == set(service.vips)
    assert {rule.mark for rule in service.ruleset.marks} == {service.mark}
    accepts = [rule for rule in service.ruleset if isinstance(rule, Accept)]
    assert len(accepts) == (len(service.ruleset.marks) if service.accept else 0)


def test_the_order_of_a_listing() -> None:
    port = PortRange(80, 80)
    listed = [
        AcceptProtocol(RouterProtocol.VRRP),
        AcceptProtocol(RouterProtocol.AH),
        Accept(VIP, Protocol.TCP, port),
        Mark(VIP, Protocol.TCP, port, 21),
        Mark(VIP, Protocol.TCP, port, 80),
        Mark(ip_address("2001:db8::10"), Protocol.TCP, port, 80),
    ]
    assert list(Ruleset.of(reversed(listed))) == listed


@pytest.mark.parametrize(("first", "last"), [(0, 1), (2, 1), (1, 65536), (-1, 5)])
def test_ranges_that_are_none(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="no port range"):
        PortRange(first, last)


@pytest.mark.parametrize("mark", [0, -1, 2**32])
def test_marks_that_are_none(mark: int) -> None:
    with pytest.raises(ValueError, match="no firewall mark"):
        Mark(VIP, Protocol.TCP, PortRange(80, 80), mark)
