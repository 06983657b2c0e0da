"""Opening an inventory folder: Nornir's configuration, other plugins, and what is not imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from nornir.core.inventory import Group, Groups, Host, Hosts, Inventory, ParentGroups
from nornir.core.plugins.inventory import InventoryPluginRegister

from inventory import loader
from inventory.element import Connection
from inventory.errors import LvsfleetError
from inventory.fleet import check
from inventory.loader import EXAMPLE, YAMLInventory, load_fleet
from inventory.problems import InventoryProblems, Kind, Owner
from tests.inventory_cases import BASE

SERVICE = {"vips": ["203.0.113.10"], "ports": ["80/tcp"], "mark": 80}


def folder(path: Path, **files: str) -> Path:
    for name, text in {**BASE, **{f"{key}.yaml": text for key, text in files.items()}}.items():
        (path / name).write_text(text)
    return path


def test_the_example_is_the_default() -> None:
    nr = load_fleet()
    fleet = check(nr)
    assert fleet.clusters == {
        "ams": ("ams1", "ams2"),
        "fra": ("fra1", "fra2"),
        "lon": ("lon1", "lon2"),
    }
    assert nr.config.inventory.options["host_file"] == str(EXAMPLE / "hosts.yaml")
    assert nr.config.runner.plugin == "lvsfleet"


def test_a_router_without_a_host_name_is_reached_by_its_own(tmp_path: Path) -> None:
    nr = load_fleet(folder(tmp_path, hosts="lvs1.example.com: {groups: [ams]}"))
    assert nr.inventory.hosts["lvs1.example.com"].hostname == "lvs1.example.com"


def test_everything_is_there_as_nornir_knows_it(tmp_path: Path) -> None:
    path = folder(
        tmp_path,
        hosts="ams1: {groups: [ams], port: 2222, data: {x-rack: 7}}",
        groups="ams: {username: ops, connection_options: {lvsfleet: {extras: {agent: false}}}}",
        defaults="{password: secret, data: {x-site: here}}",
    )
    host = load_fleet(path).inventory.hosts["ams1"]
    assert (host.port, host.username, host.password) == (2222, "ops", "secret")
    assert (host["x-rack"], host["x-site"]) == (7, "here")
    assert host.get_connection_parameters("lvsfleet").extras == {"agent": False}


def test_simple_inventory_reads_the_same(tmp_path: Path) -> None:
    texts = {file.stem: file.read_text() for file in EXAMPLE.glob("*.yaml")}
    texts["config"] = "inventory: {plugin: SimpleInventory}"
    other = load_fleet(folder(tmp_path, **texts))
    ours = load_fleet()
    assert other.inventory.dict() == ours.inventory.dict()
    assert check(other) == check(ours)


def test_stock_nornir_can_use_the_plugin(tmp_path: Path) -> None:
    path = folder(tmp_path)
    plugin = YAMLInventory(host_file=str(path / "hosts.yaml"), group_file=str(path / "groups.yaml"))
    assert list(plugin.load().hosts) == ["ams1", "ams2"]
    (path / "hosts.yaml").write_text("ams1: {hostnam: ams1}")
    with pytest.raises(InventoryProblems, match="did you mean 'hostname'"):
        plugin.load()


def test_nornirs_log_is_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    nr = load_fleet(folder(tmp_path, config="logging: {enabled: true, log_file: nornir.log}"))
    assert nr.config.logging.enabled is False
    assert not (tmp_path / "nornir.log").exists()


def test_what_the_file_leaves_open_the_environment_may_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORNIR_INVENTORY_PLUGIN", "SimpleInventory")
    monkeypatch.setenv("NORNIR_RUNNER_PLUGIN", "serial")
    config = load_fleet(folder(tmp_path)).config
    assert (config.inventory.plugin, config.runner.plugin) == ("SimpleInventory", "serial")
    config = load_fleet(folder(tmp_path, config="inventory: {plugin: lvsfleet}")).config
    assert config.inventory.plugin == "lvsfleet"


def test_paths_are_relative_to_the_folder(tmp_path: Path) -> None:
    path = folder(tmp_path, config="ssh: {config_file: ssh_config}")
    assert load_fleet(path).config.ssh.config_file == str(path / "ssh_config")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("inventory: {plugin: NetBux}", "there is no plugin 'NetBux'"),
        ("inventory: {options: {hosts: x}}", "the inventory plugin lvsfleet takes no option"),
        ("inventory: {plugin: SimpleInventory, options: {x: y}}", "SimpleInventory failed"),
        ("inventory: {plugin: SimpleInventory, options: {host_file: x}}", "SimpleInventory failed"),
        ("inventory: {transform_function: none}", "there is no plugin 'none'"),
    ],
)
def test_what_cannot_be_opened_is_told_in_one_line(tmp_path: Path, config: str, said: str) -> None:
    with pytest.raises(LvsfleetError, match=said):
        load_fleet(folder(tmp_path, config=config))


def test_no_folder() -> None:
    with pytest.raises(LvsfleetError, match=r"no inventory folder nowhere\. Name one with"):
        load_fleet(Path("nowhere"))


def test_only_the_runner_that_is_used_is_imported(tmp_path: Path) -> None:
    nr = load_fleet(folder(tmp_path, config="runner: {plugin: nothing}"))
    with pytest.raises(LvsfleetError, match="there is no plugin 'nothing'"):
        nr.run(task=lambda task: task.host)


def test_other_plugins_are_not_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from inventory.loader import load_fleet; from inventory.fleet import check\n"
        "early = {'nornir', 'paramiko', 'netmiko'} & set(sys.modules)\n"
        f"check(load_fleet(Path({str(folder(tmp_path))!r})))\n"
        "print(sorted(early), sorted({'paramiko', 'netmiko'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"


class Elsewhere:
    """An inventory that comes from another system: no files, data of its own."""

    services: dict[str, object] = {"web": SERVICE}  # noqa: RUF012
    circle = False

    def load(self) -> Inventory:
        group = Group(
            name="ams", data={"cluster": "ams", "site": {"id": 7}, "services": self.services}
        )
        if self.circle:
            group.groups = ParentGroups([group])
        hosts = Hosts()
        for number in (1, 2):
            name = f"ams{number}"
            hosts[name] = Host(
                name=name,
                hostname=f"192.0.2.{number}",
                groups=ParentGroups([group]),
                data={"serial": number, "connection": "netmiko"},
            )
        return Inventory(hosts=hosts, groups=Groups({"ams": group}))


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    def found(group: str, name: str) -> object:
        assert (group, name) == (InventoryPluginRegister._entry_point, "Elsewhere")
        return Elsewhere

    monkeypatch.setattr(loader, "load_plugin", found)
    (tmp_path / "config.yaml").write_text("inventory: {plugin: Elsewhere}")
    return tmp_path


def test_another_systems_inventory_may_have_data_of_its_own(elsewhere: Path) -> None:
    fleet = check(load_fleet(elsewhere))
    assert fleet.desired["ams2"].services[0].mark == 80
    assert fleet.connections["ams2"] is Connection.NETMIKO
    assert fleet.origins["ams2"]["services", "web"] == Owner(Kind.GROUP, "ams")


def test_another_systems_inventory_is_checked_too(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Elsewhere, "services", {"web": SERVICE | {"mark": 10**5000}})
    with pytest.raises(InventoryProblems) as caught:
        check(load_fleet(elsewhere))
    (problem,) = caught.value.problems
    assert str(problem).startswith(
        "inventory plugin Elsewhere: group ams: data.services.web.mark: 0x"
    )


def test_another_systems_groups_in_a_circle(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Elsewhere, "circle", True)
    with pytest.raises(InventoryProblems, match="leads back to itself: ams → ams"):
        load_fleet(elsewhere)
