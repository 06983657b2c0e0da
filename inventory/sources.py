"""Where an inventory was written: from who says a value to its file and line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import yaml

from inventory import yamlfile
from inventory.problems import Finding, Kind, Owner, Path, Problem, field_text

FILES = {
    Kind.HOST: ("host_file", "hosts.yaml"),
    Kind.GROUP: ("group_file", "groups.yaml"),
    Kind.DEFAULTS: ("defaults_file", "defaults.yaml"),
}
"""By kind: the inventory plugin's option, and the file that it means where it is not given."""

FILE_PLUGINS = ("lvsfleet", "SimpleInventory")
"""The inventory plugins that read these files."""


@dataclass
class Sources:
    """The files of one inventory, read again (and only) when something in them is wrong.

    Attributes:
        plugin: what a problem names where there is no file.
        files: by kind; empty for an inventory that does not come from files.
        documents: those already read.
    """

    plugin: str
    files: Mapping[Kind, FilePath] = field(default_factory=dict)
    documents: dict[FilePath, yamlfile.Document] = field(default_factory=dict)

    @classmethod
    def of(cls, plugin: str, options: Mapping[str, Any]) -> Sources:
        """The sources of an inventory ``plugin`` with its options in Nornir's configuration."""
        if plugin not in FILE_PLUGINS:
            return cls(plugin)
        files = {kind: options.get(option) or name for kind, (option, name) in FILES.items()}
        return cls(plugin, {kind: FilePath(file).expanduser() for kind, file in files.items()})

    def problems(self, findings: Iterable[Finding]) -> list[Problem]:
        """The findings, each with its file and line."""
        return [self._problem(finding) for finding in findings]

    def _problem(self, finding: Finding) -> Problem:
        file, line = self._locate(finding.owner, finding.path)
        return Problem(
            file=file,
            line=line,
            owner=str(finding.owner),
            field=field_text(finding.path),
            value=finding.value,
            message=finding.message,
        )

    def _locate(self, owner: Owner, path: Path) -> tuple[str, int | None]:
        file = self.files.get(owner.kind)
        if file is None:
            return f"inventory plugin {self.plugin}", None
        if file not in self.documents:
            self.documents[file] = yamlfile.read(file)
        whole = path if owner.name is None else (owner.name, *path)
        return self.label(file), line_of(self.documents[file].root, whole)

    def place(self, owner: Owner, path: Path) -> str:
        """Where an owner says the value at ``path``: ``groups.yaml:14``."""
        file, line = self._locate(owner, path)
        return file if line is None else f"{file}:{line}"

    def label(self, file: FilePath) -> str:
        """A file's name as it is shown: short within the inventory's folder, else whole."""
        homes = {each.parent for each in self.files.values()}
        for home in homes:
            if all(other.is_relative_to(home) for other in homes):
                return str(file.relative_to(home))
        return str(file)


def line_of(root: yaml.Node | None, path: Sequence[str | int]) -> int | None:
    """The line (from 1) where the value at ``path`` was written, or the nearest thing above it."""
    if root is None:
        return None
    line: int | None = None
    node = root
    for step in path:
        found = _child(node, step)
        if found is None:
            break
        key, node = found
        # A block begins on the line below its key; one looks for the key.
        line = (node if isinstance(node, yaml.ScalarNode) else key).start_mark.line + 1
    return line


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode):
        if isinstance(step, int) and step < len(node.value):
            return node.value[step], node.value[step]
        return None
    if not isinstance(node, yaml.MappingNode):
        return None
    for key, value in node.value:
        if (
            isinstance(key, yaml.ScalarNode)
            and key.value == str(step)
            and key.tag != yamlfile.MERGE
        ):
            return key, value
    for key, value in node.value:
        if key.tag == yamlfile.MERGE:
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                found = _child(source, step)
                if found is not None:
                    return found
    return None
