"""When a run counts as finished, by how its routers were left and what became of the inventory."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from inventory.editing.errors import ChangedMeanwhile
from inventory.editing.fileedit import FileEdit
from inventory.editing.plan import Edit
from runbooks.ending import InventoryEnding
from runbooks.journal import Journal, read
from runbooks.journal.unfinished import mark, marked
from tasks.outcome import Outcome, Status
from tests.unit.runbooks.fleets import RUN, journal

EARLIER = "20261123T070000Z-ams-0001"


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def begun(file: Path) -> tuple[InventoryEnding, Journal]:
    file.write_bytes(b"- 203.0.113.10\n")
    edit = FileEdit(file, "groups.yaml", file.read_bytes(), b"- 203.0.113.20\n")
    change = cast("Edit", SimpleNamespace(files=(edit,), change="vip move"))
    mark(EARLIER)
    ending = InventoryEnding(change, guarded=False, ends=(EARLIER,))
    made = journal(RUN, "vip")
    ending.begins(made)
    return ending, made


def outcomes(*statuses: Status) -> dict[str, Any]:
    return {f"ams{i}": Outcome(f"ams{i}", each) for i, each in enumerate(statuses, start=1)}


def test_it_is_unfinished_from_before_the_first_router_to_the_end(tmp_path: Path) -> None:
    ending, made = begun(tmp_path / "groups.yaml")
    assert marked() == [EARLIER, RUN]

    ending.finish()
    assert marked() == [EARLIER, RUN]
    edit = read(made.folder.name).edit
    assert edit is not None
    assert edit.state == "done"
    assert (tmp_path / "groups.yaml").read_bytes() == b"- 203.0.113.20\n"

    ending.over(outcomes(Status.CHANGED, Status.UNCHANGED))
    assert marked() == []


@pytest.mark.parametrize(
    ("statuses", "left"),
    [
        ((Status.REVERTED, Status.REVERTED), [EARLIER]),
        ((Status.FAILED, Status.SKIPPED), [EARLIER]),
        ((Status.UNCHANGED, Status.REVERTED), [EARLIER]),
        ((Status.REVERTED, Status.UNKNOWN), [EARLIER, RUN]),
        ((Status.CHANGED, Status.CHANGED), [EARLIER, RUN]),
    ],
)
def test_without_the_inventory_only_what_was_taken_back_is_finished(
    tmp_path: Path, statuses: tuple[Status, ...], left: list[str]
) -> None:
    ending, _ = begun(tmp_path / "groups.yaml")
    ending.over(outcomes(*statuses))
    assert marked() == left


def test_an_inventory_that_somebody_wrote_leaves_it_unfinished_and_says_the_way_out(
    tmp_path: Path,
) -> None:
    ending, made = begun(tmp_path / "groups.yaml")
    (tmp_path / "groups.yaml").write_bytes(b"# mine\n")

    with pytest.raises(ChangedMeanwhile) as error:
        ending.finish()

    assert f"`lvsfleet resume {RUN}` goes on" in error.value.hint
    ending.over(outcomes(Status.CHANGED, Status.CHANGED))
    assert marked() == [EARLIER, RUN]
    edit = read(made.folder.name).edit
    assert edit is not None
    assert edit.state == "failed"
