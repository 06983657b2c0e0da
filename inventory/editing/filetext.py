"""One file's text with a service's VIPs changed where owners say them, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice
from pathlib import Path as FilePath
from typing import Any

from inventory import yamlfile
from inventory.editing.draining import KEY, Drain, Wanted, drained, undrained
from inventory.editing.errors import NotEditable
from inventory.editing.items import Unusual, appended, removed, replaced
from inventory.editing.splice import Splice, spliced
from inventory.editing.tree import Form, Node, entry, find
from inventory.problems import Owner, Path, field_text, one_of
from inventory.rules import Address
from inventory.sources import line_of

_MOST_TOLD = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where the VIPs of a service are written.

    Attributes:
        file: the file.
        label: its name as it is shown.
        owner: the host, the group or the defaults that says them.
        path: the keys from the top of the file to the list.
        line: of the list's first item, from 1.
    """

    file: FilePath
    label: str
    owner: Owner
    path: tuple[str, ...]
    line: int

    def __str__(self) -> str:
        return f"{self.label}:{self.line}"


class FileText:
    """A file of an inventory, to be edited.

    Args:
        file: where it is.
        label: its name as it is shown.
        data: its bytes.
        encoding: of its text.

    Raises:
        NotEditable: it could not be written as it was.
    """

    def __init__(self, file: FilePath, label: str, data: bytes, encoding: str) -> None:
        self._file = file
        self._label = label
        self._encoding = encoding
        decoded = data.decode(encoding)
        if decoded.encode(encoding) != data:
            raise NotEditable(
                f"{label} is {encoding} text that would not be the same when it is written again",
                "Edit it by hand",
            )
        self._text = decoded.removeprefix("\ufeff")
        self._mark = decoded[: len(decoded) - len(self._text)]
        self._document = yamlfile.parse(self._text)

    def changed(self, change: Wanted, owners: Iterable[Owner]) -> tuple[bytes, tuple[Place, ...]]:
        """The file's bytes with the change, and where the VIPs are.

        Args:
            change: what becomes of the VIPs.
            owners: of this file; each says the service.

        Raises:
            NotEditable: the VIPs are not found, or something else would change too.
        """
        places: list[Place] = []
        splices: dict[int, list[Splice]] = {}
        for owner in owners:
            place, listed, service = self._locate(change, owner)
            places.append(place)
            # Two owners may have one list, by an alias: it changes once.
            splices.setdefault(listed.start, self._splices(change, place, listed, service))
        text = spliced(self._text, (each for some in splices.values() for each in some))
        self._verify(change, places, text)
        return (self._mark + text).encode(self._encoding), tuple(places)

    def _locate(self, change: Wanted, owner: Owner) -> tuple[Place, Node, Node]:
        keys = ("data", "services", change.service, "vips")
        path = keys if owner.name is None else (owner.name, *keys)
        listed = _listed(self._text, self._document, owner, path)
        if listed is None or not listed.children:
            raise NotEditable(
                f"the VIPs of service {change.service} are not found in {self._label}, under "
                f"{owner}",
                "A transform function in config.yaml may say them; change them there",
            )
        line = self._text.count("\n", 0, listed.children[0].start) + 1
        root = entry(self._text, self._document, owner.name)
        service = None if root is None else find(root, path[:-1])
        if service is None:  # its list was found in it
            raise LookupError(path)
        return Place(self._file, self._label, owner, path, line), listed, service

    def _splices(self, change: Wanted, place: Place, listed: Node, service: Node) -> list[Splice]:
        try:
            if isinstance(change, Drain) and change.how is not None:
                return drained(self._text, service, change.from_address, change.how)
            if isinstance(change, Drain):
                return undrained(self._text, service, change.from_address)
            if change.from_address is None:
                return appended(self._text, listed, str(change.new))
            at = [_address(item) for item in listed.children].index(change.from_address)
            if change.new is None:
                moved = removed(self._text, listed, at)
            else:
                moved = replaced(self._text, listed, at, change.new)
            return [*moved, *undrained(self._text, service, change.from_address)]
        except (Unusual, ValueError) as error:
            raise _by_hand(change, place) from error

    def _verify(self, change: Wanted, places: list[Place], text: str) -> None:
        """Both readers find the same VIPs at the places, and nothing else is different."""
        after = yamlfile.parse(text)
        if after.faults:
            raise _by_hand(
                change, places[0], f": with the change the file {after.faults[0].message}"
            )
        meant = {place.path for place in places}
        for place in places:
            was, came = (_at(each.value, place.path[:-1]) for each in (self._document, after))
            if was.get(KEY) != came.get(KEY):
                if not _drains(change, was, came):
                    raise _by_hand(change, place)
                meant.add(place.path[:-1])
        also = _differences(self._document.value, after.value, (), meant, set())
        told = [
            f"{field_text(path)} (line {line_of(self._document.root, path)})"
            for path in islice(also, _MOST_TOLD)
        ]
        if told:
            path = places[0].path
            own = f"{self._label}:{line_of(self._document.root, path)}: {field_text(path)}"
            raise NotEditable(
                f"{own} is shared, by an alias or '<<', with {one_of(told, 'and')}: the change "
                "would reach that too",
                "Write out the addresses in one of the two places, then try again",
            )
        for place in places:
            listed = _listed(text, after, place.owner, place.path)
            vips = _at(after.value, place.path)
            if (
                listed is None
                or [item.resolved.text for item in listed.children] != vips
                or (change.new is not None and change.new not in vips)
            ):
                raise _by_hand(change, place)


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _drains(change: Wanted, was: dict[str, Any], came: dict[str, Any]) -> bool:
    """Whether what drains of a service is as it is meant, and the rest but its VIPs is equal."""
    free = {KEY} if isinstance(change, Drain) else {KEY, "vips"}
    if {k: v for k, v in was.items() if k not in free} != {
        k: v for k, v in came.items() if k not in free
    }:
        return False
    then = {key: how for key, how in (was.get(KEY) or {}).items() if not _same(key, change)}
    now = dict(came.get(KEY) or {})
    own = [now.pop(key) for key in list(now) if _same(key, change)]
    how = change.how if isinstance(change, Drain) else None
    return now == then and own == ([] if how is None else [how.value])


def _same(key: str, change: Wanted) -> bool:
    try:
        return ip_address(key) == change.from_address
    except ValueError:
        return False


def _listed(
    text: str, document: yamlfile.Document, owner: Owner, path: tuple[str, ...]
) -> Node | None:
    root = entry(text, document, owner.name)
    found = None if root is None else find(root, path)
    return found if found is not None and found.form is Form.SEQUENCE else None


def _by_hand(change: Wanted, place: Place, why: str = "") -> NotEditable:
    return NotEditable(
        f"{place}: the VIPs of service {change.service} are written in a way that cannot be "
        f"edited without touching more{why}",
        "Write them as vips: [A, B] there, without anchors, then try again",
    )


def _address(item: Node) -> Address | None:
    try:
        return ip_address(item.resolved.text)
    except ValueError:
        return None


def _differences(
    old: Any, new: Any, path: Path, meant: Collection[Path], equal: set[tuple[int, int]]
) -> Iterator[Path]:
    """The places other than those ``meant`` where two values differ.

    ``equal`` has the pairs of objects found equal: an alias may make one part of many.
    """
    pair = (id(old), id(new))
    if path in meant or pair in equal:
        return
    if isinstance(old, dict) and isinstance(new, dict) and list(old) == list(new):
        steps = [(key, old[key], new[key]) for key in old]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        steps = [(place, one, two) for place, (one, two) in enumerate(zip(old, new, strict=True))]
    elif type(old) is type(new) and not isinstance(old, dict | list) and old == new:
        return
    else:
        yield path
        return
    unlike = False
    for step, one, two in steps:
        within = step if isinstance(step, int) and isinstance(old, list) else str(step)
        for found in _differences(one, two, (*path, within), meant, equal):
            unlike = True
            yield found
    if not unlike and not any(each[: len(path)] == path for each in meant):
        equal.add(pair)
