"""What operators read: values quoted, places named, files that are no text."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory import yamlfile
from inventory.errors import LvsfleetError
from inventory.fleet import check
from inventory.loader import load_fleet
from inventory.problems import InventoryProblems, Problem, field_text, one_of, quote
from inventory.show import show


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("web", "'web'"),
        ("it's", '"it\'s"'),
        ("a\nb\x1b", r"'a\nb\x1b'"),
        ("\u202e", r"'\u202e'"),
        (None, "null"),
        (True, "true"),
        (80, "80"),
        (8.5, "8.5"),
        ([], "[]"),
        ([1], "[…]"),
        ({}, "{}"),
        ({1: 2}, "{…}"),
    ],
)
def test_a_value_as_it_is_shown(value: object, shown: str) -> None:
    assert quote(value) == shown


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, "\n" * 10**6, 10**6000, "\U0001f600" * 70],
    ids=["long", "escaped", "number", "emoji"],
)
def test_long_values_are_shortened(value: object) -> None:
    assert len(quote(value)) <= 60
    assert "…" in quote(value)


def test_places() -> None:
    assert field_text(()) == ""
    assert field_text(("data", "services", "a.b", "ports", 0)) == "data.services['a.b'].ports[0]"
    assert one_of(["a"]) == "a"
    assert one_of(["a", "b", "c"], "and") == "a, b and c"


def test_problems_are_told_once_and_in_order() -> None:
    def problem(file: str, line: int | None, field: str = "") -> Problem:
        return Problem(file, line, "host a", field, "1", "is wrong")

    one, two, three = problem("a", None), problem("a", 9), problem("a", 10, "port")
    error = InventoryProblems([three, two, one, two, problem("b", 1)])
    assert str(error).splitlines() == [
        "a: host a: 1 is wrong",
        "a:9: host a: 1 is wrong",
        "a:10: host a: port: 1 is wrong",
        "b:1: host a: 1 is wrong",
        "the inventory has 4 problems; no router was contacted",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: 1\nb: \xff\n", "f:2: is not UTF-8 text"),
        (b"a: 1\nb: \x00\n", "f:2:4: the character U+0000 cannot stand in YAML"),
        (b"[" * 5000 + b"]" * 5000, "f: is nested too deeply"),
        (b"{a: " * 10**5, "f: is nested too deeply"),
        (b"- " * 10**5, "f: is nested too deeply"),
        (
            b'"\\ud800"',
            (
                "f:1:4: is no YAML: while parsing a quoted scalar, "
                "found invalid Unicode character escape code"
            ),
        ),
    ],
    ids=["encoding", "control", "list", "mapping", "block", "escape"],
)
def test_files_that_are_no_text(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "f"
    file.write_bytes(content)
    (fault,) = yamlfile.read(file).faults
    assert str(Problem("f", fault.line, "", "", "", fault.message, fault.column)) == said


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"---\n", b"\xef\xbb\xbfa: 1\n"])
def test_files_that_are_fine(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "f"
    file.write_bytes(content)
    document = yamlfile.read(file)
    assert document.faults == ()
    assert document.value in (None, {"a": 1})


def test_a_router_that_is_not_there() -> None:
    with pytest.raises(LvsfleetError, match=r"no router 'asm1'\. Did you mean 'ams1'\?"):
        show(check(load_fleet()), "asm1")
