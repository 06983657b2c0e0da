"""Opens an inventory folder: Nornir's configuration, the inventory plugin, the runner.

Nornir's own `InitNornir` is not used: it imports every plugin that is installed (netmiko alone
takes 0.7 s), reads its configuration with ruamel.yaml, and writes task arguments to nornir.log.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inventory.config import CONFIG_FILE, read_config
from inventory.entries import Shape
from inventory.errors import LvsfleetError
from inventory.fleet import examine_elements
from inventory.plugin import OPTIONS, YAMLInventory
from inventory.problems import Finding, InventoryProblems, one_of, quote
from inventory.sources import Sources

if TYPE_CHECKING:
    from nornir.core import Nornir
    from nornir.core.configuration import Config
    from nornir.core.inventory import Host, Inventory
    from nornir.core.task import AggregatedResult, Task

__all__ = ["EXAMPLE", "YAMLInventory", "load_fleet", "load_plugin"]

EXAMPLE = Path(__file__).parent
"""The inventory in this repository: the lab's fleet."""


def load_fleet(directory: Path | None = None) -> Nornir:
    """A Nornir object for the inventory in ``directory``.

    Routers without a host name get their own name as one. Connection plugins are not registered
    here; the runner is imported when something is first run.

    Args:
        directory: holds Nornir's config.yaml; without that file, the plugin ``lvsfleet`` reads
            hosts.yaml, groups.yaml and defaults.yaml there. None is the repository's own.

    Raises:
        InventoryProblems: the files cannot be read, or have the wrong shape.
        LvsfleetError: there is no such folder, it holds no inventory, or an inventory plugin of
            others failed.
    """
    home = EXAMPLE if directory is None else directory
    try:
        is_folder = home.is_dir()
        has_some = any((home / name).exists() for name in (CONFIG_FILE, "hosts.yaml"))
    except OSError as error:
        raise LvsfleetError(
            f"the inventory folder {home} cannot be looked into: {error.strerror}",
            "Run this as its owner, or name another with --inventory DIR",
        ) from error
    if not is_folder:
        raise LvsfleetError(f"there is no inventory folder {home}", "Name one with --inventory DIR")
    if not has_some:
        raise LvsfleetError(
            f"there is no inventory in {home}: neither hosts.yaml nor {CONFIG_FILE}",
            "--inventory DIR names the folder that has them; README.md begins one",
        )
    sections = read_config(home)
    # 0.14 s: late, so that --help and completion answer at once.
    from nornir.core import Nornir  # noqa: PLC0415
    from nornir.core.configuration import Config  # noqa: PLC0415

    try:
        config = Config.from_dict(**sections)
    except (TypeError, ValueError, SyntaxError) as error:
        raise LvsfleetError(f"Nornir refuses its configuration: {error}") from error
    inventory = _named(_load_inventory(config))
    return Nornir(inventory=inventory, config=config, runner=_LateRunner(config))


def load_contents(config: Config, contents: Mapping[Path, bytes]) -> Inventory:
    """The inventory as it would be loaded if its files held ``contents``.

    Args:
        config: of a fleet whose inventory plugin is one of `inventory.sources.FILE_PLUGINS`; the
            files of both are read as lvsfleet's own, which has the same format.
        contents: by path, as in the plugin's options; a file that is not in it is absent.

    Raises:
        InventoryProblems: they cannot be read, or have the wrong shape.
        LvsfleetError: the transform function cannot be imported.
    """
    return _named(_load_inventory(config, contents))


def _named(inventory: Inventory) -> Inventory:
    for host in inventory.hosts.values():
        if host.hostname is None:
            host.hostname = host.name
    return inventory


def _load_inventory(config: Config, contents: Mapping[Path, bytes] | None = None) -> Inventory:
    plugin, options = config.inventory.plugin, config.inventory.options
    if plugin == "lvsfleet" or contents is not None:
        unknown = sorted(map(str, options.keys() - OPTIONS))
        if unknown:
            raise LvsfleetError(
                f"the inventory plugin lvsfleet takes no option {quote(unknown[0])}",
                f"It takes {one_of(OPTIONS, 'and')}",
            )
        inventory, findings = YAMLInventory(**options).salvage(contents)
        if findings:
            findings += examine_elements(inventory, strict=True)
    else:
        loader = load_plugin("nornir.plugins.inventory", plugin)
        try:
            inventory = loader(**options).load()
        except LvsfleetError:
            raise
        except Exception as error:
            raise LvsfleetError(
                f"the inventory plugin {plugin} failed: {type(error).__name__}: {error}"
            ) from error
        findings = _cycles(inventory)
    if findings:
        raise InventoryProblems(Sources.of(plugin, options).problems(findings))
    if config.inventory.transform_function:
        transform = load_plugin(
            "nornir.plugins.transform_function", config.inventory.transform_function
        )
        for host in inventory.hosts.values():
            transform(host, **config.inventory.transform_function_options)
    return inventory


def _cycles(inventory: Inventory) -> list[Finding]:
    shape = Shape()
    shape.acyclic(
        {name: [parent.name for parent in group.groups] for name, group in inventory.groups.items()}
    )
    return shape.findings


def load_plugin(group: str, name: str) -> Any:
    """One plugin of Nornir by its entry point, without importing the others.

    Raises:
        LvsfleetError: there is none of that name, or it cannot be imported.
    """
    for entry_point in entry_points(group=group, name=name):
        try:
            return entry_point.load()
        except ImportError as error:
            raise LvsfleetError(f"Nornir's plugin {name} cannot be imported: {error}") from error
    known = sorted({entry_point.name for entry_point in entry_points(group=group)})
    raise LvsfleetError(
        f"there is no plugin {name!r} for {group}", f"Installed are {', '.join(known) or 'none'}"
    )


class _LateRunner:
    """Nornir's runner of the configuration, imported when something is first run."""

    def __init__(self, config: Config) -> None:
        self._config = config.runner

    def run(self, task: Task, hosts: list[Host]) -> AggregatedResult:
        plugin = load_plugin("nornir.plugins.runners", self._config.plugin)
        result: AggregatedResult = plugin(**self._config.options).run(task, hosts)
        return result
