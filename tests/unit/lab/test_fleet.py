"""A lab is root's: whoever else asks is told so, and not that there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inventory.errors import LvsfleetError
from lab import topology
from lab.fleet import Lab
from runbooks.cli import run
from runbooks.exits import Exit


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topology, "STATE", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 65534)


@pytest.mark.parametrize(
    "words",
    ["up", "down", "status", "marks", "exec ams1 id", "reboot ams1", "reset ams1"],
)
def test_without_root_that_is_said(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    verb, *rest = words.split()
    assert run(["lab", verb, "--lab", "9", *rest]) == Exit.FAILED
    said = capsys.readouterr()
    assert said.out == ""
    assert "the lab needs root" in said.err
    assert "sudo" in said.err
    assert "not up" not in said.err


def test_who_may_not_look_is_offered_no_names() -> None:
    with pytest.raises(LvsfleetError, match="needs root"):
        Lab(9).router("ams1")
