"""What the packet filters print, and what people type, is read for what it does."""

from __future__ import annotations

import json
from random import Random
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.rules import Mark, Ruleset
from tasks.backends import rich
from tasks.backends.iptables_save import MULTIPORT_SLOTS, parse_dump, parse_rule, render
from tests.strategies import crowded_rulesets, rulesets
from tests.unit.tasks.cases import in_words, printed, rules
from tests.unit.tasks.mutated import Edit, spoil, spoilings
from tests.unit.tasks.routers import canonical, zone_file

quick = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.mark.parametrize(("line", "means"), rules("iptables/rules.txt"))
def test_a_line_of_iptables_means_what_it_does(line: str, means: list[str]) -> None:
    assert in_words(parse_rule(line)) == means


@pytest.mark.parametrize(("text", "means"), rules("rich/rules.txt"))
def test_a_rich_rule_means_what_it_does(text: str, means: list[str]) -> None:
    rule = rich.parse(text).rule
    assert rich.parse(text).text == text
    assert in_words(None if rule is None else [rule]) == means


def test_both_variants_of_iptables_save_say_the_same() -> None:
    nft = parse_dump(printed("iptables/hand-typed.v4"))
    legacy = parse_dump(printed("iptables/hand-typed-legacy-counters.v4"))
    for parent in ("PREROUTING", "POSTROUTING"):
        assert nft["mangle"].of_chain(parent) == legacy["mangle"].of_chain(parent)
    assert nft["filter"].of_chain("f2b-sshd") == legacy["filter"].of_chain("f2b-sshd")
    assert "f2b-sshd" in nft["filter"].chains


def from_zone(text: str) -> list[rich.RichRule]:
    zone = ElementTree.fromstring(text)  # noqa: S314 - our own
    return [rich.from_xml(rule) for rule in zone.iter("rule")]


def test_a_zone_file_is_read_in_the_words_of_firewall_cmd() -> None:
    told = [rule.text for rule in from_zone(printed("rich/public.xml"))]
    assert told == printed("rich/public.list").splitlines()


def test_a_zone_file_may_say_that_nothing_is_inverted() -> None:
    (read,) = from_zone(
        '<zone><rule family="ipv4"><destination invert="no" address="192.0.2.1"/>'
        '<port protocol="tcp" port="80"/><mark set="80"/></rule></zone>'
    )
    assert in_words([read.rule] if read.rule else None) == ["mark 192.0.2.1 80/tcp 80"]
    assert 'port port="80" protocol="tcp"' in read.text


@quick
@given(rulesets | crowded_rulesets, st.randoms())
def test_rich_rules_come_back_from_the_runtime_and_from_the_file(
    ruleset: Ruleset, random: Random
) -> None:
    texts = [canonical(rich.render(rule)) for rule in ruleset]
    random.shuffle(texts)
    assert [rule.text for rule in from_zone(zone_file(texts))] == texts
    assert Ruleset.of(rule for t in texts if (rule := rich.parse(t).rule)) == ruleset


@quick
@given(rulesets | crowded_rulesets)
def test_rules_come_back_from_a_chain(ruleset: Ruleset) -> None:
    lines = render("CHAIN", ruleset)
    dump = "\n".join(["*mangle", ":CHAIN - [0:0]", *lines, "COMMIT", ""])
    table = parse_dump(dump)["mangle"]
    assert table.of_chain("CHAIN") == lines
    parsed = [parse_rule(line) for line in lines]
    assert None not in parsed
    assert Ruleset.of(rule for each in parsed if each for rule in each) == ruleset


@quick
@given(st.lists(st.integers(1, 16000), max_size=60, unique=True), st.data())
def test_no_line_takes_more_slots_than_multiport_has(
    firsts: list[int], data: st.DataObject
) -> None:
    lengths = data.draw(st.lists(st.integers(0, 3), min_size=len(firsts), max_size=len(firsts)))
    mark = "-A X -d 192.0.2.1/32 -p tcp -m multiport --dports {} -j MARK --set-mark 1"
    wanted = Ruleset.of(
        rule
        for first, length in zip(firsts, lengths, strict=True)
        for rule in parse_rule(mark.format(f"{first * 4}:{first * 4 + length}")) or ()
    )
    lines = render("X", wanted)
    for line in lines:
        if "multiport" in line:
            ports = line.split("--dports ")[1].split()[0]
            assert ports.count(",") + 1 + ports.count(":") <= MULTIPORT_SLOTS
    read = Ruleset.of(rule for line in lines for rule in parse_rule(line) or ())
    assert read == wanted
    assert all(isinstance(rule, Mark) for rule in read)


ODDITIES = [line for line, _ in rules("iptables/rules.txt")]
RICH_ODDITIES = [text for text, _ in rules("rich/rules.txt")]


@quick
@given(st.sampled_from(ODDITIES), spoilings)
def test_no_line_is_too_odd_to_read(line: str, edits: list[Edit]) -> None:
    parse_rule(spoil(line, edits))


@quick
@given(st.sampled_from(RICH_ODDITIES), spoilings)
def test_no_rich_rule_is_too_odd_to_read(text: str, edits: list[Edit]) -> None:
    text = spoil(text, edits)
    assert rich.parse(text).text == text


def test_the_bus_and_firewall_cmd_tell_the_same_rules() -> None:
    told = json.loads(printed("observe/busctl-rich-rules"))["data"][0]
    assert told == printed("observe/firewall-cmd-rich-rules").splitlines()
