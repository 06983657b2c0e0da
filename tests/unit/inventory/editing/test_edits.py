"""Edits as data: every layout of YAML that people write, and what of it changes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from difflib import unified_diff
from pathlib import Path

import pytest

from inventory.desired import Draining
from inventory.editing.changes import Change
from inventory.editing.draining import Drain, Wanted
from inventory.editing.errors import EditRefused
from inventory.editing.plan import Edit, plan_edit
from inventory.editing.target import known_vips
from inventory.fleet import check
from inventory.loader import load_fleet
from tests.inventory_cases import Case, ids, read_cases

UPDATE = bool(os.environ.get("UPDATE_CASES"))
CASES = list(read_cases("editing"))
EDITED = [case for case in CASES if not case.wanted.startswith("refused:")]


def planned(case: Case, home: Path) -> Edit:
    verb, service, *vips = case.wanted_of.partition(" among ")[0].split()
    among = case.wanted_of.partition(" among ")[2].split() or None
    nr = load_fleet(home)
    fleet = check(nr)
    given = {"add": {"new": vips[0]}, "remove": {"old": vips[0]}}.get(verb) or {
        "old": vips[0],
        "new": vips[-1],
    }
    known = known_vips(fleet, service)
    change: Wanted
    if verb in ("drain", "undrain"):
        how = Draining(vips[1]) if verb == "drain" else None
        change = Drain.of(service, vips[0], how, known=known)
    else:
        change = Change.of(service, **given, known=known)
    return plan_edit(nr, fleet, change, among=among)


def told(edit: Edit) -> str:
    lines = []
    for file in edit.files:
        lines.append(", ".join(str(p) for p in edit.places if p.file == file.path))
        old, new = (data.decode().splitlines() for data in (file.before, file.after))
        lines += list(unified_diff(old, new, n=0, lineterm=""))[2:]
    return "\n".join(line for line in lines if not line.startswith("@@"))


def settle(case: Case, came: str) -> None:
    if UPDATE and came != case.wanted:
        text = case.file.read_text()
        head, tail = text.split(f"=== {case.title}\n", 1)
        body, mark, end = tail.partition("\n=== ")
        inputs = body.split(f"--- {case.wanted_of}\n", 1)[0]
        body = f"{inputs}--- {case.wanted_of}\n{came}\n"
        case.file.write_text(f"{head}=== {case.title}\n{body}{mark}{end}")
        return
    assert came.splitlines() == case.wanted.splitlines()


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_what_an_edit_changes(case: Case, tmp_path: Path) -> None:
    try:
        came = told(planned(case, case.write(tmp_path)))
    except EditRefused as error:
        came = f"refused: {error}"
    settle(case, came)


def crlf(data: bytes) -> bytes:
    return data.replace(b"\n", b"\r\n")


def unended(data: bytes) -> bytes:
    return data.removesuffix(b"\n")


def marked(data: bytes) -> bytes:
    return b"\xef\xbb\xbf" + data


@pytest.mark.parametrize("disguise", [crlf, unended, marked])
@pytest.mark.parametrize("case", EDITED, ids=ids(EDITED))
def test_line_breaks_ends_and_marks_stay(
    case: Case, disguise: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    home = case.write(tmp_path)
    wanted = {file.path.name: disguise(file.after) for file in planned(case, home).files}
    for file in home.iterdir():
        file.write_bytes(disguise(file.read_bytes()))
    came = {file.path.name: file.after for file in planned(case, home).files}
    assert came == wanted


RETURNING = [case for case in EDITED if case.wanted_of.startswith(("add", "move"))]
"""Where a removed VIP stood is not known when it comes back; what drains has tests of its own."""


@pytest.mark.parametrize("case", RETURNING, ids=ids(RETURNING))
def test_the_opposite_gives_the_same_bytes(case: Case, tmp_path: Path) -> None:
    home = case.write(tmp_path)
    edit = planned(case, home)
    for file in edit.files:
        file.path.write_bytes(file.after)
    verb, service, *vips = case.wanted_of.partition(" among ")[0].split()
    fleet = check(nr := load_fleet(home))
    assert fleet.desired == edit.fleet.desired
    change = Change.of(service, old=vips[-1], new=vips[0] if verb == "move" else None)
    back = plan_edit(nr, fleet, change)
    before = {file.path: file.before for file in edit.files}
    after = {file.path: file.after for file in back.files}
    differ = {path for path in before if spelled(before[path]) != spelled(after[path])}
    assert not differ


def spelled(data: bytes) -> bytes:
    """An address comes back as it was typed, an alias as an address; all else is the same."""
    return re.sub(rb"\*main|2001:0DB8:0::0010|\"?(2001:db8::10|203\.0\.113\.10)\"?", b"VIP", data)


def test_only_the_lines_of_the_list_change() -> None:
    assert len(EDITED) >= 40
    for case in EDITED:
        changed = [line for line in case.wanted.splitlines() if line[:1] in "+-"]
        assert 1 <= len(changed) <= 4, case.title
