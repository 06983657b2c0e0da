"""The saved files: what is ours goes in and out, whatever else stands there."""

from __future__ import annotations

import pytest

from inventory.rules import Ruleset
from tasks.backends.chains import ACCEPTS, MARKS, read
from tasks.backends.iptables_file import edit
from tasks.backends.iptables_save import Table, parse_dump, parse_rule
from tests.unit.tasks.cases import edits

RULE = "-A X -d 192.0.2.1/32 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x50/0xffffffff"
ACCEPT = "-A X -d 192.0.2.1/32 -p tcp -m tcp --dport 80 -j ACCEPT"


def marked(text: str) -> str:
    """The file with one mark."""
    rules = parse_rule(RULE)
    assert rules is not None
    now = read(MARKS, parse_dump(text).get("mangle", Table()))
    return edit(text, MARKS, now.with_rules(MARKS, rules))


def unmarked(text: str) -> str:
    now = read(MARKS, parse_dump(text).get("mangle", Table()))
    return edit(text, MARKS, now.with_rules(MARKS, Ruleset()))


def accepted(text: str) -> str:
    rules = parse_rule(ACCEPT)
    assert rules is not None
    now = read(ACCEPTS, parse_dump(text).get("filter", Table()))
    return edit(text, ACCEPTS, now.with_rules(ACCEPTS, rules))


CHAIN = ":LVSFLEET-MARK - [0:0]\n"
LINES = "-A LVSFLEET-MARK" + RULE.removeprefix("-A X") + "\n"
HOOK = "-A PREROUTING -j LVSFLEET-MARK\n"
FILES = edits("iptables/files.txt")


@pytest.mark.parametrize(("before", "after"), FILES.values(), ids=list(FILES))
def test_ours_goes_in_at_its_place(before: str, after: str) -> None:
    assert marked(before) == after
    assert marked(after) == after
    assert unmarked(after).startswith(before)


def test_bytes_that_are_no_text_and_ends_that_are_no_line_ends_stay() -> None:
    odd = '-A PREROUTING -m comment --comment "a\x0c\x85\udcff\u2028-A b" -j ACCEPT\n'
    after = marked(f"*mangle\n{odd}COMMIT\n")
    assert after == f"*mangle\n{CHAIN}{odd}{HOOK}{LINES}COMMIT\n"


def test_a_last_line_gets_its_end() -> None:
    assert marked("*mangle\nCOMMIT") == f"*mangle\n{CHAIN}{HOOK}{LINES}COMMIT\n"


def test_a_file_that_is_not_there_becomes_one() -> None:
    assert does_alike(marked(""), f"*mangle\n{CHAIN}{HOOK}{LINES}COMMIT\n")


def does_alike(one: str, other: str) -> bool:
    return parse_dump(one)["mangle"].rules == parse_dump(other)["mangle"].rules


@pytest.mark.parametrize(
    "ours",
    [
        f"[1:2] {HOOK}[3:4] {LINES}",
        HOOK.replace("-A", "-I").replace("PREROUTING", "PREROUTING 1") + LINES,
        HOOK.replace("-A ", "--append  ").replace("-j ", "--jump ") + LINES,
    ],
    ids=["with counters", "put in front", "spelled out"],
)
@pytest.mark.parametrize("chain", [CHAIN, "-N LVSFLEET-MARK\n"], ids=["declared", "made"])
def test_ours_is_known_in_other_spellings(chain: str, ours: str) -> None:
    assert unmarked(f"*mangle\n{chain}{ours}COMMIT\n") == "*mangle\nCOMMIT\n"


def test_a_table_that_nobody_committed_is_not_taken_for_one() -> None:
    text = "*mangle\n:PREROUTING ACCEPT\n"
    assert marked(text).startswith(text)
    assert marked(text).endswith("COMMIT\n")


@pytest.mark.parametrize(
    "last",
    [
        "-A INPUT -j REJECT --reject-with icmp-host-prohibited",
        "-A INPUT -j DROP",
        "--append INPUT --jump DROP",
        '-A INPUT -m comment --comment "the \\"rest\\" -j ACCEPT" -j DROP',
        "-A INPUT -m comment --comment rest -j REJECT --reject-with tcp-reset",
    ],
)
def test_the_way_in_stands_before_what_turns_all_the_rest_away(last: str) -> None:
    text = accepted(f"*filter\n-A INPUT -i lo -j ACCEPT\n{last}\nCOMMIT\n")
    lines = text.splitlines()
    assert lines.index("-A INPUT -j LVSFLEET-IN") + 1 == lines.index(last)


@pytest.mark.parametrize(
    "ban", ["-A INPUT -s 192.0.2.9/32 -j DROP", '-A INPUT -m comment --comment "-j DROP" -j LOG']
)
def test_the_way_in_stands_behind_bans(ban: str) -> None:
    lines = accepted(f"*filter\n{ban}\nCOMMIT\n").splitlines()
    assert lines.index(ban) + 1 == lines.index("-A INPUT -j LVSFLEET-IN")
