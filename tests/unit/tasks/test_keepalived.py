"""keepalived.conf, read: cases with all that must come of them, and text that must not hurt."""

from __future__ import annotations

import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.keepalived.answer import config_id, files_of
from tasks.keepalived.config import Config
from tasks.keepalived.files import Files
from tasks.keepalived.lines import MOST_LINES
from tasks.keepalived.read import read
from tasks.sections import Section
from tests.unit.tasks.keepalived_cases import Case, cases, told

UPDATE = bool(os.environ.get("UPDATE_CASES"))
CASES = cases()
MAIN = "/etc/keepalived/keepalived.conf"


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_this_is_read_of_it(case: Case) -> None:
    came = told(read(case.files))
    if UPDATE and came != case.reads:
        text = case.source.read_text()
        head, mark, tail = text.partition(f"=== {case.title}\n")
        case.source.write_text(head + mark + tail.replace(case.reads, came, 1))
        return
    assert came.splitlines() == case.reads.splitlines()


def text_of(case: Case) -> str:
    return "\n".join(case.files.texts.values())


PIECES = [line for case in CASES for line in text_of(case).splitlines()]
WORDS = sorted({word for line in PIECES for word in line.split()})
SPOILERS = ["{", "}", '"', "\\", "$", "${", "@", "@^", "~SEQ(", "~LST(", "include", "!", "\0", "é"]


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """Lines of real configurations in any order, with words put in, taken out and cut."""
    lines = draw(st.lists(st.sampled_from(PIECES), max_size=30))
    for _ in range(draw(st.integers(0, 6))):
        if lines:
            at = draw(st.integers(0, len(lines) - 1))
            cut = draw(st.integers(0, len(lines[at])))
            put = draw(st.sampled_from([*SPOILERS, *WORDS, ""]))
            keep = draw(st.integers(0, 3))
            lines[at] = lines[at][:cut] + put + lines[at][cut + keep :]
    return "\n".join(lines)


@settings(max_examples=400, deadline=None)
@given(st.lists(spoilt() | st.text(max_size=80), min_size=1, max_size=3))
def test_no_text_makes_it_fail(texts: list[str]) -> None:
    names = [MAIN, "/etc/keepalived/vrrp.conf", "/etc/keepalived/conf.d/10.conf"]
    config = read(Files(MAIN, dict(zip(names, texts, strict=False)), "lb1"))
    assert isinstance(config, Config)
    assert told(config) is not None


@pytest.mark.parametrize(
    "text",
    [
        "{" * 100_000,
        "a {\n" * 50_000,
        "include " + "{a,b}" * 40,
        "$A= \\\n$B \\\n$B\n$B= \\\n$A \\\n$A\n$A\n",
        "~SEQ(A, 9999) ~SEQ(B, 9999) ~SEQ(C, 9999) x ${A} ${B} ${C}",
        "$A=" + "x" * 9_000 + "\n" + "$A " * 2_000,
        "~SEQ(A,99999999999999999999999999999999999999) x",
        '"' * 100_001,
        "include [" + "a" * 5_000,
        "\\" * 100_001,
    ],
)
def test_nothing_takes_for_ever(text: str) -> None:
    begun = time.thread_time()
    read(Files(MAIN, {MAIN: text}, "lb1"))
    assert time.thread_time() - begun < 20


def test_many_lines_are_read_whole() -> None:
    one = "virtual_server fwmark {} {{\n lvs_sched rr\n real_server 192.0.2.1 {{\n }}\n}}\n"
    number = MOST_LINES // 10
    config = read(Files(MAIN, {MAIN: "".join(one.format(n + 1) for n in range(number))}, ""))
    assert len(config.virtual_servers) == number
    assert config.problems == ()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([], ""),
        (["keepalived", "--dont-fork"], ""),
        (["keepalived", "-i", "main", "-D"], "main"),
        (["keepalived", "--config-id", "main"], "main"),
        (["keepalived", "--config-id=main"], "main"),
        (["keepalived", "-imain"], "main"),
        (["keepalived", "-i"], ""),
    ],
)
def test_the_id_is_what_it_was_started_with(words: list[str], found: str) -> None:
    assert config_id(words) == found


def test_the_files_of_an_answer() -> None:
    sections = {
        "keepalived:words": Section("keepalived\n--dont-fork\n", 0),
        "keepalived:node": Section("lb1.example.com\n", 0),
        "keepalived:main": Section("/srv/k.conf", 0),
        "keepalived:file:/srv/k.conf": Section("include a\n", 0),
        "keepalived:file:/srv/a": Section("", 1),
    }
    files = files_of(sections)
    assert (files.main, files.config_id) == ("/srv/k.conf", "lb1")
    assert dict(files.texts) == {"/srv/k.conf": "include a\n"}
