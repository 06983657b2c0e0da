"""YAML as operators mean it: read fast, strictly, and with the line of every value.

The scalars are those of YAML 1.2, as in Nornir's own SimpleInventory: ``no`` and ``22:30`` are
text, and ``010`` is text instead of eight. Doubled keys and tags are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import yaml

from inventory.problems import quote

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_NULL, _BOOL, _INT, _FLOAT, _STR, MERGE, _MAP, _SEQ = (
    _TAG + name for name in ("null", "bool", "int", "float", "str", "merge", "map", "seq")
)
_DEEPEST = 200
_SCALARS = {
    # Digits are limited so that no number is too long to be shown; a longer one is text.
    _NULL: (r"(?:~|null|Null|NULL|)\Z", ["~", "n", "N", ""]),
    _BOOL: (r"(?:true|True|TRUE|false|False|FALSE)\Z", list("tTfF")),
    _INT: (r"(?:[-+]?(?:0|[1-9][0-9]{0,29})|0x[0-9a-fA-F]{1,16})\Z", list("-+0123456789")),
    _FLOAT: (
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?\Z",
        list("-+.0123456789"),
    ),
    MERGE: (r"<<\Z", ["<"]),
}


class _Loader(_Base):  # type: ignore[misc]  # which base depends on whether libyaml is there
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), _first)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with a file whatever it describes; line and column count from 1."""

    message: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file, read.

    Attributes:
        value: dicts, lists and scalars; None for an empty file and for one that is no YAML.
        root: the node tree, for looking up lines.
        faults: what is wrong; the value is what could be read in spite of them.
    """

    value: Any = None
    root: yaml.Node | None = None
    faults: tuple[Fault, ...] = ()


def read(file: FilePath, encoding: str = "utf-8") -> Document:
    """Read one file; what is wrong with it is in the result's faults, nothing is raised."""
    try:
        data = file.read_bytes()
    except OSError as error:
        return Document(faults=(Fault(f"cannot be read: {error.strerror}"),))
    return decode(data, encoding)


def decode(data: bytes, encoding: str = "utf-8") -> Document:
    """Read a file's bytes; what is wrong with them is in the result's faults, nothing is raised."""
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return Document(faults=(Fault(f"is not {encoding.upper()} text", line),))
    except LookupError:
        return Document(faults=(Fault(f"cannot be read: no encoding {quote(encoding)}"),))
    return parse(text)


def parse(text: str) -> Document:
    """Read YAML text; what is wrong with it is in the result's faults, nothing is raised."""
    if _is_deep(text):
        return Document(faults=(Fault("is nested too deeply"),))
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        builder = _Builder()
        value = None if root is None else builder.build(root)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        fault = Fault(
            f"the character U+{ord(text[error.position]):04X} cannot stand in YAML",
            before.count("\n") + 1,
            error.position - before.rfind("\n"),
        )
        return Document(faults=(fault,))
    except yaml.MarkedYAMLError as error:
        return Document(faults=(_syntax_fault(error, text),))
    except UnicodeEncodeError:
        return Document(faults=(Fault("is not UTF-8 text"),))
    except RecursionError:
        return Document(faults=(Fault("is nested too deeply"),))
    finally:
        loader.dispose()
    return Document(value, root, tuple(builder.faults))


def _is_deep(text: str) -> bool:
    """Whether the text opens more levels than any inventory has; libyaml would overflow on them."""
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth = max(0, depth + (1 if bracket[0] in "[{" else -1))
        if depth > _DEEPEST:
            return True
    return re.search(rf"(?:[-?:][ \t]+){{{_DEEPEST}}}", text) is not None


def _syntax_fault(error: yaml.MarkedYAMLError, text: str) -> Fault:
    mark = error.problem_mark or error.context_mark
    message = "is no YAML: " + ", ".join(filter(None, (error.context, error.problem)))
    if mark is None:
        return Fault(message)
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: mark.column + 1]:
        message += "; indent with spaces, not with a tab"
    elif re.search(r"(?:[\[,]|-)\s*::|::\s*[\],]", line):
        message += '; put IPv6 addresses in quotes: "2001:db8::"'
    return Fault(message, mark.line + 1, mark.column + 1)


class _Builder:
    """Builds values from nodes; an alias gives the very object that its anchor gave."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._built: dict[int, Any] = {}
        self._open: set[int] = set()

    def build(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        known = id(node)
        if known in self._built:
            return self._built[known]
        if known in self._open:
            self._fault(node, "contains itself through its anchor")
            return None
        if node.tag not in {_MAP, _SEQ}:
            self._fault(node, f"the tag {quote(node.tag)} is not understood here")
        self._open.add(known)
        value: Any
        if isinstance(node, yaml.SequenceNode):
            value = [self.build(item) for item in node.value]
        else:
            value = self._mapping(node)
        self._open.discard(known)
        self._built[known] = value
        return value

    def _fault(self, node: yaml.Node, message: str) -> None:
        self.faults.append(Fault(message, node.start_mark.line + 1, node.start_mark.column + 1))

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        tag, text = node.tag, node.value
        if tag == _STR:
            return text
        if tag == _NULL:
            return None
        if tag == _BOOL:
            return text.lower() == "true"
        try:
            if tag == _INT:
                return int(text, 16 if text.startswith("0x") else 10)
            if tag == _FLOAT:
                return float(text)
        except ValueError:
            pass
        if tag != MERGE:
            self._fault(node, f"the tag {quote(tag)} is not understood here")
        return text

    def _mapping(self, node: yaml.Node) -> dict[Any, Any]:
        own: dict[Any, Any] = {}
        merged: dict[Any, Any] = {}
        lines: dict[Any, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                self._merge(value_node, merged)
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(key_node, "a key is a plain word, not a list or a mapping")
                continue
            key = self._scalar(key_node)
            # By text and tag: for Python, 1 and true are one key.
            written = (key_node.tag, key_node.value)
            if written in lines:
                first = lines[written]
                self._fault(key_node, f"{quote(key)} stands here twice, first in line {first}")
                continue
            lines[written] = key_node.start_mark.line + 1
            own[key] = self.build(value_node)
        return {**merged, **own} if merged else own

    def _merge(self, node: yaml.Node, into: dict[Any, Any]) -> None:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        for source in sources:
            value = self.build(source)
            if isinstance(value, dict):
                into.update({k: v for k, v in value.items() if k not in into})
            else:
                self._fault(source, "'<<' takes a mapping, or a list of mappings")
