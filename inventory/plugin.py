"""Nornir's inventory from YAML files: the format of SimpleInventory, read fast and strictly.

Everything that is wrong with the files is told at once, each with its line.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from inventory.entries import DEFAULTS_KEYS, Shape
from inventory.problems import Finding, InventoryProblems, Kind, Owner, Problem
from inventory.sources import FILES, Sources
from inventory.yamlfile import Document, Fault, decode, read

if TYPE_CHECKING:
    from nornir.core.inventory import Inventory


OPTIONS = ("host_file", "group_file", "defaults_file", "encoding")
"""What the plugin takes."""


class YAMLInventory:
    """A Nornir inventory plugin with the files and the options of SimpleInventory.

    Scalars are those of YAML 1.2. Doubled keys, unknown keys, wrong types, groups that do not
    exist or lead back to themselves are refused.

    Args:
        host_file: the routers; must exist.
        group_file: the groups; may be absent.
        defaults_file: the defaults; may be absent.
        encoding: of all three.
    """

    def __init__(
        self,
        host_file: str = "hosts.yaml",
        group_file: str = "groups.yaml",
        defaults_file: str = "defaults.yaml",
        encoding: str = "utf-8",
    ) -> None:
        options = {"host_file": host_file, "group_file": group_file, "defaults_file": defaults_file}
        self._sources = Sources.of("lvsfleet", options)
        self._encoding = encoding

    def load(self) -> Inventory:
        """Read the files.

        Raises:
            InventoryProblems: everything that is wrong with their shape; values are checked by
                `inventory.fleet.check`.
        """
        inventory, findings = self.salvage()
        if findings:
            raise InventoryProblems(self._sources.problems(findings))
        return inventory

    def salvage(
        self, contents: Mapping[FilePath, bytes] | None = None
    ) -> tuple[Inventory, list[Finding]]:
        """What can be read in spite of what is wrong, and what is wrong.

        Args:
            contents: what the files are to hold, instead of what is on the disk; one that is not
                in it is absent.

        Raises:
            InventoryProblems: a file is no YAML at all.
        """
        documents = {kind: self._read(kind, contents) for kind in FILES}
        problems = [
            self._problem(self._sources.files[kind], fault)
            for kind, document in documents.items()
            for fault in document.faults
        ]
        if problems:
            raise InventoryProblems(problems)
        # Nornir takes 0.14 s to import; who names this plugin may never load an inventory.
        from inventory.assemble import assemble  # noqa: PLC0415

        shape = Shape()
        defaults = shape.entry(Owner(Kind.DEFAULTS), documents[Kind.DEFAULTS].value, DEFAULTS_KEYS)
        groups = shape.table(Kind.GROUP, documents[Kind.GROUP].value)
        hosts = shape.table(Kind.HOST, documents[Kind.HOST].value)
        for kind, entries in ((Kind.GROUP, groups), (Kind.HOST, hosts)):
            for name, entry in entries.items():
                entry["groups"] = shape.existing(Owner(kind, name), entry["groups"], groups)
        parents = shape.acyclic({name: entry["groups"] for name, entry in groups.items()})
        for name, kept in parents.items():
            groups[name]["groups"] = kept
        return assemble(hosts, groups, defaults), shape.findings

    def _read(self, kind: Kind, contents: Mapping[FilePath, bytes] | None) -> Document:
        file = self._sources.files[kind]
        there = file.exists() if contents is None else file in contents
        if kind is not Kind.HOST and not there:
            return Document()
        if contents is not None and there:
            document = decode(contents[file], self._encoding)
        else:
            document = read(file, self._encoding)
        self._sources.documents[file] = document
        return document

    def _problem(self, file: FilePath, fault: Fault) -> Problem:
        return Problem(
            file=self._sources.label(file),
            line=fault.line,
            column=fault.column,
            owner="",
            field="",
            value="",
            message=fault.message,
        )
