"""Rules taken out of nft's own files: the real nft reads them as before, but for those."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.backends.nft_files import Sources
from tasks.backends.nft_foreign import ForeignMark, foreign_marks
from tasks.backends.nft_json import chains_of_others
from tasks.backends.nft_layout import layout
from tasks.backends.nft_maps import maps_of
from tasks.backends.nft_moves import additions, deletions, line

CONF = "/etc/nftables.conf"
LIST = "nft -jst list ruleset; nft -js list maps"


def sources(text: str) -> Sources:
    return Sources(CONF, {CONF: text}, layout({CONF: text}, CONF))


def alone(script: str, text: str) -> str:
    """What a script prints behind a file that is loaded in a network namespace of its own."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "conf").write_text(text)
        shell = f"cd {folder}; nft -f conf; {script}"
        argv = ["unshare", "--net", "sh", "-eu", "-c", shell]
        done = subprocess.run(argv, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{text}\n{done.stderr}"
    return done.stdout


def marks_in(text: str) -> list[ForeignMark]:
    listed = alone(LIST, text)
    return list(foreign_marks(chains_of_others(listed).values(), maps_of(listed)))


def without(text: str, goes: Callable[[ForeignMark], bool]) -> str:
    going = [each for each in marks_in(text) if goes(each)]
    found = sources(text)
    assert [found.why_not(each) for each in going] == [""] * len(going)
    return found.without(going).get(CONF, text)


HEAD = "table inet a {\n\tchain pre {\n\t\ttype filter hook prerouting priority -150;\n"
ONE = "ip daddr 192.0.2.1 tcp dport 80 meta mark set 1"
TWO = "ip daddr 192.0.2.2 tcp dport { 80, 81 } meta mark set 2"
END = "\t}\n}\n"


@pytest.mark.lab
@pytest.mark.parametrize(
    ("lines", "left"),
    [
        (f"\t\t{ONE}\n\t\t{TWO}\n", f"\t\t{TWO}\n"),
        (f"\t\t# first\n\t\t{ONE} # one\n\t\t{TWO}\n", f"\t\t# first\n\t\t{TWO}\n"),
        (f"\t\t{ONE}; {TWO}\n", f"\t\t{TWO}\n"),
        (f"\t\t{TWO};   {ONE} ;\n", f"\t\t{TWO};   \n"),
        (f"\t\t{TWO}; {ONE} # both\n", f"\t\t{TWO};  # both\n"),
        (f"\t\t{ONE.replace('tcp', chr(92) + chr(10) + 'tcp')}\n\t\t{TWO}\n", f"\t\t{TWO}\n"),
        (f'\t\t{ONE} comment "a; b # c }}"\n\t\t{TWO}\n', f"\t\t{TWO}\n"),
    ],
)
def test_the_smallest_piece_goes(lines: str, left: str) -> None:
    text = HEAD + lines + END
    assert without(text, lambda each: each.marks[0].mark == 1) == HEAD + left + END


MAP = "table inet a {{\n\tmap m {{\n\t\ttype ipv4_addr . inet_proto . inet_service : mark\n{}\t}}\n"
USE = (
    "\tchain pre { type filter hook prerouting priority -150;\n"
    "\t\tmeta mark set ip daddr . meta l4proto . th dport map @m\n\t}\n}\n"
)
FIRST, SECOND, THIRD = (f"192.0.2.{n} . tcp . http : {n:#x}" for n in (1, 2, 3))


@pytest.mark.lab
@pytest.mark.parametrize(
    ("elements", "goes", "left"),
    [
        (f"{FIRST}, {SECOND}, {THIRD}", {1}, f"{SECOND}, {THIRD}"),
        (f"{FIRST}, {SECOND}, {THIRD}", {2}, f"{FIRST}, {THIRD}"),
        (f"{FIRST}, {SECOND}, {THIRD}", {3}, f"{FIRST}, {SECOND}"),
        (f"{FIRST},\n{SECOND},\n{THIRD}", {1, 3}, SECOND),
        (f"{FIRST}, {SECOND}, {THIRD}", {2, 3}, FIRST),
        (f"{FIRST}, {SECOND}", {1, 2}, ""),
    ],
)
def test_an_element_goes_with_its_comma(elements: str, goes: set[int], left: str) -> None:
    def whole(listed: str) -> str:
        statement = f"\t\telements = {{ {listed} }}\n" if listed else ""
        return MAP.format(statement) + USE

    text = without(whole(elements), lambda each: each.marks[0].mark in goes)
    assert text == whole(left)


@pytest.mark.lab
@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}\t\t{ONE}\n{END}insert rule inet a pre {TWO}\n",
        f"{HEAD}\t\t{ONE}\n{END}flush chain inet a pre\nadd rule inet a pre {ONE}\n",
        f'{HEAD}\t\tinclude "./more"\n\t\t{ONE}\n{END}',
        f"{HEAD}{END}add rule inet a pre {ONE}\ndelete rule inet a pre handle 99\n",
    ],
)
def test_what_is_not_surely_found_is_not_touched(text: str) -> None:
    loads = text.replace('include "./more"', "").replace("delete rule inet a pre handle 99", "")
    found = sources(text)
    assert all(found.why_not(each) for each in marks_in(loads))


@pytest.mark.lab
@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_nft_reads_the_rest_as_before_and_puts_all_back(seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - a test's draw
    text = drawn(chance)
    found = marks_in(text)
    going = [each for each in found if chance.random() < 0.5]
    new = sources(text).without(going).get(CONF, text)
    bare = "| tr , '\\n' | grep -v '\"handle\"'"
    show = f"{{ nft -jst list ruleset; nft -js list maps; }} {bare} || :"
    wanted = alone(f"nft -f - <<'END'\n{deletions(going)}END\n{show}", text)
    assert alone(show, new) == wanted
    listed = chains_of_others(alone(f"nft -f - <<'END'\n{deletions(going)}END\n{LIST}", text))
    back = additions(going, listed)
    script = f"nft -f - <<'END'\n{deletions(going)}END\n"
    script += f"nft -j -f - <<'END'\n{back}END\n" if back else ""
    again = alone(script + LIST, text)
    assert [
        line(each) for each in foreign_marks(chains_of_others(again).values(), maps_of(again))
    ] == [line(each) for each in found]


def drawn(chance: Random) -> str:
    """A file as people write them, with rules in one table, in blocks and by commands."""
    rules = []
    for number in range(1, chance.randrange(3, 9)):
        port = chance.choice(("80", "http", "{ 80, 443 }", "1000-2000"))
        rule = f"ip daddr 192.0.2.{number} tcp dport {port} meta mark set {number}"
        rule += chance.choice(("", ' comment "a; {b}"', "", " # remark"))
        rules.append(chance.choice((rule, rule, "tcp dport 22 counter", f"{rule}\n\n# why")))
    cut = chance.randrange(len(rules))
    inside = "\n\t\t".join(rules[:cut])
    elements = [f"198.51.100.{n} . tcp . {n} : {n + 50}" for n in range(1, chance.randrange(2, 6))]
    return "\n".join(
        [
            "flush ruleset",
            "table inet a {",
            "\tmap m { type ipv4_addr . inet_proto . inet_service : mark",
            f"\t\telements = {{ {chance.choice((', ', ',')).join(elements)} }}\n\t}}",
            "\tchain pre { type filter hook prerouting priority -150; policy accept",
            f"\t\tmeta mark set ip daddr . meta l4proto . th dport map @m\n\t\t{inside}",
            "\t}\n}",
            *(f"add rule inet a pre {rule}" for rule in rules[cut:]),
            "",
        ]
    )
