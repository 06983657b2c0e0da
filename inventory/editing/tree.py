"""A YAML text as nodes that know where they were written, to the character.

The events are ruamel.yaml's (YAML 1.2, pure Python): they name every anchor and alias. It is the
second reader of the file: what is written must mean the same to it and to `inventory.yamlfile`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol, cast

from inventory import yamlfile

MERGE = "<<"
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")


class Form(Enum):
    """What a node is."""

    SCALAR = "scalar"
    SEQUENCE = "sequence"
    MAPPING = "mapping"
    ALIAS = "alias"


@dataclass(eq=False, slots=True)
class Node:
    """One node of a text; two are one only if they stand at one place.

    Attributes:
        form: what it is.
        start: of its first character in the text, from 0; its anchor and tag come first.
        end: after its last character. A block ends somewhere after its last child.
        anchor: its name as an anchor, or the one that an alias names.
        text: a scalar's value, unescaped.
        quotes: a scalar's ``'`` or ``"``; empty for a plain one and a block.
        flow: written with brackets.
        children: a list's items; a mapping's keys and values in turns.
        target: what an alias stands for.
    """

    form: Form
    start: int
    end: int
    anchor: str | None = None
    text: str = ""
    quotes: str = ""
    flow: bool = False
    children: list[Node] = field(default_factory=list)
    target: Node | None = None

    @property
    def resolved(self) -> Node:
        """Itself, or what it stands for."""
        return self.target or self


class _Mark(Protocol):
    index: int


def content_start(text: str, node: Node) -> int:
    """Where a scalar's own text starts, after its anchor and tag."""
    found = _PROPERTIES.match(text, node.start, node.end)
    return found.end() if found else node.start


def read_tree(text: str, offset: int = 0) -> Node | None:
    """The root of the one document in ``text``.

    Args:
        text: YAML, without a byte order mark.
        offset: what is added to every position, for a text that is a part of another.

    Returns:
        None for no document, more than one, an alias without its anchor, or no YAML.
    """
    # 0.03 s, and only for edits.
    from ruamel.yaml import YAML  # noqa: PLC0415
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    builder = _Builder(offset)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            builder.take(event)
    except (YAMLError, ValueError, LookupError):
        return None
    return builder.roots[0] if len(builder.roots) == 1 else None


class _Builder:
    """Puts nodes together from events, without recursion."""

    def __init__(self, offset: int) -> None:
        self.roots: list[Node] = []
        self._offset = offset
        self._open: list[Node] = []
        self._anchors: dict[str, Node] = {}

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        start = cast("_Mark", event.start_mark).index + self._offset
        end = cast("_Mark", event.end_mark).index + self._offset
        if kind == "ScalarEvent":
            quotes = event.style if event.style in {"'", '"'} else ""
            self._add(Node(Form.SCALAR, start, end, event.anchor, event.value, quotes))
        elif kind == "AliasEvent":
            target = self._anchors[event.anchor]
            self._add(Node(Form.ALIAS, start, end, event.anchor, target=target))
        elif kind in {"SequenceStartEvent", "MappingStartEvent"}:
            form = Form.SEQUENCE if kind == "SequenceStartEvent" else Form.MAPPING
            node = Node(form, start, end, event.anchor, flow=bool(event.flow_style))
            self._add(node)
            self._open.append(node)
        elif kind in {"SequenceEndEvent", "MappingEndEvent"}:
            self._open.pop().end = end

    def _add(self, node: Node) -> None:
        if node.anchor is not None and node.target is None:
            self._anchors[node.anchor] = node
        (self._open[-1].children if self._open else self.roots).append(node)


def entry(text: str, document: yamlfile.Document, name: str | None) -> Node | None:
    """A mapping that has the entry ``name`` of a file, and perhaps no other.

    A file of a thousand clusters takes ruamel.yaml seconds. One block entry is a document by
    itself, unless it has an alias of an anchor elsewhere: only then the whole file is read.

    Args:
        text: the whole file.
        document: the same, as `inventory.yamlfile` read it; its marks say where entries begin.
        name: the host's or the group's; None for the whole file.
    """
    root: Any = document.root
    if name is not None and root is not None and root.tag.endswith(":map") and not root.flow_style:
        keys = [key for key, _ in root.value]
        for place, key in enumerate(keys):
            if getattr(key, "value", None) == name and key.start_mark.column == 0:
                start = key.start_mark.index
                last = place + 1 == len(keys)
                end = len(text) if last else keys[place + 1].start_mark.index
                found = read_tree(text[start:end], start)
                if found is not None:
                    return found
    return read_tree(text)


def find(root: Node, path: Sequence[str]) -> Node | None:
    """The node at ``path``, through aliases and merged mappings; None if there is none."""
    node = root.resolved
    for step in path:
        found = _child(node, step)
        if found is None:
            return None
        node = found.resolved
    return node


def _child(node: Node, step: str) -> Node | None:
    if node.form is not Form.MAPPING:
        return None
    pairs = list(zip(node.children[::2], node.children[1::2], strict=True))
    for key, value in pairs:
        if key.resolved.text == step and key.resolved.form is Form.SCALAR and not _merges(key):
            return value
    for key, value in pairs:
        if _merges(key):
            sources = value.resolved
            listed = sources.children if sources.form is Form.SEQUENCE else [sources]
            for source in listed:
                found = _child(source.resolved, step)
                if found is not None:
                    return found
    return None


def _merges(key: Node) -> bool:
    return key.text == MERGE and not key.quotes
