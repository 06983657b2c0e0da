"""Marks that people keep in nftables, by rules and by maps, as an adoption finds them."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.rules import Ruleset
from tasks.adopt.found import Found, Untold
from tasks.adopt.nftables import marks
from tasks.errors import NotUnderstood
from tasks.observe import Observed
from tasks.sections import Section
from tests.unit.tasks.cases import in_words, printed

BY_HAND = printed("nftables/by-hand.json")


def found(text: str) -> list[Found | Untold]:
    sections = {"nft:ruleset": Section(text, 0)}
    return list(marks(Observed({}, frozenset(), (), None, sections)))


def test_rules_and_maps_are_read() -> None:
    listed = found(BY_HAND)
    assert in_words(Ruleset.of(each.mark for each in listed if isinstance(each, Found))) == [
        "mark 203.0.113.11 21/tcp 21",
        "mark 203.0.113.11 10000-20000/tcp 21",
        "mark 203.0.113.53 53/udp 53",
        "mark 203.0.113.10 80/tcp 80",
        "mark 203.0.113.10 443/tcp 80",
        "mark 2001:db8:1::10 80/tcp 80",
        "mark 2001:db8:1::10 443/tcp 80",
    ]
    assert [each.where for each in listed if isinstance(each, Untold)] == [
        "nftables, chain pre of table inet site",
        "nftables, chain more of table inet site",
    ]


def test_tables_of_iptables_and_firewalld_are_theirs() -> None:
    for family, table in (("ip", "mangle"), ("ip6", "mangle"), ("inet", "firewalld")):
        text = BY_HAND.replace('"site"', f'"{table}"').replace('"inet"', f'"{family}"')
        assert found(text) == []


def spoilt(value: Any, path: list[int], by: Any) -> Any:
    """A copy with one thing in it replaced."""
    if not path or not isinstance(value, dict | list) or not value:
        return by
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[path[0] % len(keys)]
    copy: Any = value.copy()
    copy[key] = spoilt(value[key], path[1:], by)
    return copy


odd = st.sampled_from([None, 0, "", [], {}, "x", {"elem": 1}, {"range": [1]}, {"concat": 1}, [[]]])


@settings(max_examples=400, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=2, max_size=9), odd)
def test_nothing_else_than_not_understood_comes_of_rubbish(path: list[int], by: Any) -> None:
    with suppress(NotUnderstood):
        found(json.dumps(spoilt(json.loads(BY_HAND), path, by)))
