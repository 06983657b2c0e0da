"""The cache of root filesystems: whole or absent, and built once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inventory.errors import LvsfleetError
from lab import rootfs


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A cache of its own, and a debootstrap that only notes what it was asked to build."""
    calls: list[Path] = []

    def debootstrap(target: Path, _lock: int, _report: Callable[[str], None]) -> None:
        calls.append(target)
        (target / "etc").mkdir()

    monkeypatch.setattr(rootfs, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(rootfs, "_debootstrap", debootstrap)
    monkeypatch.setattr(rootfs, "run", lambda *_, **__: "")
    return calls


def test_two_at_once_build_it_once(built: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    quick, waits = rootfs._debootstrap, threading.Event()

    def report(line: str) -> None:
        lines.append(line)
        if line.startswith("waiting for another"):
            waits.set()

    def debootstrap(*arguments: Any) -> None:
        waits.wait(60)
        quick(*arguments)

    monkeypatch.setattr(rootfs, "_debootstrap", debootstrap)
    both = [threading.Thread(target=rootfs.ensure, args=(report,)) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert len(built) == 1
    assert [line for line in lines if line.startswith("waiting for another")]
    assert (rootfs.location() / "etc").is_dir()


def test_what_a_power_cut_left_is_built_anew(built: list[Path]) -> None:
    half = rootfs.location().with_name(rootfs.location().name + ".building")
    half.mkdir(parents=True)
    (half / "left").touch()
    assert rootfs.ensure(lambda _: None) == rootfs.location()
    assert built == [half]
    assert not half.exists()
    assert not (rootfs.location() / "left").exists()
    assert rootfs.location().stat().st_mode & 0o777 == 0o755


def test_the_second_time_nothing_is_built(built: list[Path]) -> None:
    rootfs.ensure(lambda _: None)
    rootfs.ensure(pytest.fail)
    assert len(built) == 1


def test_another_recipe_is_another_root_filesystem(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rootfs.location()
    monkeypatch.setattr(rootfs, "PACKAGES", rootfs.PACKAGES + ",conntrack")
    assert rootfs.location() != before


def test_a_failure_names_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rootfs, "CACHE", tmp_path)
    monkeypatch.setattr(rootfs, "SUITE", "no-such-suite")
    monkeypatch.setattr(rootfs, "_mirror", lambda: ["file:/nowhere"])
    with pytest.raises(LvsfleetError, match=r"debootstrap failed.*debootstrap\.log says why"):
        rootfs.ensure(lambda _: None)
    assert not rootfs.location().exists()
