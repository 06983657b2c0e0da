"""What a compliance run shows and ends with; which checks are chosen; what explain tells."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from inventory.desired import Desired
from inventory.errors import LvsfleetError
from inventory.waiver import Waiver
from runbooks.choosing import BadChoice, choose_checks
from runbooks.exits import Exit, compliance_code
from runbooks.hints import of_inventory
from runbooks.reports.check import Checked, CheckRun, Compliance
from runbooks.reports.check_json import render_check_json
from runbooks.reports.check_table import render_check_table
from runbooks.reports.explaining import explain, list_checks
from runbooks.reports.status import render_status
from runbooks.reports.text import Screen
from runbooks.status import FleetState
from tasks.checks.catalog import CATALOG
from tasks.checks.catalog.keepalived import LVS038
from tasks.checks.catalog.rules import LVS001, LVS004
from tasks.errors import Conflict, Unreachable
from tasks.outcome import Edit, Op, Where
from tasks.state import State

EDIT = Edit(Op.ADD, Where.RUNTIME, "-A LVSFLEET-MARK …", "web", "iptables mangle")
WAIVER = Waiver("LVS004", "Ann's", date(2027, 1, 31))


def missing(router: str) -> Checked:
    finding = LVS001.finding(
        "service web: 1 rule is missing",
        f"lvsfleet rollout --limit {router}",
        service="web",
        diff=(EDIT,),
    )
    return Checked(router, "fra", "iptables", Compliance.DRIFT, (finding,), seconds=0.4)


WAIVED = Checked(
    "lon1",
    "lon",
    "iptables",
    Compliance.COMPLIANT,
    (
        replace(LVS004.finding("a mark \x1b[31m rule"), waiver=WAIVER),
        LVS038.finding("no persistence"),
    ),
)
SILENT = Checked(
    "ams1", None, "", Compliance.UNREACHABLE, error=Unreachable("no route to host", "Wait")
)


def run(*routers: Checked, interrupted: bool = False) -> CheckRun:
    return CheckRun(
        "20261123T074512Z-fleet-4f2a",
        datetime(2026, 11, 23, 7, 45, 12, tzinfo=UTC),
        1.25,
        routers,
        (LVS001, LVS004),
        (LVS038,),
        interrupted,
    )


@pytest.mark.parametrize(
    ("routers", "interrupted", "code"),
    [
        ((WAIVED,), False, Exit.OK),
        ((WAIVED, missing("fra1")), False, Exit.DRIFT),
        ((WAIVED, missing("fra1"), SILENT), False, Exit.FAILED),
        ((WAIVED,), True, Exit.INTERRUPTED),
    ],
)
def test_the_exit_code(routers: tuple[Checked, ...], interrupted: bool, code: Exit) -> None:
    assert compliance_code(run(*routers, interrupted=interrupted)) is code


def test_alike_findings_stand_together_and_name_all_their_routers() -> None:
    text = render_check_table(run(missing("fra1"), missing("fra2"), WAIVED, SILENT))
    assert "LVS001 error: fra1, fra2: service web: 1 rule is missing" in text
    assert "lvsfleet rollout --limit fra1,fra2" in text
    assert "LVS004 waived: lon1" in text
    assert "until 2027-01-31: Ann's" in text
    assert "ams1: not checked: no route to host" in text
    assert "Not checked: LVS038." in text
    assert "no persistence" not in text
    assert "\x1b" not in text
    assert "4 routers: 1 compliant, 2 drift, 1 unreachable in 1.2 s" in text


def test_an_error_of_several_lines_is_read_as_such() -> None:
    error = Conflict("rules of others:\n-A one\x07\n-A two", "Delete them")
    lines = ["rules of others:", "    -A one\\x07", "    -A two", "    Delete them"]
    text = render_check_table(run(replace(SILENT, error=error)))
    assert "\n".join(["ams1: not checked: " + lines[0], *lines[1:]]) in text
    desired = {"ams1": Desired("ams1")}
    state = FleetState(datetime(2026, 11, 23, tzinfo=UTC), (State("ams1", error=error),), desired)
    assert "\n".join(["ams1: " + lines[0], *lines[1:]]) in render_status(state)


def test_with_v_remarks_and_diffs_are_shown() -> None:
    text = render_check_table(run(missing("fra1"), WAIVED), verbose=True)
    assert "no persistence" in text
    assert "-A LVSFLEET-MARK" in text


@pytest.mark.parametrize("width", [40, 60, 100])
def test_it_fits_the_terminal(width: int) -> None:
    text = render_check_table(run(missing("fra1"), WAIVED, SILENT), Screen(width=width))
    table = text.split("\n\n")[0].splitlines()
    assert all(len(line) <= width for line in table)
    assert all("drift" in line for line in table[1:2])


def test_json() -> None:
    report = json.loads(render_check_json(run(missing("fra1"), WAIVED, SILENT)))
    assert report["schema"] == "lvsfleet.compliance/1"
    assert report["summary"] == {"compliant": 1, "drift": 1, "unreachable": 1}
    assert report["skipped"] == ["LVS038"]
    (finding,) = report["routers"]["fra1"]["findings"]
    assert finding["service"] == "web"
    assert finding["changes"][0] == {
        "op": "add",
        "where": "runtime",
        "rule": EDIT.rule,
        "service": "web",
    }
    assert report["routers"]["fra1"]["changes"] == finding["changes"]
    assert report["routers"]["lon1"]["findings"][0]["waiver"] == {
        "reason": "Ann's",
        "until": "2027-01-31",
    }
    assert report["routers"]["ams1"]["error"]["kind"] == "unreachable"
    assert report["routers"]["ams1"]["findings"] == []


@pytest.mark.parametrize(
    ("only", "skip", "wanted"),
    [
        ((), (), {"LVS001", "LVS004", "LVS030"}),
        (("lvs001",), (), {"LVS001"}),
        (("LVS00*",), ("LVS004",), {"LVS001"}),
        (("LVS001,LVS030",), (), {"LVS001", "LVS030"}),
        ((), ("LVS0*4", "LVS030"), {"LVS001"}),
    ],
)
def test_checks_are_chosen(only: tuple[str, ...], skip: tuple[str, ...], wanted: set[str]) -> None:
    assert choose_checks(("LVS001", "LVS004", "LVS030"), only=only, skip=skip) == wanted


@pytest.mark.parametrize(
    ("only", "skip"), [(("LVS999",), ()), (("",), ()), ((), ("x",)), (("LVS001",), ("LVS*",))]
)
def test_a_choice_of_nothing_is_refused(only: tuple[str, ...], skip: tuple[str, ...]) -> None:
    with pytest.raises(BadChoice):
        choose_checks(CATALOG, only=only, skip=skip)


def test_explain() -> None:
    assert list_checks(CATALOG).count("\nLVS") == len(CATALOG) - 1
    text = explain(CATALOG, "lvs021")
    assert text.startswith("LVS021 error: ")
    assert "accept: true" in text
    with pytest.raises(LvsfleetError, match="LVS999") as caught:
        explain(CATALOG, "LVS999")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("inventory", "hint", "told"),
    [
        (None, "lvsfleet rollout --limit a", "lvsfleet rollout --limit a"),
        (
            Path("a b"),
            "lvsfleet rollout --limit a; `lvsfleet status`",
            "lvsfleet rollout --inventory 'a b' --limit a; `lvsfleet status --inventory 'a b'`",
        ),
        (Path("/i"), "`lvsfleet explain LVS001`; lvsfleet's own", None),
    ],
)
def test_commands_in_hints_name_the_inventory(
    inventory: Path | None, hint: str, told: str | None
) -> None:
    (finding,) = of_inventory([LVS001.finding("x", hint)], inventory)
    assert finding.hint == (told or hint)
