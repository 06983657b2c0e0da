"""Inventories as data: bad ones with all that is said about them, good ones with what they mean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inventory.errors import LvsfleetError
from inventory.fleet import check
from inventory.loader import load_fleet
from inventory.problems import InventoryProblems
from inventory.show import show
from tests.inventory_cases import Case, ids, read_cases

UPDATE = bool(os.environ.get("UPDATE_CASES"))


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


BAD = list(read_cases("bad"))
GOOD = list(read_cases("good"))


@pytest.mark.parametrize("case", BAD, ids=ids(BAD))
def test_a_bad_inventory_is_refused_with_all_that_is_wrong(case: Case, tmp_path: Path) -> None:
    with pytest.raises(LvsfleetError) as caught:
        check(load_fleet(case.write(tmp_path)))
    problems = caught.value
    assert isinstance(problems, InventoryProblems)
    came = "\n".join(map(str, problems.problems))
    assert came.isascii() or all(c.isprintable() or c == "\n" for c in came)
    assert "hunter2" not in came
    settle(case, came)


@pytest.mark.parametrize("case", GOOD, ids=ids(GOOD))
def test_a_good_inventory_means_this(case: Case, tmp_path: Path) -> None:
    fleet = check(load_fleet(case.write(tmp_path)))
    settle(case, show(fleet, case.wanted_of.removeprefix("shows ")))


def test_titles_are_unique() -> None:
    titles = ids(BAD) + ids(GOOD)
    assert len(titles) == len(set(titles))
    assert len(BAD) >= 40
