"""Where the rules of nft's files stand in their texts: by table and chain, in the order of loading.

Only what a careful reader can be sure of: of a table that commands change after it was written, or
whose blocks include other files, nothing is said. A rule is one statement, so the n-th statement of
a chain is the n-th rule that nft lists of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

Table = tuple[str, str]

_FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")
_NO_RULES = ("type", "policy", "comment", "device", "devices", "flags", "define")
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a file.

    Attributes:
        path: the file.
        start, end: where it begins and ends in its text.
    """

    path: str
    start: int
    end: int


@dataclass
class Layout:
    """What stands where.

    Attributes:
        rules: by table and chain, a piece for each rule.
        elements: by table and map, the statements that have its elements: all of it, and what is
            between its braces.
        odd: the tables of which nothing can be said.
        defined: the values of ``define``.
    """

    rules: dict[tuple[str, str, str], list[Piece]] = field(default_factory=dict)
    elements: dict[tuple[str, str, str], list[tuple[Piece, Piece]]] = field(default_factory=dict)
    odd: set[Table] = field(default_factory=set)
    defined: dict[str, str] = field(default_factory=dict)

    def forget(self, table: Table | None) -> None:
        """A table, or every one, is taken away."""
        for found in (self.rules, self.elements):
            for key in [key for key in found if table in (None, key[:2])]:
                del found[key]


def layout(files: Mapping[str, str], main: str) -> Layout:
    """Where all stands that a file loads.

    Args:
        files: the texts of it and of all that it includes, by path.
        main: its path.
    """
    found = Layout()
    _Reader(files, found).file(main, 0)
    return found


@dataclass(frozen=True, slots=True)
class _Statement:
    """Words up to a brace, a semicolon or a line's end; with a block, what is in its braces."""

    start: int
    end: int
    block: tuple[int, int] | None
    words: tuple[str, ...]


_TOKEN = re.compile(r'#[^\n]*|"[^"\n]*"|\\\n|[{};\n]|[^\s{};"#\\]+|\\|[^\S\n]+|"')


def _statements(text: str, start: int, end: int) -> Iterator[_Statement]:
    """The statements of a stretch of text; braces in a rule belong to it."""
    found = _Open()
    for match in _TOKEN.finditer(text, start, end):
        word = match[0]
        if found.depth == 0 and word in (";", "\n"):
            yield from found.closed()
            found = _Open()
        elif not (word.isspace() or word.startswith(("#", "\\\n"))):
            found.take(word, match.start(), match.end())
    yield from found.closed()


@dataclass
class _Open:
    """A statement that has not ended yet."""

    depth: int = 0
    start: int = -1
    end: int = -1
    block: tuple[int, int] | None = None
    words: list[str] = field(default_factory=list)

    def take(self, word: str, start: int, end: int) -> None:
        if self.start < 0:
            self.start = start
        self.end = end
        if word == "{":
            if self.depth == 0:
                self.block = (end, end)
            self.depth += 1
        elif word == "}":
            self.depth = max(0, self.depth - 1)
            if self.depth == 0 and self.block is not None:
                self.block = (self.block[0], start)
        elif self.depth == 0:
            self.words.append(word)

    def closed(self) -> Iterator[_Statement]:
        if self.start >= 0:
            yield _Statement(self.start, self.end, self.block, tuple(self.words))


@dataclass
class _Reader:
    files: Mapping[str, str]
    found: Layout

    def file(self, path: str, depth: int) -> None:
        text = self.files.get(path, "")
        for each in _blocks(text, 0, len(text)):
            self._top(path, text, each, depth)

    def _top(self, path: str, text: str, each: _Statement, depth: int) -> None:
        verb, *rest = each.words or ("",)
        if verb == "include" and rest:
            self._include(rest[0].strip('"'), depth)
        elif verb == "define" and rest[1:2] == ["="] and each.block is None:
            self.found.defined[rest[0]] = " ".join(rest[2:])
        elif verb == "flush" and rest == ["ruleset"]:
            self.found.forget(None)
            self.found.odd.clear()
        elif verb == "table" or (verb == "add" and rest[:1] == ["table"]):
            table, _ = _table_of(rest if verb == "table" else rest[1:])
            if each.block is not None:
                self._in_table(path, text, table, each.block)
        elif verb in ("delete", "destroy") and rest[:1] == ["table"]:
            self.found.forget(_table_of(rest[1:])[0])
        elif verb == "add":
            self._added(path, each, rest)
        elif verb:
            self.found.odd.add(_table_of(rest[1:])[0])

    def _added(self, path: str, each: _Statement, words: list[str]) -> None:
        """A rule, or elements, by a command; a chain or a set is no rule."""
        table, more = _table_of(words[1:])
        name = (*table, more[0] if more else "")
        if words[:1] == ["rule"]:
            self.found.rules.setdefault(name, []).append(Piece(path, each.start, each.end))
        elif words[:1] == ["element"]:
            self._elements(name, path, each)

    def _include(self, pattern: str, depth: int) -> None:
        if depth >= _DEEPEST:
            return
        if not pattern.startswith("/"):
            pattern = f"/{pattern[2:]}" if pattern.startswith("./") else f"/etc/{pattern}"
        for path in sorted(self.files):
            if fnmatchcase(path, pattern) and path.count("/") == pattern.count("/"):
                self.file(path, depth + 1)

    def _in_table(self, path: str, text: str, table: Table, block: tuple[int, int]) -> None:
        for each in _blocks(text, *block):
            verb, *rest = each.words or ("",)
            if verb == "include":
                self.found.odd.add(table)
            elif verb == "chain" and rest and each.block is not None:
                for rule in _statements(text, *each.block):
                    if rule.words[:1] == ("include",):
                        self.found.odd.add(table)
                    elif rule.words and rule.words[0] not in _NO_RULES:
                        piece = Piece(path, rule.start, rule.end)
                        self.found.rules.setdefault((*table, rest[0]), []).append(piece)
            elif verb == "map" and rest and each.block is not None:
                for part in _statements(text, *each.block):
                    if part.words[:2] == ("elements", "=") and part.block is not None:
                        self._elements((*table, rest[0]), path, part)

    def _elements(self, name: tuple[str, str, str], path: str, each: _Statement) -> None:
        if each.block is not None:
            pair = Piece(path, each.start, each.end), Piece(path, *each.block)
            self.found.elements.setdefault(name, []).append(pair)


def _blocks(text: str, start: int, end: int) -> Iterator[_Statement]:
    """Statements where a closed block ends one, too: ``chain a { … } chain b { … }``."""
    for each in _statements(text, start, end):
        at = each
        while _is_block(at) and at.block is not None and text[at.block[1] + 1 : at.end].strip():
            closed = at.block[1] + 1
            head = next(_statements(text, at.start, closed))
            yield head
            rest = next(_statements(text, closed, each.end), None)
            if rest is None:
                break
            at = rest
        else:
            yield at


def _is_block(each: _Statement) -> bool:
    """Whether its braces are a block of their own, and no set within a rule."""
    return bool(each.words) and each.words[0] in ("table", "chain", "map", "set", "flowtable")


def _table_of(words: list[str]) -> tuple[Table, list[str]]:
    """The table that words begin with, and those behind it."""
    if words[:1] and words[0] in _FAMILIES:
        return (words[0], words[1] if len(words) > 1 else ""), words[2:]
    return ("ip", words[0] if words else ""), words[1:]
