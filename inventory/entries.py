"""The shape of Nornir's inventory files: entries, their keys and types, groups that exist."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from inventory.element import FREE_PREFIX
from inventory.element import KEYS as DATA_KEYS
from inventory.login import ATTRIBUTES
from inventory.problems import (
    Finding,
    Kind,
    Owner,
    Path,
    did_you_mean,
    key_text,
    one_of,
    quote,
    step,
)

_LOGIN = tuple(ATTRIBUTES)
ENTRY_KEYS = (*_LOGIN, "groups", "data", "connection_options")
"""What a host or a group may say; the defaults have no groups."""
DEFAULTS_KEYS = (*_LOGIN, "data", "connection_options")
CONNECTION_KEYS = (*_LOGIN, "extras")
_MANY = 8


@dataclass
class Shape:
    """Takes entries apart and keeps what has the right shape; the rest goes to the findings."""

    findings: list[Finding] = field(default_factory=list)

    def table(self, kind: Kind, value: Any) -> dict[str, dict[str, Any]]:
        """The hosts or the groups: a mapping of names to entries."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._tell(Owner(kind), (), value, f"is no mapping: write {kind}1: {{hostname: …}}")
            return {}
        entries = {}
        for name, entry in value.items():
            owner = Owner(kind, step(name))
            if not isinstance(name, str):
                self._tell(owner, (), name, "is no text: put the name in quotes")
                continue
            entries[name] = self.entry(owner, entry, ENTRY_KEYS)
        return entries

    def entry(self, owner: Owner, entry: Any, known: tuple[str, ...]) -> dict[str, Any]:
        """One host, one group or the defaults."""
        if entry is None:
            entry = {}
        if not isinstance(entry, dict):
            self._tell(owner, (), entry, f"is no mapping: known are {one_of(known, 'and')}")
            entry = {}
        for key in entry:
            if key not in known:
                self._tell(owner, (step(key),), None, _unknown(key, known))
        kept: dict[str, Any] = {key: entry.get(key) for key in _LOGIN}
        kept["data"] = self._mapping(owner, ("data",), entry.get("data"))
        kept["groups"] = self._groups(owner, entry.get("groups"))
        options = self._mapping(owner, ("connection_options",), entry.get("connection_options"))
        kept["connection_options"] = {
            str(name): self._connection(owner, ("connection_options", step(name)), value)
            for name, value in options.items()
        }
        return kept

    def _connection(self, owner: Owner, path: Path, value: Any) -> dict[str, Any]:
        said = self._mapping(owner, path, value)
        for key in said:
            if key not in CONNECTION_KEYS:
                message = _unknown(key, CONNECTION_KEYS)
                self._tell(owner, (*path, step(key)), None, message)
        kept = {key: said.get(key) for key in _LOGIN}
        extras = said.get("extras")
        kept["extras"] = extras and self._mapping(owner, (*path, "extras"), extras)
        return kept

    def _mapping(self, owner: Owner, path: Path, value: Any) -> dict[Any, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            glued = isinstance(value, str) and ":" in value
            hint = ": a space follows each colon" if glued else ""
            self._tell(owner, path, value, f"is no mapping{hint}")
            return {}
        return value

    def _groups(self, owner: Owner, value: Any) -> list[str]:
        if value is None:
            return []
        if not isinstance(value, list):
            shown = key_text(value) if isinstance(value, str) else "NAME"
            self._tell(owner, ("groups",), value, f"is no list: write groups: [{shown}]")
            return []
        names = []
        for place, name in enumerate(value):
            if not isinstance(name, str):
                self._tell(owner, ("groups", place), name, "is no text: put the name in quotes")
            elif name in names:
                self._tell(owner, ("groups", place), name, "stands here twice")
            else:
                names.append(name)
        return names

    def existing(self, owner: Owner, names: list[str], groups: Collection[str]) -> list[str]:
        """Those of an entry's groups that there are."""
        kept = []
        for place, name in enumerate(names):
            if name in groups:
                kept.append(name)
                continue
            told = did_you_mean(name, groups) or _some(groups)
            self._tell(owner, ("groups", place), name, f"is no group: {told}")
        return kept

    def acyclic(self, parents: Mapping[str, list[str]]) -> dict[str, list[str]]:
        """The groups of each group, without those that lead back to it."""
        done: set[str] = set()
        kept: dict[str, list[str]] = {}
        for start in parents:
            self._descend(start, parents, [], done, kept)
        return kept

    def _descend(
        self,
        name: str,
        parents: Mapping[str, list[str]],
        trail: list[str],
        done: set[str],
        kept: dict[str, list[str]],
    ) -> None:
        if name in done:
            return
        trail.append(name)
        kept[name] = []
        for parent in parents[name]:
            if parent in trail:
                ring = " → ".join(map(key_text, [*trail[trail.index(parent) :], parent]))
                owner, place = Owner(Kind.GROUP, name), parents[name].index(parent)
                self._tell(owner, ("groups", place), parent, f"leads back to itself: {ring}")
                continue
            kept[name].append(parent)
            self._descend(parent, parents, trail, done, kept)
        trail.pop()
        done.add(name)

    def _tell(self, owner: Owner, path: Path, value: object, message: str) -> None:
        shown = "" if value is None else quote(value)
        self.findings.append(Finding(owner, path, shown, message))


def _some(groups: Collection[str]) -> str:
    if not groups:
        return "there are none"
    if len(groups) > _MANY:
        return f"it is none of the {len(groups)} there are"
    return f"there {'is' if len(groups) == 1 else 'are'} {one_of(map(key_text, groups), 'and')}"


def _unknown(key: object, known: tuple[str, ...]) -> str:
    if key in DATA_KEYS or (isinstance(key, str) and key.startswith(FREE_PREFIX)):
        return f"belongs under data: write data: {{{key_text(key)}: …}}"
    near = did_you_mean(key, known) or f"known are {one_of(known, 'and')}"
    return f"is no key here: {near}"
