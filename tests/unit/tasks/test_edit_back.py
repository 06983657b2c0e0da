"""A saved file that somebody wrote to after us: our lines go back, theirs stay."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from hypothesis import given, settings

from inventory.desired import Desired
from tasks.plan import plan
from tasks.remote import script
from tests.unit.tasks.parted import files_of
from tests.unit.tasks.routers import IptablesRouter
from tests.unit.tasks.test_iptables_plan import files, foreign, states

few = settings(max_examples=30, deadline=None, derandomize=True)

FUNCTIONS = script("revert").split("\ntrap ", 1)[0]
LATER = "# somebody was here\n"


def edited_back(own: str, text: str) -> str:
    """What ``ipt_edit_back`` makes of a file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "own").write_text(own)
        (folder / "file").write_text(text)
        code = f'set -- nonce "$@"\n{FUNCTIONS}\nipt_edit_back "$1" "$2"'
        argv = ["sh", "-c", code, "-", str(folder / "own"), str(folder / "file")]
        return subprocess.run(argv, text=True, capture_output=True, check=True).stdout


def loaded(text: str, version: int) -> dict[tuple[str, str], list[str]]:
    """What the file comes to at the next boot."""
    path = IptablesRouter.paths[version]
    tables = IptablesRouter.booted({path: text}).running[version].of
    return {(t, c): rules for t, chains in tables.items() for c, rules in chains.items() if rules}


@few
@given(files, states, states)
def test_ours_goes_back_and_theirs_stays(saved: dict[str, str], a: Desired, b: Desired) -> None:
    router = IptablesRouter.booted(saved)
    router.bring(a)
    before = dict(router.files)
    change = router.bring(b)
    for version, path in router.paths.items():
        own = files_of(change).get(f"undo/own.v{version}")
        if own is None:
            continue
        back = edited_back(own, router.files[path] + LATER)
        assert loaded(back, version) == loaded(before.get(path, ""), version)
        assert foreign(back) == foreign(router.files[path] + LATER)
    assert plan(b, router.observe()).edits == ()
