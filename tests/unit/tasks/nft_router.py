"""A router with nftables in a few lines: what ``nft -f`` and systemd do with what a change brings.

It reads only text of the shape that lvsfleet writes, and lists as the real nft did when it was
recorded; test_real_nft.py holds the text and the listing against the real program.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from inventory.desired import Desired
from tasks.backends.nftables import LOADER
from tasks.backends.protocol import Change
from tasks.observe import Observed
from tasks.plan import plan
from tests.unit.tasks.cases import printed
from tests.unit.tasks.parted import files_of
from tests.unit.tasks.routers import Refused, observed, sha256

Elements = dict[str, list[Any]]
FRAME: list[dict[str, Any]] = json.loads(printed("nftables/frame.json"))["nftables"]
_SET = re.compile(r"(?:map|set) (\w+) \{(.*?)\n\t\}", re.DOTALL)
_COMMAND = re.compile(r"(add|delete) element inet lvsfleet (\w+) \{ (.*) \}")
_ELEMENT = re.compile(r"(?:\{|,)\s*([^,{}]+)")


def changed(text: str, now: Elements | None, odd: list[Any]) -> tuple[Elements | None, list[Any]]:
    """What ``nft -f`` makes of our table.

    Raises:
        Refused: an element to be deleted is not there, or one to be added overlaps with another.
    """
    if not text.startswith(("add ", "delete ")):
        return elements_of(text), []
    if now is None:
        raise Refused("no table")
    table = deepcopy(now)
    for line in text.splitlines():
        match = _COMMAND.fullmatch(line)
        assert match, line
        verb, name, listed = match.groups()
        held = table.setdefault(name, [])
        for element in (_as_json(each.strip()) for each in listed.split(",")):
            near = [each for each in held if _overlap(_key(each), _key(element))]
            if verb == "add":
                if near and near != [element]:
                    raise Refused(f"file exists: {line}")
                held += [] if near else [element]
            elif [_key(each) for each in near] != [_key(element)]:
                raise Refused(f"no such file: {line}")
            else:
                held.remove(near[0])
    return table, odd


def _key(element: Any) -> Any:
    return element[0] if isinstance(element, list) else element


def _overlap(one: Any, other: Any) -> bool:
    if isinstance(one, str):
        return bool(one == other)
    *where, ports = one["concat"]
    *there, others = other["concat"]
    first, last = ports["range"] if isinstance(ports, dict) else (ports, ports)
    begin, end = others["range"] if isinstance(others, dict) else (others, others)
    return where == there and first <= end and begin <= last


def elements_of(text: str) -> Elements | None:
    """What the table of an ``nft -f`` file has; None where the file only takes it away."""
    first, second, *rest = text.splitlines()
    assert (first, second) == ("table inet lvsfleet", "delete table inet lvsfleet")
    if not rest:
        return None
    found: Elements = {}
    for name, body in _SET.findall(text):
        _, _, listed = body.partition("elements = ")
        found[name] = [_as_json(each.strip()) for each in _ELEMENT.findall(listed)]
    return found


def _as_json(element: str) -> Any:
    key, _, mark = element.partition(" : ")
    parts: list[Any] = key.split(" . ")
    if len(parts) == 1:
        return parts[0]
    ports = [int(each) for each in parts[2].split("-")]
    parts[2] = {"range": ports} if len(ports) == 2 else ports[0]
    return [{"concat": parts}, int(mark, 16)] if mark else {"concat": parts}


@dataclass
class NftRouter:
    """A Debian router with nftables.service.

    Attributes:
        table: our table's elements by map and set; None where there is no table.
        odd: objects in our table that are not lvsfleet's.
        files: by path.
        enabled: our unit is started at boot.
        others: what ``nft -jst list ruleset`` prints.
    """

    table: Elements | None = None
    odd: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    enabled: bool = False
    others: str = field(default_factory=lambda: printed("nftables/lab.json"))

    def observe(self) -> Observed:
        state = "ActiveState=active\nUnitFileState=enabled"
        units = [f"Id=nftables.service\nLoadState=loaded\n{state}"]
        if self.enabled:
            units.append(f"Id={LOADER.name}.service\nLoadState=loaded\n{state}")
        sections = {"units": "\n\n".join(units), "nftables:others": self.others}
        if self.table is not None:
            sections["nftables:own"] = self._listing(self.table)
        return observed(sections | {f"file:{path}": text for path, text in self.files.items()})

    def _listing(self, table: Mapping[str, list[Any]]) -> str:
        listed = deepcopy(FRAME) + deepcopy(self.odd)
        for number, entry in enumerate(listed):
            for body in entry.values():
                if table.get(body.get("name", "")):
                    body["elem"] = list(reversed(table[body["name"]]))
                if "handle" in body:
                    body["handle"] = number + 100
        return json.dumps({"nftables": listed}) + "\n"

    def apply(self, change: Change) -> None:
        if text := files_of(change)["do/table"]:
            self.table, self.odd = changed(text, self.table, self.odd)

    def undo(self, change: Change, before: Elements | None) -> None:
        """What ``nft_unapply`` does: the opposite, or the table as it was kept."""
        if text := files_of(change)["undo/table"]:
            self.table, self.odd = changed(text, self.table, self.odd)
        elif files_of(change)["do/table"]:
            self.table = before

    def commit(self, change: Change) -> None:
        for line in files_of(change)["save/files"].splitlines():
            was, name, path = line.split()
            assert was == (sha256(self.files[path]) if path in self.files else "-")
            if name == "-":
                del self.files[path]
            else:
                self.files[path] = files_of(change)[f"save/{name}"]
        if "save/enabled" in files_of(change):
            self.enabled = files_of(change)["save/enabled"] == "yes\n"

    def boot(self) -> None:
        loaded = self.files.get(LOADER.file) if self.enabled else None
        self.table, self.odd = elements_of(loaded) if loaded else None, []

    def bring(self, desired: Desired) -> Change:
        change = plan(desired, self.observe())
        self.apply(change)
        self.commit(change)
        return change
