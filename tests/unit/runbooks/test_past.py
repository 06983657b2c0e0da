"""What an earlier run makes of an inventory that is not to be edited any more, or never was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nornir.core.inventory import Group, Groups, Host, Hosts, Inventory, ParentGroups

from inventory import loader
from inventory.desired import Draining
from inventory.editing.changes import Change
from inventory.editing.delta import Delta
from inventory.editing.draining import Drain, Wanted
from inventory.editing.errors import NotEditable
from inventory.fleet import Fleet, check
from inventory.loader import load_fleet
from runbooks.journal import End, RecordedRun
from runbooks.journal.recorded import RecordedEdit, RecordedRouter
from runbooks.past import Past

if TYPE_CHECKING:
    from nornir.core import Nornir

OLD, NEW = "203.0.113.10", "203.0.113.20"
MOVED = {"service": "web", "old": OLD, "new": NEW}
DRAINED = {"service": "web", "vip": NEW, "how": "drop"}
FILE = Delta.of("/x/groups.yaml", "groups.yaml", b"old\n", b"new\n")


class Elsewhere:
    """An inventory without files, in which web has the new VIP."""

    def load(self) -> Inventory:
        service = {"vips": [NEW], "ports": ["80/tcp"], "mark": 80, "draining": {NEW: "drop"}}
        group = Group(name="ams", data={"cluster": "ams", "services": {"web": service}})
        hosts = Hosts(ams1=Host(name="ams1", groups=ParentGroups([group])))
        return Inventory(hosts=hosts, groups=Groups(ams=group))


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Nornir, Fleet]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(loader, "load_plugin", lambda _group, _name: Elsewhere)
    (tmp_path / "config.yaml").write_text("inventory: {plugin: Elsewhere}")
    nr = load_fleet(tmp_path)
    return nr, check(nr)


def past(options: Mapping[str, object], *files: Delta) -> Past:
    run = RecordedRun(
        "20261123T074512Z-ams-4f2a",
        Path("/x"),
        End.ENDED,
        command="vip",
        options=options,
        routers={"ams1": RecordedRouter("ams1")},
        edit=RecordedEdit("done", files),
    )
    return Past(run, back=True)


BACK = {
    "move": (MOVED, Change.of("web", old=NEW, new=OLD)),
    "drain": (DRAINED, Drain.of("web", NEW, None)),
}


@pytest.mark.parametrize("what", BACK)
def test_one_that_was_written_and_cannot_be_any_more_is_refused(
    what: str, fleet: tuple[Nornir, Fleet]
) -> None:
    """The routers would be as before, and the inventory would not."""
    options, asked = BACK[what]
    with pytest.raises(NotEditable, match="comes from the plugin Elsewhere"):
        past(options, FILE).edit(*fleet, asked, None)


@pytest.mark.parametrize("what", BACK)
@pytest.mark.parametrize("told", [True, None])
def test_one_that_was_left_alone_is_again(
    what: str, told: bool | None, fleet: tuple[Nornir, Fleet]
) -> None:
    options, asked = BACK[what]
    _, edit = past({**options, "no_inventory": told}).edit(*fleet, asked, None)
    assert edit.files == ()
    assert edit.change == asked


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ({"service": "web", "old": NEW, "new": OLD}, Change.of("web", old=OLD, new=NEW)),
        ({"service": "web", "vip": NEW, "was": "drop"}, Drain.of("web", NEW, Draining.DROP)),
    ],
)
def test_one_that_says_it_already_is_left_alone_too(
    options: Mapping[str, object], asked: Wanted, fleet: tuple[Nornir, Fleet]
) -> None:
    _, edit = past(options, FILE).edit(*fleet, asked, None)
    assert edit.files == ()
    (service,) = edit.fleet.desired["ams1"].services
    assert [str(vip) for vip in service.vips] == [NEW]
