"""Mark rules of others, wherever in the mangle table a packet meets them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.backends.iptables_save import Table, parse_dump
from tasks.backends.iptables_walk import Step, walk, why_not
from tests.unit.tasks.cases import in_words, printed


def cases() -> dict[str, tuple[str, list[str]]]:
    found = {}
    for block in printed("walk/chains.txt").split("=== ")[1:]:
        title, _, rest = block.partition("\n")
        dump, _, does = rest.partition("--- does\n")
        found[title] = dump, does.strip().splitlines()
    return found


def told(step: Step) -> str:
    does = (
        "; ".join(in_words(step.does))
        if step.does is not None
        else step.reason or why_not(step.line)
    )
    return f"{step.chain} {step.before}: {does}"


@pytest.mark.parametrize("title", cases())
def test_a_dump_does_this(title: str) -> None:
    dump, does = cases()[title]
    steps = walk(parse_dump(dump)["mangle"], "PREROUTING")
    assert [told(each) for each in steps if each.marks] == does


SOME = """-A PREROUTING a b -j -g MARK RETURN --set-mark 1 0x5/0xf -d 203.0.113.1/32 -p tcp --dport
    80 ! -i eth0 -m " \\"""
words = st.sampled_from(SOME.split())


@given(st.lists(st.lists(words, max_size=12).map(" ".join), max_size=8))
def test_nothing_makes_it_fail(lines: list[str]) -> None:
    table = parse_dump("*mangle\n:a - [0:0]\n:b - [0:0]\n" + "\n".join(lines) + "\nCOMMIT\n")
    for step in walk(table.get("mangle", Table()), "PREROUTING"):
        assert why_not(step.line)
