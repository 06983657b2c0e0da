"""The files that nftables.service loads: mark rules of others are taken out of their texts.

All else stays, to the byte. Whether the edited files do what those of before did, but for these
rules, is proven on the router by nft itself before anything is changed (``nft_rehearse``).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from tasks.backends.nft_foreign import ForeignMark
from tasks.backends.nft_layout import Layout, Piece, layout
from tasks.observe import Observed

CONF, FILE = "nftables:conf", "nftables:file:"
"""The sections with the path that nftables.service loads, and with each file of it."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The files, and what stands where.

    Attributes:
        conf: the path that nftables.service loads.
        files: the texts of it and of all that it includes, by path.
        layout: what stands where.
    """

    conf: str
    files: Mapping[str, str]
    layout: Layout

    def why_not(self, each: ForeignMark) -> str:
        """Why a rule that is loaded at boot cannot be taken out of its file; empty where it can."""
        table = (each.chain.family, each.chain.table)
        if table in self.layout.odd:
            return f"{self.conf} changes table {' '.join(table)} by commands"
        found = self._element(each) if each.map else self._rule(each)
        return "" if found else f"it is not found in {self.conf}, or in what that includes"

    def without(self, going: Iterable[ForeignMark]) -> dict[str, str]:
        """The files that change, by path; every rule has to be one that can be taken out."""
        whole: dict[str, set[Piece]] = {}
        pieces: dict[str, set[tuple[int, int]]] = {}
        elements: dict[Piece, tuple[Piece, set[Piece]]] = {}
        for each in going:
            if each.map:
                found = self._element(each)
                if found is not None:
                    statement, inner, piece = found
                    elements.setdefault(inner, (statement, set()))[1].add(piece)
            elif rule := self._rule(each):
                whole.setdefault(rule.path, set()).add(rule)
        for inner, (statement, those) in elements.items():
            listed = list(_split(self.files[inner.path], inner))
            if all(each in those for each in listed):
                whole.setdefault(inner.path, set()).add(statement)
            else:
                pieces.setdefault(inner.path, set()).update(_from_list(listed, those))
        for path, statements in whole.items():
            pieces.setdefault(path, set()).update(_lines(self.files[path], statements))
        return {path: _cut(self.files[path], cuts) for path, cuts in pieces.items()}

    def _rule(self, each: ForeignMark) -> Piece | None:
        chain = each.chain
        listed = self.layout.rules.get((chain.family, chain.table, chain.name), [])
        return listed[each.at] if len(listed) == len(chain.rules) else None

    def _element(self, each: ForeignMark) -> tuple[Piece, Piece, Piece] | None:
        """The statement, what is in its braces, and the element; where there is just one such."""
        key = (each.chain.family, each.chain.table, each.map)
        found = [
            (whole, inner, piece)
            for whole, inner in self.layout.elements.get(key, ())
            for piece in _split(self.files[inner.path], inner)
            if self._is(self.files[piece.path][piece.start : piece.end], each.key)
        ]
        return found[0] if len(found) == 1 else None

    def _is(self, text: str, key: Any) -> bool:
        """Whether an element's text has a key, as nft lists that."""
        parts = key["concat"] if isinstance(key, dict) and "concat" in key else [key]
        words = [str(word).strip() for word in re.split(r"\s\.\s", text.rpartition(":")[0].strip())]
        if len(words) != len(parts):
            return False
        return all(map(_means, (self._value(word) for word in words), parts))

    def _value(self, word: str) -> str:
        name = word.removeprefix("$")
        return self.layout.defined.get(name, word) if name != word else word


def sources_of(observed: Observed) -> Sources | None:
    """The files; None where nftables.service loads none."""
    conf = observed.text(CONF)
    if not conf:
        return None
    files = {
        name.removeprefix(FILE): section.text
        for name, section in observed.sections.items()
        if name.startswith(FILE) and section.status == 0
    }
    return Sources(conf, files, layout(files, conf))


def _means(word: str, part: Any) -> bool:
    """Whether a word is how one may write a part of a key."""
    if isinstance(part, dict) and "range" in part:
        first, dash, last = word.partition("-")
        low, high = part["range"]
        return bool(dash) and _means(first.strip(), low) and _means(last.strip(), high)
    if isinstance(part, int):
        return word == str(part) or _port(word) == part
    try:
        return ip_address(word) == ip_address(part)
    except ValueError:
        return word == str(part)


def _port(word: str) -> int | None:
    try:
        return socket.getservbyname(word)
    except OSError:
        return None


def _split(text: str, inner: Piece) -> Iterator[Piece]:
    """The elements between a set's braces."""
    depth, begin = 0, inner.start
    for at in range(inner.start, inner.end + 1):
        letter = text[at] if at < inner.end else ","
        depth += (letter == "{") - (letter == "}")
        if letter == "," and depth == 0:
            found = text[begin:at]
            start = begin + len(found) - len(found.lstrip())
            if found.strip():
                yield Piece(inner.path, start, begin + len(found.rstrip()))
            begin = at + 1


def _from_list(listed: list[Piece], those: set[Piece]) -> Iterator[tuple[int, int]]:
    """What to cut so that some elements go, each with one comma."""
    kept = [each for each in listed if each not in those]
    for number, each in enumerate(listed):
        if each in those:
            if any(other.start > each.start for other in kept):
                yield each.start, listed[number + 1].start
            else:  # the last ones go with the comma before them
                yield listed[number - 1].end, each.end


def _lines(text: str, going: Iterable[Piece]) -> Iterator[tuple[int, int]]:
    """Statements with their ends; with their lines where nothing but a remark is left of those."""
    cuts = [(each.start, _with_end(text, each.end)) for each in going]
    for begin, finish in cuts:
        start = text.rfind("\n", 0, begin) + 1
        end = text.find("\n", finish)
        end = len(text) if end < 0 else end + 1
        inside = [cut for cut in cuts if start <= cut[0] < end]
        start = min(start, *(text.rfind("\n", 0, first) + 1 for first, _ in inside))
        left = _cut(text[start:end], [(a - start, b - start) for a, b in inside]).strip()
        yield (start, end) if not left or left.startswith("#") else (begin, finish)


def _with_end(text: str, end: int) -> int:
    """Behind the semicolon that ends a statement, and the space behind that."""
    match = re.compile(r"[^\S\n]*;[^\S\n]*").match(text, end)
    return match.end() if match else end


def _cut(text: str, cuts: Iterable[tuple[int, int]]) -> str:
    kept, at = [], 0
    for start, end in sorted(cuts):
        kept.append(text[at : max(start, at)])
        at = max(at, end)
    return "".join([*kept, text[at:]])
