"""No answer of a router is too odd to read: what real ones printed, spoilt, and all that reads it.

What makes no sense is said to make none, by a `RouterError`. What is not understood is somebody
else's: it is kept, in its own words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.rules import Ruleset
from tasks.backends.chains import ACCEPTS, MARKS, read
from tasks.backends.firewalld_place import Place, groups, running, saved
from tasks.backends.iptables_file import edit
from tasks.backends.iptables_save import Table, lines_of, parse_dump, parse_rule
from tasks.backends.nft_json import chains_of_others, parse_own
from tasks.backends.nft_layout import layout
from tasks.backends.nft_maps import maps_of
from tasks.backends.nft_table import parse_text
from tasks.bus import bus_strings, bus_value, is_bus
from tasks.errors import RouterError
from tasks.ipvs import parse_table
from tasks.keepalived.complaints import complaints
from tasks.observe import parse_addresses, parse_units
from tasks.sections import Section
from tasks.standing import parse_instances
from tests.unit.tasks.answers import ACTIVE, ACTIVE_ON_BUS, INSTANCES, IPVSADM, NFT_FILE, OWN_FILE
from tests.unit.tasks.cases import printed
from tests.unit.tasks.mutated import Edit, spoil, spoilings
from tests.unit.tasks.routers import observed

quick = settings(max_examples=150, deadline=None, derandomize=True)

PARSERS: Mapping[str, tuple[Callable[[str], object], tuple[str, ...]]] = {
    "iptables-save": (
        lambda text: [parse_rule(x) for t in parse_dump(text).values() for x in t.rules],
        tuple(
            map(printed, ("iptables/hand-typed.v4", "iptables/hand-typed-legacy-counters.v4",
                          "iptables/hand-typed.v6", "way_in/hardened.v4")),
        ),
    ),
    "nft's listing of our table": (parse_own, (printed("nftables/frame.json"),)),
    "nft's listing of others": (
        chains_of_others,
        (printed("nftables/lab.json"), printed("nftables/by-hand.json")),
    ),
    "nft's listing of maps": (maps_of, (printed("nftables/by-hand.json"),)),
    "nft's files": (
        lambda text: layout({"/etc/nftables.conf": text}, "/etc/nftables.conf"),
        (NFT_FILE,),
    ),
    "our nft file": (parse_text, (OWN_FILE + printed("nftables/by-hand.nft"),)),
    "D-Bus": (
        lambda text: (bus_value(text), bus_strings(text)),
        (printed("observe/busctl-rich-rules-text"), printed("observe/busctl-rich-rules"),
         printed("observe/busctl-policy")),
    ),
    "active zones": (lambda text: groups(Section(text, 0)), (ACTIVE, ACTIVE_ON_BUS)),
    "ip addr": (parse_addresses, (printed("observe/addresses"),)),
    "systemctl show": (parse_units, (printed("observe/units-debian"),)),
    "ipvsadm": (parse_table, (IPVSADM,)),
    "keepalived's complaints": (complaints, (printed("keepalived/complaints/brace"),)),
    "keepalived's state": (parse_instances, (INSTANCES,)),
}  # fmt: skip


@pytest.mark.parametrize("parser", PARSERS)
def test_there_is_something_to_spoil(parser: str) -> None:
    parse, texts = PARSERS[parser]
    for text in texts:
        with suppress(RouterError):
            assert parse(text)


@pytest.mark.parametrize("parser", PARSERS)
@quick
@given(st.data(), spoilings)
def test_no_answer_makes_a_parser_fail(parser: str, data: st.DataObject, edits: list[Edit]) -> None:
    parse, texts = PARSERS[parser]
    with suppress(RouterError):
        parse(spoil(data.draw(st.sampled_from(texts)), edits))


def test_a_line_of_ipvsadm_may_be_blank() -> None:
    """It was taken for a line with an option too many, and stopped the whole check."""
    assert parse_table(f"\n{IPVSADM}\n \f\n") == parse_table(IPVSADM) != ()


DUMPS = [printed(f"iptables/hand-typed.{end}") for end in ("v4", "v6")]
DUMPS += [printed(f"way_in/{name}") for name in ("hardened.v4", "red-hat.v4", "debian.v6")]


@quick
@given(st.sampled_from(DUMPS), spoilings)
def test_every_rule_of_a_dump_is_kept_in_its_own_words(dump: str, edits: list[Edit]) -> None:
    text = spoil(dump, edits)
    wanted: dict[str, list[str]] = {}
    table: list[str] = []
    for line in (each.strip() for each in text.split("\n")):
        if line.startswith("*"):
            table = wanted[line[1:].strip()] = []
        elif line.split()[:1] in (["-A"], ["--append"]) and len(line.split()) > 1:
            table.append(line)
    assert {name: list(each.rules) for name, each in parse_dump(text).items()} == wanted


WEB = "-A X -d 198.51.100.10/32 -p tcp -m tcp --dport 80 -j"


@quick
@given(st.sampled_from(DUMPS), spoilings)
def test_a_file_that_is_edited_keeps_every_line_of_others(dump: str, edits: list[Edit]) -> None:
    text = before = spoil(dump, edits)
    for place, target in ((MARKS, "MARK --set-mark 80"), (ACCEPTS, "ACCEPT")):
        rules = parse_rule(f"{WEB} {target}")
        assert rules
        now = read(place, parse_dump(text).get(place.table, Table()))
        text = edit(text, place, now.with_rules(place, rules))
    assert not missing(before, text)
    for place in (MARKS, ACCEPTS):
        now = read(place, parse_dump(text).get(place.table, Table()))
        text = edit(text, place, now.with_rules(place, Ruleset()))
    assert not missing(before, text)
    if "LVSFLEET" not in before and could_be_loaded(before):
        assert text.startswith(before)


def could_be_loaded(text: str) -> bool:
    """Whether each table is committed before another begins; else iptables-restore refuses it."""
    bare = [line.strip() for line in lines_of(text)]
    marks = [line[:1] for line in bare if line.startswith("*") or line == "COMMIT"]
    return "".join(marks) == "*C" * (len(marks) // 2)


def missing(before: str, after: str) -> list[str]:
    """The lines without our name that are not in the same order in another file."""
    left = iter(lines_of(after))
    wanted = [line.rstrip("\n") for line in lines_of(before) if "LVSFLEET" not in line]
    return [line for line in wanted if all(line != each.rstrip("\n") for each in left)]


LISTED = {
    "firewall-cmd": printed("observe/firewall-cmd-rich-rules"),
    "the bus": printed("observe/busctl-rich-rules-text"),
}
ZONE = Place("zone", "public")


@pytest.mark.parametrize("by", LISTED)
@quick
@given(edits=spoilings)
def test_every_rich_rule_is_kept_in_its_own_words(by: str, edits: list[Edit]) -> None:
    text = spoil(LISTED[by], edits)
    sections = {"firewalld:rich:public": text, "firewalld:protocols:public": ""}
    with suppress(RouterError):
        side = running(ZONE, observed({"units": "", **sections}))
        assert side is not None
        wanted = bus_strings(text) if is_bus(text) else [x for x in text.split("\n") if x]
        assert [rule.text for rule in side.rules] == wanted


@quick
@given(st.sampled_from(["zone", "policy"]), spoilings)
def test_every_rule_of_a_file_of_firewalld_is_kept(kind: str, edits: list[Edit]) -> None:
    text = spoil(printed("rich/public.xml").replace("zone", kind), edits)
    name = "saved" if kind == "zone" else "saved-policy"
    with suppress(RouterError):
        seen = observed({"units": "", f"firewalld:{name}:x": text})
        side = saved(Place(kind, "x"), seen)
        assert side is not None
        file = ElementTree.fromstring(text.encode("utf-8", "surrogateescape"))  # noqa: S314
        assert len(side.rules) == len(list(file.iter("rule")))
        for rule, element in zip(side.rules, file.iter("rule"), strict=True):
            for each in (element, *element, *element.findall("*/*")):
                assert each.tag in rule.text.split()
                assert all(value in rule.text for key, value in each.items() if key != "invert")
