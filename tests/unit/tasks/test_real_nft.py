"""The real nft, in a network namespace of its own: it takes and prints what we think."""

from __future__ import annotations

import re
import subprocess
from ipaddress import ip_address

import pytest
from hypothesis import given, settings

from inventory.rules import Accept, AcceptProtocol, Mark, PortRange, Protocol, RouterProtocol
from inventory.rules import Ruleset as Rules
from tasks.backends.nft_foreign import foreign_marks
from tasks.backends.nft_json import chains_of_others, parse_own
from tasks.backends.nft_reach import obstacles
from tasks.backends.nft_sides import Side, running
from tasks.backends.nft_table import CLEARED, FRAME, OwnTable, element_line, parse_text, step
from tasks.observe import Observed
from tasks.sections import Section
from tests.strategies import crowded_rulesets, rulesets
from tests.unit.tasks.cases import CASES, in_words, printed

few = settings(max_examples=25, deadline=None, derandomize=True)

pytestmark = pytest.mark.lab

LIST = "nft -js list table inet lvsfleet\n"


def alone(script: str) -> str:
    """What a script prints in a network namespace that ends with it; fails where a line does."""
    argv = ["unshare", "--net", "sh", "-eu", "-c", script]
    done = subprocess.run(argv, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{script}\n{done.stderr}"
    return done.stdout


def load(text: str) -> str:
    return f"nft -f - <<'END'\n{text}END\n"


@few
@given(crowded_rulesets | rulesets, crowded_rulesets | rulesets)
def test_what_is_loaded_comes_back(before: Rules, after: Rules) -> None:
    """Over whatever was there before, and through a listing that is loaded again: the undo."""
    wanted = OwnTable.doing(without_overlaps(after))
    script = load(OwnTable.doing(without_overlaps(before)).text) + load(wanted.text)
    undo = f"{{ printf '%s' '{CLEARED}'; nft -s list table inet lvsfleet 2>/dev/null || true; }}"
    script += f"{undo} >$0.undo; {LIST if wanted.rules else ''}nft -f $0.undo; rm $0.undo\n"
    script = f"cd $(mktemp -d); set -- x; {script.replace('$0', './nft')}"
    script += LIST if wanted.rules else "nft list tables\n"
    told = alone(script)
    assert parse_text(wanted.text) == wanted
    if wanted.rules:
        assert [parse_own(line) for line in told.splitlines()] == [wanted, wanted]
    else:
        assert told == ""


@few
@given(crowded_rulesets | rulesets, crowded_rulesets | rulesets)
def test_a_step_and_its_opposite(before: Rules, after: Rules) -> None:
    now, then = (OwnTable.doing(without_overlaps(each)) for each in (before, after))
    script = ""
    for text in (now.text, step(now, then), step(then, now), step(now, then)):
        script += load(text) + f"{LIST.strip()} 2>/dev/null || echo none\n"
    told = [
        OwnTable() if line == "none" else parse_own(line) for line in alone(script).splitlines()
    ]
    assert told == [now, then, now, then]
    assert all(each.exact for each in told)


def without_overlaps(rules: Rules) -> Rules:
    """The rules as an inventory may have them: no packet has two marks."""
    kept: list[Mark | Accept | AcceptProtocol] = []
    for rule in rules:
        clash = isinstance(rule, Mark) and any(
            isinstance(each, Mark)
            and (each.vip, each.protocol) == (rule.vip, rule.protocol)
            and each.ports.overlaps(rule.ports)
            for each in kept
        )
        if not clash:
            kept.append(rule)
    return Rules.of(kept)


def test_the_lines_of_a_diff_can_be_typed() -> None:
    web = Mark(VIP, Protocol.TCP, PortRange(80, 81), 80)
    rules = Rules.of([web, Accept(VIP, Protocol.UDP, PortRange(5, 5)), VRRP])
    typed = "".join(f"nft '{line}'\n" for line in (*FRAME, *map(element_line, rules)))
    assert parse_own(alone(typed + LIST)) == OwnTable.doing(rules)


def test_the_frame_is_printed_as_it_was_when_it_was_recorded() -> None:
    listed = alone(load(OwnTable.doing(Rules.of([VRRP])).text) + LIST)
    recorded = parse_own(printed("nftables/frame.json"))
    assert parse_own(listed).frame == recorded.frame == tuple(sorted(FRAME))


ODD = (
    "add rule inet lvsfleet prerouting ip saddr 192.0.2.1 meta mark set 7",
    "insert rule inet lvsfleet input meta l4proto @protocols accept",
    "add chain inet lvsfleet mine",
    "add set inet lvsfleet mine { type ipv4_addr; }",
    "add element inet lvsfleet mark4 { 198.51.100.0/24 . tcp . 80 : 9 }",
    'add element inet lvsfleet mark4 { 198.51.100.10 . tcp . 90 comment "hers" : 9 }',
    "add element inet lvsfleet mark4 { 198.51.100.10 . icmp . 90 : 9 }",
    "add element inet lvsfleet mark4 { 198.51.100.10 . tcp . 90 : 0 }",
    "add element inet lvsfleet protocols { icmp }",
    "flush chain inet lvsfleet input",
    "chain inet lvsfleet input { policy drop; }",
)


@pytest.mark.parametrize("command", ODD)
def test_whatever_is_not_ours_in_our_table_is_seen(command: str) -> None:
    table = OwnTable.doing(Rules.of([Mark(VIP, Protocol.TCP, PortRange(80, 80), 80), VRRP]))
    odd = parse_own(alone(load(table.text) + f"nft '{command}'\n" + LIST))
    assert odd.frame != table.frame
    assert odd.rules == table.rules


def side_of(listing: str) -> Side:
    sections = {"nftables:others": Section(listing, 0)}
    addresses = "2: eth0    inet 192.0.2.1/24\n3: eth1    inet 198.51.100.1/24"
    sections["addresses"] = Section(addresses, 0)
    return running(Observed({}, frozenset(), (), None, sections))


def ways_in() -> list[tuple[str, str, str]]:
    found = []
    for block in printed("nftables/ways-in.txt").split("=== ")[1:]:
        title, policy, *lines = block.splitlines()
        rules = "\n".join(line for line in lines if not line.startswith("    "))
        found.append((title, f"{policy};\n{rules}", lines[-1].strip()))
    return found


@pytest.mark.parametrize(("title", "chain", "means"), ways_in())
def test_a_chain_of_others_lets_in_or_does_not(title: str, chain: str, means: str) -> None:
    assert title
    hook = f"type filter hook input priority 0; {chain}"
    text = f"table inet filter {{\nchain input {{\n{hook}\n}}\n}}\n"
    side = side_of(alone(load(text) + "nft -jst list ruleset"))
    fates = []
    for name, rule in (("80", WEB_IN), ("vrrp", VRRP)):
        found = [each.surely for each in obstacles(side, Rules.of([rule, *MARKS]))]
        fates.append(f"{name} " + ("in" if not found else "away" if found[0] else "unclear"))
    assert ", ".join(fates) == means


def test_firewalld_like_zones_are_followed() -> None:
    text = """
table inet firewalld {
    chain filter_INPUT {
        type filter hook input priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        jump filter_INPUT_ZONES
        reject with icmpx admin-prohibited
    }
    chain filter_INPUT_ZONES {
        iifname "eth0" goto filter_IN_public
        goto filter_IN_public
    }
    chain filter_IN_public {
        jump filter_IN_public_allow
        meta l4proto { icmp, ipv6-icmp } accept
        reject with icmpx admin-prohibited
    }
    chain filter_IN_public_allow {
        tcp dport 22 ct state { new, untracked } accept
        ip daddr 198.51.100.10 tcp dport 80 ct state { new, untracked } accept
    }
}
"""
    side = side_of(alone(load(text) + "nft -jst list ruleset"))
    assert not list(obstacles(side, Rules.of([WEB_IN, *MARKS])))
    (found,) = obstacles(side, Rules.of([VRRP, *MARKS]))
    assert found.surely
    assert found.verdict.path == "inet firewalld filter_IN_public"


def test_plain_marks_of_others_are_read() -> None:
    text = """
table inet ann {
    chain pre {
        type filter hook prerouting priority mangle + 10
        ip daddr 198.51.100.10 tcp dport { 80, 443, 8000-8010 } counter meta mark set 0x50
        ip6 daddr { 2001:db8::1, 2001:db8::2 } meta l4proto udp th dport 53 mark set 53
        meta mark set ct mark
        ip saddr 192.0.2.1 meta mark set 7
        jump more
    }
    chain more { ip daddr 198.51.100.11 tcp dport 21 meta mark set 21; }
    chain unused { ip daddr 198.51.100.12 tcp dport 21 meta mark set 22; }
}
table ip early {
    chain pre {
        type filter hook prerouting priority raw
        meta mark set 5
    }
}
"""
    tables = chains_of_others(alone(load(text) + "nft -jst list ruleset")).values()
    found = list(foreign_marks(tables))
    assert [in_words(each.marks) for each in found if each.marks] == [
        [
            "mark 198.51.100.10 80/tcp 80",
            "mark 198.51.100.10 443/tcp 80",
            "mark 198.51.100.10 8000-8010/tcp 80",
        ],
        ["mark 2001:db8::1 53/udp 53", "mark 2001:db8::2 53/udp 53"],
        ["mark 198.51.100.11 21/tcp 21"],
    ]
    assert sorted(each.behind for each in found if not each.marks) == [False, True, True]
    words = found[0].words(found[0].marks[0])
    assert words == "ip daddr 198.51.100.10 tcp dport 80 meta mark set 0x50"


def test_the_recorded_router_is_the_labs() -> None:
    conf = CASES.parents[1] / "lab/router/nftables/etc/nftables.conf"
    listed = alone(f"nft -f {conf}\nnft -jst list ruleset")
    without = re.compile(r'"handle": \d+')
    assert without.sub("", listed) == without.sub("", printed("nftables/lab.json"))


VIP = ip_address("198.51.100.10")
WEB_IN = Accept(VIP, Protocol.TCP, PortRange(80, 80))
VRRP = AcceptProtocol(RouterProtocol.VRRP)
MARKS = (Mark(VIP, Protocol.TCP, PortRange(80, 80), 80),)
