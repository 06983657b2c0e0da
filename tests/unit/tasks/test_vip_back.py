"""keepalived's files when a VIP's change is taken back: to the byte, others' lines aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from ipaddress import ip_address

import pytest

from inventory.desired import Desired
from runbooks.journal.sections import without_passwords
from runbooks.past import files_back
from tasks.errors import NotEditable
from tasks.keepalived.files import Files
from tasks.vip import Move, _coming, _files
from tests.unit.tasks.keepalived_edits import Edit, after, edits

MAIN = "/etc/keepalived/keepalived.conf"
OLD, NEW = ip_address("192.0.2.10"), ip_address("192.0.2.20")
TEXT = """vrrp_instance web {
    authentication {
        auth_type PASS
        auth_pass 4711
    }
    virtual_ipaddress {
        192.0.2.9/24 dev eth1
        192.0.2.10/24 dev eth1   # the web, since 2019
    }
}
"""
ASKED = Desired("ams1")


def conf(text: str) -> Files:
    return Files(MAIN, {MAIN: text}, "ams1")


def kept(files: Files) -> Files:
    return replace(files, texts={p: without_passwords(t) for p, t in files.texts.items()})


def move(**more: object) -> Move:
    return Move(ASKED, ASKED, ASKED, "web", NEW, OLD, OLD, **more)  # type: ignore[arg-type]


def moved(files: Files, by: Move) -> Files:
    return after(files, _files(by, files))


def test_it_comes_back_to_the_byte_and_beside_what_goes() -> None:
    before = conf(TEXT)
    became = moved(before, move())
    assert "192.0.2.10/" not in became.texts[MAIN]
    way_back = partial(files_back, kept(before), kept(became))
    back = replace(move(files=way_back), new=OLD, old=NEW, like=NEW)

    between = _coming(back, became)

    assert "192.0.2.10/24" in between[MAIN]
    assert "192.0.2.20/24" in between[MAIN]
    assert moved(replace(became, texts=between), back).texts == before.texts
    assert moved(became, back).texts == before.texts


def test_what_others_wrote_elsewhere_stays_and_so_do_passwords() -> None:
    before = conf(TEXT)
    became = moved(before, move())
    now = conf("! mine\n" + became.texts[MAIN].replace("4711", "0815"))

    found = files_back(kept(before), kept(became), now)

    assert found == {MAIN: "! mine\n" + TEXT.replace("4711", "0815")}


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        ("192.0.2.20/24", "192.0.2.20/32"),
        ("192.0.2.20/24", "192.0.2.30/24"),
        ("eth1   #", "eth2 #"),
    ],
)
def test_where_others_wrote_at_that_place_nothing_is_guessed(was: str, is_now: str) -> None:
    before = conf(TEXT)
    became = moved(before, move())
    assert was in became.texts[MAIN]

    assert (
        files_back(kept(before), kept(became), conf(became.texts[MAIN].replace(was, is_now)))
        is None
    )


def possible(edit: Edit) -> bool:
    try:
        return edit.words[0] in ("add", "remove") and bool(edit.made())
    except NotEditable:
        return False


@pytest.mark.parametrize(
    "edit", [each for each in edits() if possible(each)], ids=lambda edit: edit.name
)
def test_every_edit_is_taken_back(edit: Edit) -> None:
    became = after(edit.files, edit.made())

    found: Mapping[str, str] | None = files_back(kept(edit.files), kept(became), became)

    assert found == edit.files.texts
