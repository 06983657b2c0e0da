"""Edits of whole inventories: of every plugin, and while somebody else writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from nornir.core.inventory import Group, Groups, Host, Hosts, Inventory, ParentGroups

from inventory import loader
from inventory.editing.changes import Change
from inventory.editing.errors import ChangedMeanwhile, EditRefused, NotEditable, NothingToChange
from inventory.editing.fileedit import FileEdit
from inventory.editing.plan import Edit, plan_edit, with_files
from inventory.editing.target import find_target, known_vips
from inventory.editing.writing import put_back, write
from inventory.fleet import check
from inventory.loader import load_fleet
from tests.inventory_cases import BASE

MOVE = Change.of("web", old="203.0.113.10", new="203.0.113.20")


def folder(path: Path, **files: str) -> Path:
    for name, text in {**BASE, **{f"{key}.yaml": text for key, text in files.items()}}.items():
        (path / name).write_text(text)
    return path


def planned(home: Path, change: Change = MOVE) -> Edit:
    nr = load_fleet(home)
    return plan_edit(nr, check(nr), change)


def vips(home: Path) -> dict[str, tuple[str, ...]]:
    desired = check(load_fleet(home)).desired
    return {name: tuple(map(str, each.services[0].vips)) for name, each in desired.items()}


@pytest.mark.parametrize("plugin", ["lvsfleet", "SimpleInventory"])
def test_what_is_planned_is_what_is_loaded_then(tmp_path: Path, plugin: str) -> None:
    home = folder(tmp_path, config=f"inventory: {{plugin: {plugin}}}")
    before = check(load_fleet(home))
    edit = planned(home)
    assert edit.team.routers == ("ams1", "ams2")
    assert [str(place) for place in edit.places] == ["groups.yaml:1"]
    assert check(load_fleet(home)) == before
    write(edit.files)
    assert check(load_fleet(home)) == edit.fleet
    assert vips(home) == {"ams1": ("203.0.113.20",), "ams2": ("203.0.113.20",)}
    put_back(edit.files)
    assert check(load_fleet(home)) == before


def test_both_files_of_one_cluster(tmp_path: Path) -> None:
    service = "services: {web: {vips: [203.0.113.10], ports: [80/tcp], mark: 80}}"
    home = folder(
        tmp_path,
        hosts=f"ams1: {{groups: [ams]}}\nams2: {{groups: [ams], data: {{{service}}}}}\n",
    )
    edit = planned(home)
    assert sorted(file.label for file in edit.files) == ["groups.yaml", "hosts.yaml"]
    write(edit.files)
    assert vips(home) == {"ams1": ("203.0.113.20",), "ams2": ("203.0.113.20",)}


def test_files_elsewhere_and_a_link(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "hosts.yaml").write_text(BASE["hosts.yaml"])
    (tmp_path / "site" / "clusters.yaml").write_text(BASE["groups.yaml"])
    (tmp_path / "site" / "link.yaml").symlink_to("clusters.yaml")
    (tmp_path / "home" / "config.yaml").write_text(
        "inventory: {options: {group_file: ../site/link.yaml}}"
    )
    edit = planned(tmp_path / "home")
    write(edit.files)
    assert (tmp_path / "site" / "link.yaml").is_symlink()
    assert b"203.0.113.20" in (tmp_path / "site" / "clusters.yaml").read_bytes()


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding(tmp_path: Path, encoding: str) -> None:
    home = folder(tmp_path, config=f"inventory: {{options: {{encoding: {encoding}}}}}")
    for file in ("hosts.yaml", "groups.yaml"):
        (home / file).write_bytes(f"# é\n{BASE[file]}".encode(encoding))
    edit = planned(home)
    write(edit.files)
    wanted = BASE["groups.yaml"].replace("203.0.113.10", "203.0.113.20")
    assert (home / "groups.yaml").read_bytes() == f"# é\n{wanted}".encode(encoding)


def test_text_that_would_not_come_out_the_same(tmp_path: Path) -> None:
    home = folder(tmp_path, config="inventory: {options: {encoding: utf-16}}")
    for file in ("hosts.yaml", "groups.yaml"):
        (home / file).write_bytes(b"\xfe\xff" + BASE[file].encode("utf-16-be"))
    with pytest.raises(
        NotEditable, match=r"groups\.yaml is utf-16 text that would not be the same"
    ):
        planned(home)


@pytest.mark.parametrize(
    "text",
    [
        BASE["groups.yaml"].replace("mark: 80", "mark: 81"),
        BASE["groups.yaml"].replace("203.0.113.10", "203.0.113.9"),
        BASE["groups.yaml"].replace("vips:", "vip:"),
        "",
        "[",
    ],
)
def test_files_that_somebody_wrote_since_they_were_read(tmp_path: Path, text: str) -> None:
    home = folder(tmp_path)
    nr = load_fleet(home)
    fleet = check(nr)
    (home / "groups.yaml").write_text(text)
    with pytest.raises(ChangedMeanwhile, match="do not say what was read from them before"):
        plan_edit(nr, fleet, MOVE)
    assert (home / "groups.yaml").read_text() == text


class Elsewhere:
    """An inventory without files."""

    def load(self) -> Inventory:
        service = {"vips": ["203.0.113.10"], "ports": ["80/tcp"], "mark": 80}
        group = Group(name="ams", data={"cluster": "ams", "services": {"web": service}})
        hosts = Hosts(ams1=Host(name="ams1", groups=ParentGroups([group])))
        return Inventory(hosts=hosts, groups=Groups(ams=group))


def test_an_inventory_without_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "load_plugin", lambda _group, _name: Elsewhere)
    (tmp_path / "config.yaml").write_text("inventory: {plugin: Elsewhere}")
    nr = load_fleet(tmp_path)
    fleet = check(nr)
    with pytest.raises(NotEditable, match="comes from the plugin Elsewhere, not from files"):
        plan_edit(nr, fleet, MOVE)
    taken = Change.of("www", new="203.0.113.10")
    with pytest.raises(EditRefused, match="there is no service 'www'"):
        plan_edit(nr, fleet, taken)
    target = find_target(fleet, MOVE, where=lambda owner, _path: str(owner))
    (service,) = target.applied(fleet)["ams1"].services
    assert [str(vip) for vip in service.vips] == ["203.0.113.20"]
    assert fleet.desired["ams1"].services[0].vips != service.vips


def test_a_transform_function_that_has_the_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def transform(host: Host) -> None:
        vips = ["203.0.113.10"]
        host.data["services"] = {"web": {"vips": vips, "ports": ["80/tcp"], "mark": 80}}

    monkeypatch.setattr(loader, "load_plugin", lambda _group, _name: transform)
    home = folder(tmp_path, config="inventory: {transform_function: mine}")
    with pytest.raises(NotEditable, match=r"are not found in hosts\.yaml, under host ams1"):
        planned(home)


def test_a_transform_function_that_undoes_the_edit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def transform(host: Host) -> None:
        group = host.groups[0]
        group.data["services"]["web"]["vips"] = ["203.0.113.10"]

    monkeypatch.setattr(loader, "load_plugin", lambda _group, _name: transform)
    home = folder(tmp_path, config="inventory: {transform_function: mine}")
    with pytest.raises(NotEditable, match=r"in groups\.yaml:1 does not do that, and only that"):
        planned(home)


def test_what_is_so_already_says_whose_it_is(tmp_path: Path) -> None:
    home = folder(tmp_path)
    for change in (
        Change.of("web", new="203.0.113.10"),
        Change.of("web", old="203.0.113.7", new="203.0.113.10"),
    ):
        with pytest.raises(NothingToChange) as caught:
            planned(home, change)
        assert caught.value.routers == ("ams1", "ams2")


def test_a_change_says_what_it_does() -> None:
    assert str(MOVE) == "vip move web 203.0.113.10 → 203.0.113.20"
    assert str(Change.of("web", new="2001:DB8::1")) == "vip add web 2001:DB8::1"
    assert str(Change.of("web", old="2001:DB8::1")) == "vip remove web 2001:DB8::1"


def test_what_could_be_shell_is_no_address() -> None:
    for text in ("$(reboot)", "203.0.113.10; reboot", "2001:db8::1%eth0", "203.0.113.10\n", ""):
        with pytest.raises(EditRefused):
            Change.of("web", new=text)


def test_the_example_can_be_edited_service_by_service() -> None:
    nr = load_fleet()
    fleet = check(nr)
    for service in ("web", "ftp", "dns"):
        for vip in known_vips(fleet, service):
            new = "192.0.2.99" if "." in vip else "2001:db8:99::1"
            edit = plan_edit(nr, fleet, Change.of(service, old=vip, new=new))
            (file,) = edit.files
            assert file.after == file.before.replace(vip.encode(), new.encode(), 1)
            assert len(edit.team.routers) == 2


DRAINS = "{vips: [203.0.113.10, 203.0.113.11], ports: [80/tcp], mark: 80, draining: {%s: drop}}"
SAYS = "ams: {data: {cluster: ams, services: {web: %s}}}\n"


@pytest.mark.parametrize(("vip", "comes_back"), [("203.0.113.10", True), ("203.0.113.11", False)])
def test_a_vip_that_comes_back_drains_as_it_did(vip: str, comes_back: bool, tmp_path: Path) -> None:
    """By its old bytes; what else drains in them is another change."""
    home = folder(tmp_path, groups=SAYS % (DRAINS % "203.0.113.10"))
    fleet = check(nr := load_fleet(home))
    removed = plan_edit(nr, fleet, Change.of("web", old="203.0.113.10"))
    assert b"draining" not in removed.files[0].after
    write(removed.files)
    fleet = check(nr := load_fleet(home))
    back = plan_edit(nr, fleet, Change.of("web", new="203.0.113.10"))
    old = (SAYS % (DRAINS % vip)).encode()
    file = back.files[0]
    exact = with_files(nr, back, (FileEdit(file.path, file.label, file.before, old),))
    assert (exact is not None) is comes_back
    if exact is not None:
        assert exact.files[0].after == old
        assert exact.fleet.desired["ams1"].services[0].draining
