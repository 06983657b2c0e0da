"""The rooms: what may import what, however deep in a function an import stands."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "inventory": {"inventory"},
    "tasks": {"tasks", "inventory"},
    "runbooks": {"runbooks", "tasks", "inventory", "lab"},
    "lab": {"lab", "inventory"},
}


def imported(source: str, package: str) -> Iterator[str]:
    """The top-level names that a module imports, by statement or by ``import_module``."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (name.name.split(".")[0] for name in names)
            case ast.ImportFrom(module=module, level=0) if module:
                yield module.split(".")[0]
            case ast.ImportFrom():
                yield package
            case ast.Call(func=ast.Name(id="import_module"), args=[first, *_]):
                text = ast.unparse(first).lstrip("f").strip("'\"")
                yield text.split(".")[0]


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_lies_before_it(room: str) -> None:
    others = MAY_IMPORT.keys() | {"tests", "benchmarks"}
    wrong = [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in modules(room)
        for name in imported(file.read_text(), room)
        if name in others - MAY_IMPORT[room]
    ]
    assert modules(room)
    assert wrong == []


def test_the_lab_needs_little_more_than_the_standard_library() -> None:
    allowed = sys.stdlib_module_names | {"lab", "inventory", "yaml"}
    wrong = {
        f"{file.relative_to(ROOT)} imports {name}"
        for file in modules("lab")
        for name in imported(file.read_text(), "lab")
        if name not in allowed
    }
    assert wrong == set()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import lab.fleet", ["lab"]),
        ("def f():\n    from runbooks.cli import main", ["runbooks"]),
        ("from . import rules", ["room"]),
        ("import_module(f'tasks.{name}')", ["tasks"]),
    ],
)
def test_every_way_to_import_is_seen(source: str, names: list[str]) -> None:
    assert list(imported(source, "room")) == names
