"""Who lets a router go: the lock and the recovery of one's own run, never those of another."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

RUNS = Path(__file__).parents[3] / "tasks/remote/runs.sh"
OURS, OTHERS = "20261123T074512Z-fra1-4f2a", "20261123T074513Z-ams-0b1c"


def left(folder: Path, *, locked_by: str, meanwhile: str = "") -> Mapping[str, str]:
    """What is there after `release` of our run: the lock's words, the recovery's text.

    Args:
        folder: where all is.
        locked_by: the run whose lock and recovery are there; none if empty.
        meanwhile: the run that takes the lock while `release` looks at the recovery.
    """
    lock, unit = folder / "lock", folder / "lvsfleet-recover.service"
    if locked_by:
        lock.symlink_to(f"{locked_by} 1795455735 ann@desk")
        unit.write_text(f"ExecStart=/bin/sh {folder}/{locked_by}/recover.sh - boot\n")
    script = f"""
set -u
home={folder} lock={folder}/lock
. {RUNS}
units={folder}
grep() {{
    if [ '{meanwhile}' ]; then ln -s '{meanwhile} 1795455736 bob@desk' "$lock"; fi
    command grep "$@"
}}
release {OURS}
"""
    subprocess.run(["/bin/sh", "-c", script], check=True, capture_output=True)
    return {
        "lock": str(lock.readlink()).partition(" ")[0] if lock.is_symlink() else "",
        "recovery": unit.read_text() if unit.exists() else "",
    }


def test_ours_go(tmp_path: Path) -> None:
    assert left(tmp_path, locked_by=OURS) == {"lock": "", "recovery": ""}


def test_those_of_another_run_stay(tmp_path: Path) -> None:
    found = left(tmp_path, locked_by=OTHERS)
    assert found["lock"] == OTHERS
    assert OTHERS in found["recovery"]


@pytest.mark.parametrize("meanwhile", ["", OTHERS])
def test_a_lock_that_was_not_there_is_nobodys_to_take_away(tmp_path: Path, meanwhile: str) -> None:
    assert left(tmp_path, locked_by="", meanwhile=meanwhile)["lock"] == meanwhile
