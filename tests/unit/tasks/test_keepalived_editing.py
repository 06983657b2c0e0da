"""keepalived.conf, edited: cases with every line that changes, and what holds for all of them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.rules import Address
from tasks.errors import NoSuchAddress, NotEditable
from tasks.keepalived.config import VirtualAddress
from tasks.keepalived.editing import add, mentions, remove
from tasks.keepalived.files import Files
from tasks.keepalived.read import read
from tests.unit.tasks.keepalived_cases import cases
from tests.unit.tasks.keepalived_edits import Edit, after, edits
from tests.unit.tasks.test_keepalived import SPOILERS

UPDATE = bool(os.environ.get("UPDATE_CASES"))
EDITS = edits()
MADE = [each for each in EDITS if each.comes.startswith("--- ")]
MAIN = "/etc/keepalived/keepalived.conf"
NEW = {4: ip_address("192.0.2.77"), 6: ip_address("2001:db8:77::7")}
IDS = ("lb1", "lb2", "nobody")

every_case = pytest.mark.parametrize("edit", EDITS, ids=[each.name for each in EDITS])
every_edit = pytest.mark.parametrize("edit", MADE, ids=[each.name for each in MADE])


@every_case
def test_this_comes_of_it(edit: Edit) -> None:
    if UPDATE and edit.told() != edit.comes:
        head, title, tail = edit.source.read_text().partition(f"=== {edit.title}\n")
        mark = f"--- {' '.join(edit.words)}\n"
        edit.source.write_text(
            head + title + tail.replace(mark + edit.comes, mark + edit.told(), 1)
        )
        return
    assert edit.told().splitlines() == edit.comes.splitlines()


def test_every_refusal_says_what_to_do() -> None:
    for edit in EDITS:
        with suppress(NotEditable):
            if edit.words[0] != "mentions":
                edit.made()
            continue
        with pytest.raises(NotEditable, match=r"by hand|[Nn]ame a") as refusal:
            edit.made()
        assert refusal.value.hint


def seen(files: Files) -> list[list[tuple[str, list[VirtualAddress]]]]:
    """What every router reads: its instances, with their addresses."""
    return [
        [(each.name, list(each.addresses)) for each in read(view).instances]
        for view in (replace(files, config_id=name) for name in IDS)
    ]


def words(each: VirtualAddress) -> tuple[object, ...]:
    """All of it but its place."""
    return each.address, each.prefix, each.device, each.label, each.excluded


def beside(files: Files, made: Files, new: Address, like: Address) -> None:
    """Every instance that had ``like`` has ``new`` beside it, with the same words."""
    for old_view, new_view in zip(seen(files), seen(made), strict=True):
        for (name, had), (same_name, has) in zip(old_view, new_view, strict=True):
            assert name == same_name
            others = [words(each) for each in has if each.address != new]
            assert others == [words(each) for each in had if each.address != new]
            if any(each.address == new for each in had):
                continue
            wanted = [(new, *words(each)[1:]) for each in had if each.address == like]
            assert [words(each) for each in has if each.address == new] == wanted


@every_edit
def test_routers_read_what_was_meant(edit: Edit) -> None:
    made = after(edit.files, edit.made())
    match edit.words:
        case ("add", new, "like", like):
            beside(edit.files, made, ip_address(new), ip_address(like))
            assert add(made, ip_address(new), ip_address(like)) == ()
        case ("remove", old):
            for had, has in zip(seen(edit.files), seen(made), strict=True):
                left = [(n, [words(e) for e in a if str(e.address) != old]) for n, a in had]
                assert [(n, [words(e) for e in a]) for n, a in has] == left
            with pytest.raises(NoSuchAddress):
                remove(made, ip_address(old))


@every_edit
def test_no_other_line_changes(edit: Edit) -> None:
    """Lines on which the address does not stand stay as they are, in order."""
    places = {
        each.place
        for instances in seen(edit.files)
        for _, addresses in instances
        for each in addresses
        if str(each.address) == edit.words[-1]
    }
    for each in edit.made():
        before, now = each.before.split("\n"), each.after.split("\n")
        here = {place.line for place in places if place.file == each.path}
        left = iter(now)
        assert all(line in left for n, line in enumerate(before, 1) if n not in here)
        assert abs(len(now) - len(before)) <= len(here)


@every_edit
def test_what_is_added_can_be_taken_away(edit: Edit) -> None:
    if edit.words[0] != "add" or edit.new in "".join(edit.files.texts.values()):
        return
    made = after(edit.files, edit.made())
    assert after(made, remove(made, ip_address(edit.new))) == edit.files


def remade(edit: Edit, of: Callable[[str], str]) -> dict[str, tuple[str, str]]:
    """By path, what comes of a file that is written in another way, and of it as it is."""
    files = replace(edit.files, texts={path: of(text) for path, text in edit.files.texts.items()})
    plain = {each.path: each.after for each in edit.made()}
    made = {each.path: each.after for each in edit.made(files)}
    assert made.keys() == plain.keys()
    return {path: (made[path], plain[path]) for path in made}


@every_edit
def test_lines_end_as_they_did(edit: Edit) -> None:
    for path, (made, plain) in remade(edit, lambda text: text.replace("\n", "\r\n")).items():
        # Of a file with one line that has no end nothing says how lines end.
        if "\n" in edit.files.texts[path]:
            assert made == plain.replace("\n", "\r\n")
    for made, plain in remade(edit, lambda text: text.rstrip("\n") + "\n").values():
        assert made == (plain.rstrip("\n") + "\n" if plain else "")


ODD = b" # caf\xe9".decode("utf-8", "surrogateescape")
"""A remark in Latin-1, as a router's answer is decoded."""


def with_odd_bytes(text: str) -> str:
    """With that remark behind every line that has none and does not go on."""
    lines = text.split("\n")
    return "\n".join(line if re.search(r"[#!\\]", line) else line + ODD for line in lines)


@every_edit
def test_bytes_that_are_no_text_stay(edit: Edit) -> None:
    for path, (made, plain) in remade(edit, with_odd_bytes).items():
        assert made.replace(ODD, "") == plain
        stay = with_odd_bytes(edit.files.texts[path]).count(ODD)
        assert abs(made.encode("utf-8", "surrogateescape").count(b"\xe9") - stay) <= 2


LINES = [
    line
    for files in [*(each.files for each in EDITS), *(each.files for each in cases())]
    for text in files.texts.values()
    for line in text.split("\n")
]
WORDS = sorted({word for line in LINES for word in line.split()})


@st.composite
def configurations(draw: st.DrawFn) -> Files:
    """A case's files with lines doubled, moved and gone, and words put in, taken out and cut."""
    files = draw(st.sampled_from(EDITS)).files
    texts = {path: _spoilt(draw, text) for path, text in files.texts.items()}
    return replace(files, texts=texts, config_id=draw(st.sampled_from(IDS)))


def _spoilt(draw: st.DrawFn, text: str) -> str:
    lines = text.split("\n")
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                lines.insert(at, draw(st.sampled_from(LINES)))
            case 1 if len(lines) > 1:
                del lines[at]
            case 2:
                lines.insert(draw(st.integers(0, len(lines))), lines[at])
            case 3 if at + 1 < len(lines):
                lines[at : at + 2] = [lines[at] + draw(st.sampled_from(["", " "])) + lines[at + 1]]
            case _:
                cut = draw(st.integers(0, len(lines[at])))
                put = draw(st.sampled_from([*SPOILERS, *WORDS, "\r", "\xa0", ""]))
                lines[at] = lines[at][:cut] + put + lines[at][cut + draw(st.integers(0, 3)) :]
    return "\n".join(lines)


@settings(max_examples=300, deadline=None)
@given(configurations(), st.data())
def test_whatever_it_says_it_is_edited_right_or_refused(files: Files, data: st.DataObject) -> None:
    held = sorted({str(each.address) for each in read(files).addresses}) or ["192.0.2.1"]
    like = ip_address(data.draw(st.sampled_from(held)))
    new = NEW[like.version]
    mentions(files, like)
    try:
        made = after(files, add(files, new, like))
    except NotEditable:
        pass
    else:
        beside(files, made, new, like)
        assert after(made, remove(made, new)) == files
    with suppress(NotEditable):
        for had, has in zip(seen(files), seen(after(files, remove(files, like))), strict=True):
            left = [(n, [words(e) for e in a if e.address != like]) for n, a in had]
            assert [(n, [words(e) for e in a]) for n, a in has] == left


def of_many(count: int, excluded: int = 0) -> Files:
    """An instance with that many addresses in its adverts."""
    block = "".join(f"    203.0.{113 + n // 250}.{n % 250 + 1}\n" for n in range(count))
    more = "".join(f"    198.51.100.{n + 1}\n" for n in range(excluded))
    text = f"virtual_ipaddress {{\n{block}  }}\n  virtual_ipaddress_excluded {{\n{more}  }}\n"
    return Files(MAIN, {MAIN: f"vrrp_instance A {{\n  interface eth1\n  {text}}}\n"})


def test_an_advert_counts_255_addresses() -> None:
    like, new = ip_address("203.0.113.1"), NEW[4]
    assert add(of_many(254), new, like)
    with pytest.raises(NotEditable, match=r":4: .* adverts have 255 addresses.*_excluded"):
        add(of_many(255), new, like)
    assert add(of_many(255, excluded=1), new, ip_address("198.51.100.1"))


def test_where_there_is_no_file_it_says_so() -> None:
    with pytest.raises(NoSuchAddress, match=r"keepalived.conf, which is not there.*no-keepalived"):
        remove(Files(MAIN, {}), NEW[4])


def test_a_file_for_very_many_routers_is_left_to_people() -> None:
    text = "".join(f"@lb{n} vrrp_instance A {{\n" for n in range(5_000))
    for edit in (lambda f: add(f, NEW[4], NEW[4]), lambda f: mentions(f, NEW[4])):
        begun = time.thread_time()
        with pytest.raises(NotEditable, match="written for 5000 routers"):
            edit(Files(MAIN, {MAIN: text}))
        assert time.thread_time() - begun < 10


def test_a_long_file_is_edited_in_good_time() -> None:
    text = "".join(
        f"vrrp_instance A{n} {{\n  virtual_ipaddress {{\n    10.{n >> 8}.{n & 255}.1\n"
        f"    10.{n >> 8}.{n & 255}.2\n  }}\n}}\n"
        for n in range(3_000)
    )
    begun = time.thread_time()
    (made,) = add(Files(MAIN, {MAIN: text}), NEW[4], ip_address("10.5.5.1"))
    assert made.diff()[4:-1] == ("+    192.0.2.77",)
    assert time.thread_time() - begun < 20
