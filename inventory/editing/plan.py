"""What a change makes of the inventory's files: planned, and checked before anything is written.

An edit goes through only if the inventory's own reader and ruamel.yaml both find the VIPs that were
asked for where the cluster has them from, if nothing else in the files differs, and if the whole
fleet is right with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from inventory import yamlfile
from inventory.editing.draining import Wanted
from inventory.editing.errors import ChangedMeanwhile, EditRefused, NotEditable
from inventory.editing.fileedit import FileEdit
from inventory.editing.filetext import FileText, Place
from inventory.editing.target import find_target
from inventory.editing.team import Team
from inventory.fleet import Fleet, examine
from inventory.loader import load_contents
from inventory.problems import InventoryProblems, Owner
from inventory.rules import Address
from inventory.sources import Sources

if TYPE_CHECKING:
    from nornir.core import Nornir
    from nornir.core.configuration import Config


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of the inventory that was found right; nothing is written yet.

    Attributes:
        change: what was asked for.
        team: the cluster whose VIP it is; all its routers are concerned.
        places: where its VIPs are written.
        files: what becomes of each file.
        fleet: the whole fleet with the change.
    """

    change: Wanted
    team: Team
    places: tuple[Place, ...]
    files: tuple[FileEdit, ...]
    fleet: Fleet

    @property
    def diff(self) -> str:
        """All files' changes as one unified diff, for eyes."""
        return "".join(file.diff for file in self.files)


def plan_edit(
    nr: Nornir, fleet: Fleet, change: Wanted, *, among: Collection[str] | None = None
) -> Edit:
    """The edit that makes ``change``; reads the inventory's files, writes nothing.

    Args:
        nr: from `inventory.loader.load_fleet`.
        fleet: the whole fleet, from `inventory.fleet.check`.
        change: what is asked for.
        among: the routers that were chosen; see `inventory.editing.target.find_target`.

    Raises:
        NotEditable: the inventory does not come from files, or not from ones that can be edited so
            that nothing else changes.
        EditRefused: see `find_target`; or the fleet would be wrong with the change.
        ChangedMeanwhile: the files do not say any more what ``fleet`` is.
    """
    config = nr.config
    sources = Sources.of(config.inventory.plugin, config.inventory.options)
    target = find_target(fleet, change, among=among, where=sources.place)
    if not sources.files:
        raise NotEditable(
            f"this inventory comes from the plugin {config.inventory.plugin}, not from files that "
            "can be edited",
            "Change the VIP there",
        )
    contents = _contents(sources)
    places: list[Place] = []
    files: list[FileEdit] = []
    try:
        for file, owners in _by_file(target.owners, sources).items():
            text = FileText(file, sources.label(file), contents.get(file, b""), _encoding(config))
            after, found = text.changed(change, owners)
            places += found
            files.append(FileEdit(file, sources.label(file), contents[file], after))
        after_all = _read(config, contents | {file.path: file.after for file in files})
    except (LookupError, UnicodeError, NotEditable, InventoryProblems) as error:
        # The files may be others than those that the fleet was read from.
        _refuse_other_state(config, contents, fleet)
        if isinstance(error, InventoryProblems):
            told = "\n".join(map(str, error.problems))
            raise EditRefused(f"{change} would make the inventory wrong:\n{told}") from error
        raise
    wanted = target.applied(fleet)
    if after_all.desired != wanted:
        _refuse_other_state(config, contents, fleet)
        unlike = [name for name, each in wanted.items() if after_all.desired.get(name) != each]
        raise NotEditable(
            f"{change} in {' and '.join(map(str, places))} does not do that, and only that: it "
            f"shows on {unlike[0]}",
            "See inventory.transform_function in config.yaml; edit the file by hand",
        )
    return Edit(change, target.team, tuple(places), tuple(files), after_all)


def with_files(nr: Nornir, edit: Edit, files: tuple[FileEdit, ...]) -> Edit | None:
    """The same edit by other bytes, e.g. those of before; None where they do not do the same.

    A service's VIPs may stand in another order, and one that comes back may drain.

    Args:
        nr: as for `plan_edit`.
        edit: the edit.
        files: of the same files.
    """
    sources = Sources.of(nr.config.inventory.plugin, nr.config.inventory.options)
    try:
        contents = _contents(sources) | {file.path: file.after for file in files}
        fleet = _read(nr.config, contents)
    except (LookupError, UnicodeError, NotEditable, InventoryProblems):
        return None
    if _unordered(fleet, edit.change.to_address) != _unordered(edit.fleet, None):
        return None
    return replace(edit, files=files, fleet=fleet)


def _unordered(fleet: Fleet, back: Address | None) -> dict[str, object]:
    """What the routers should be, whatever the order of their VIPs, and how one of them drains."""
    return {
        name: (
            replace(each, services=()),
            [
                (
                    replace(service, vips=(), draining=()),
                    frozenset(service.vips),
                    frozenset(pair for pair in service.draining if pair[0] != back),
                )
                for service in each.services
            ],
        )
        for name, each in fleet.desired.items()
    }


def _encoding(config: Config) -> str:
    return str(config.inventory.options.get("encoding") or "utf-8")


def _contents(sources: Sources) -> dict[Path, bytes]:
    """All files of the inventory at one moment; those that are absent are left out."""
    contents = {}
    for file in sources.files.values():
        try:
            contents[file] = file.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise NotEditable(f"{file} cannot be read: {error.strerror}") from error
    return contents


def _by_file(owners: Collection[Owner], sources: Sources) -> dict[Path, list[Owner]]:
    found: dict[Path, list[Owner]] = {}
    for owner in owners:
        found.setdefault(sources.files[owner.kind], []).append(owner)
    return found


def _read(config: Config, contents: Mapping[Path, bytes]) -> Fleet:
    """The fleet that files with these contents describe.

    Raises:
        InventoryProblems: everything that is wrong with them.
    """
    fleet, findings = examine(load_contents(config, contents), strict=True)
    if findings:
        sources = Sources.of(config.inventory.plugin, config.inventory.options)
        for file, data in contents.items():
            sources.documents[file] = yamlfile.decode(data, _encoding(config))
        raise InventoryProblems(sources.problems(findings))
    return fleet


def _refuse_other_state(config: Config, contents: Mapping[Path, bytes], fleet: Fleet) -> None:
    """Refuse files that do not say what the fleet is, without any change.

    Raises:
        ChangedMeanwhile: they do not.
    """
    try:
        same = _read(config, contents).desired == fleet.desired
    except InventoryProblems:
        same = False
    if not same:
        raise ChangedMeanwhile(
            "the inventory's files do not say what was read from them before: somebody writes them",
            "Try again",
        )
