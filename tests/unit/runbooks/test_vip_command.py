"""What ``lvsfleet vip`` asks, whom, and what it takes for a yes."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from runbooks import cli
from runbooks.exits import Exit
from runbooks.reports.run import InventoryChange, Run, Said
from tasks.outcome import Outcome, Status
from tests.unit.runbooks.fleets import EDIT

MOVE = ["vip", "move", "web", "203.0.113.10", "203.0.113.20"]
DIFF = "--- a/groups.yaml\n+++ b/groups.yaml\n@@ -1 +1 @@\n-old\n+new\n"


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@dataclass
class Changing:
    """Stands for `runbooks.vip.change_vip`.

    Attributes:
        status: of the router in a plan.
        calls: each time, whether it was a dry run, the wish, and what had been shown.
    """

    status: Status = Status.PLANNED
    inventory: bool = True
    calls: list[tuple[bool, Any, Run | None]] = field(default_factory=list)

    def __call__(self, request: Any, wish: Any, *, shown: Run | None = None) -> Run:
        dry = request.policy.dry_run
        self.calls.append((dry, wish, shown))
        changes = (EDIT,) if self.status is Status.PLANNED else ()
        run = Run(
            "20261123T074512Z-ams-4f2a",
            datetime(2026, 11, 23, tzinfo=UTC),
            1.0,
            (Outcome("ams1", self.status, "iptables", changes),),
            dry_run=dry,
            inventory=InventoryChange(("groups.yaml",), DIFF) if self.inventory else None,
        )
        if dry:
            return run
        done = replace(run.outcomes[0], status=Status.CHANGED)
        written = InventoryChange(("groups.yaml",), DIFF, Said.WRITTEN)
        return replace(run, outcomes=(done,), inventory=written)


@pytest.fixture
def changing(monkeypatch: pytest.MonkeyPatch) -> Changing:
    changes = Changing()
    monkeypatch.setattr("runbooks.vip.change_vip", changes)
    return changes


def typed(text: str, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run it before somebody who types that."""
    monkeypatch.setattr("sys.stdin", Terminal(text))
    monkeypatch.setattr("sys.stderr", Terminal())
    return cli.run([*MOVE, *words])


def test_without_a_terminal_yes_is_needed(
    changing: Changing, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert cli.run(MOVE) == Exit.USAGE
    assert "--yes" in capsys.readouterr().err
    assert changing.calls == []
    assert cli.run([*MOVE, "--yes"]) == Exit.OK
    assert [dry for dry, *_ in changing.calls] == [False]


@pytest.mark.parametrize("text", ["", "\n", "n\n", "no\n", "yea\n", "Y e s\n"])
def test_anything_but_yes_is_no(
    text: str, changing: Changing, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert typed(text, monkeypatch) == Exit.DRIFT
    assert [dry for dry, *_ in changing.calls] == [True]


@pytest.mark.parametrize("text", ["y\n", "YES\n", " yes \n"])
def test_what_was_shown_is_handed_on_to_what_is_done(
    text: str, changing: Changing, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert typed(text, monkeypatch) == Exit.OK
    (first, _, _), (second, _, shown) = changing.calls
    assert (first, second) == (True, False)
    assert shown is not None
    assert shown.outcomes[0].changes == (EDIT,)


def test_the_plan_is_on_stderr_with_the_inventory_s_diff_and_stdout_is_one_object(
    changing: Changing, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = Terminal()
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    monkeypatch.setattr("sys.stderr", error)
    assert cli.run([*MOVE, "--format", "json"]) == Exit.OK
    report = json.loads(capsys.readouterr().out)
    assert report["inventory"] == {
        "status": "written",
        "files": ["groups.yaml"],
        "diff": DIFF,
        "commit": None,
    }
    plan = error.getvalue()
    assert "the inventory: would change" in plan
    assert "+new" in plan
    assert plan.count("[y/N]") == 1
    assert "Move web from 203.0.113.10 to 203.0.113.20 on ams1?" in plan
    assert len(changing.calls) == 2


def test_nothing_is_asked_where_nothing_is_to_be_done(
    changing: Changing, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing.status, changing.inventory = Status.UNCHANGED, False
    assert typed("y\n", monkeypatch) == Exit.OK
    changing.status = Status.FAILED
    assert typed("y\n", monkeypatch) == Exit.FAILED
    assert [dry for dry, *_ in changing.calls] == [True, True]


def test_that_only_the_inventory_would_change_is_a_plan_too(
    changing: Changing, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing.status = Status.UNCHANGED
    assert typed("", monkeypatch, "--dry-run") == Exit.DRIFT
    assert typed("n\n", monkeypatch) == Exit.DRIFT
    assert typed("y\n", monkeypatch) == Exit.OK
    assert [dry for dry, *_ in changing.calls] == [True, True, True, False]


def test_a_drain_hands_on_what_was_shown_too(
    changing: Changing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def drain(request: Any, wish: Any, _told: Any = None, *, shown: Run | None = None) -> Run:
        return changing(request, wish, shown=shown)

    monkeypatch.setattr("runbooks.draining.drain", drain)
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    monkeypatch.setattr("sys.stderr", error := Terminal())
    words = ["vip", "drain", "web", "203.0.113.10", "--reject", "--no-inventory"]
    assert cli.run(words) == Exit.OK
    assert "Drain 203.0.113.10 of web on ams1? [y/N]" in error.getvalue()
    (first, wish, none), (second, _, shown) = changing.calls
    assert (first, second, none) == (True, False, None)
    assert (wish.how, wish.inventory) == ("reject", False)
    assert shown is not None
    assert shown.outcomes[0].changes == (EDIT,)


@pytest.mark.parametrize("inventory", [Said.LEFT, Said.AGREES, None])
def test_an_inventory_that_is_left_alone_is_told_of_and_is_no_plan(
    inventory: Said | None,
    changing: Changing,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def change(request: Any, wish: Any, *, shown: Run | None = None) -> Run:
        run = changing(request, wish, shown=shown)
        left = InventoryChange((), "", inventory) if inventory else None
        return replace(run, command="vip", inventory=left)

    changing.status = Status.UNCHANGED
    monkeypatch.setattr("runbooks.vip.change_vip", change)
    assert cli.run([*MOVE, "--dry-run", "--no-inventory"]) == Exit.OK
    said = " ".join(capsys.readouterr().out.split())
    assert ("and does not say so: until it does, a rollout" in said) is (inventory is Said.LEFT)
    assert ("left alone, and says so already" in said) is (inventory is Said.AGREES)
    assert ("Nothing to do: the routers and the inventory are so" in said) is (inventory is None)


@pytest.mark.parametrize(
    "words", [["--commit", "--no-inventory"], ["--probe-from", "lon1", "--no-probe"]]
)
def test_options_that_exclude_each_other(words: list[str], changing: Changing) -> None:
    assert cli.run([*MOVE, "--yes", *words]) == Exit.USAGE
    assert changing.calls == []


def test_what_is_asked_for_arrives(changing: Changing) -> None:
    assert cli.run(["vip", "remove", "web", "203.0.113.10", "--yes", "--no-keepalived"]) == Exit.OK
    words = ["--yes", "--no-inventory", "--no-probe", "--force", "--wait", "7"]
    assert cli.run(["vip", "add", "web", "203.0.113.20", *words]) == Exit.OK
    (_, gone, _), (_, came, _) = changing.calls
    assert (gone.old, gone.new, gone.keepalived, gone.force) == ("203.0.113.10", None, False, False)
    assert (came.old, came.new, came.inventory, came.probe) == (None, "203.0.113.20", False, False)
    assert (came.force, came.wait) == (True, 7.0)
