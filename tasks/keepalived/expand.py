"""keepalived's ``$NAME=…`` with ``$NAME`` and ``${NAME}``, and its ``~SEQ`` and ``~LST`` blocks."""

from __future__ import annotations

import re

_DEFINITION = re.compile(r"\$(?P<name>[A-Za-z_]\w*)=[ \t]*(?P<value>.*)", re.ASCII | re.DOTALL)
# Without braces a name ends at one of these, or is none.
_USE = re.compile(r"\$(?:\{(?P<in>[A-Za-z_]\w*)\}|(?P<bare>[A-Za-z_]\w*)(?=[ \t,)]|\Z))", re.ASCII)
_SEQUENCE = re.compile(
    r"~SEQ(?P<hex>x?)\(\s*(?P<name>[A-Za-z_]\w*)\s*,(?P<numbers>[^()]*)\)\s*(?P<rest>.*)",
    re.ASCII | re.DOTALL,
)
_LIST = re.compile(r"~LST\((?P<inside>[^()]*)\)\s*(?P<rest>.*)", re.ASCII | re.DOTALL)
_BUILT_IN = {"_HASH": "#", "_BANG": "!"}
_LONGEST = 10_000
_MOST_TURNS = 10_000


class Definitions:
    """The names that are defined so far. What one stands for is looked up where it is used.

    Args:
        instance: what ``${_INSTANCE}`` stands for.
    """

    def __init__(self, instance: str) -> None:
        self._one = {**_BUILT_IN, "_INSTANCE": instance}
        self._several: dict[str, list[str]] = {}

    def read(self, text: str) -> tuple[str, str] | None:
        """The name and the value, where a line is a definition."""
        match = _DEFINITION.fullmatch(text)
        return (match["name"], match["value"]) if match else None

    def one(self, name: str, value: str) -> None:
        """Define a name."""
        self._several.pop(name, None)
        self._one[name] = value

    def several(self, name: str, lines: list[str]) -> None:
        """Define a name that stands for lines."""
        self._one.pop(name, None)
        self._several[name] = lines

    def applied(self, text: str, folder: str) -> list[str]:
        """The line with the first name in it put in its place; one that stands for lines, last.

        Args:
            text: the line.
            folder: what ``${_PWD}`` stands for.
        """
        for use in _USE.finditer(text):
            name = use["in"] or use["bare"]
            value = folder if name == "_PWD" else self._one.get(name)
            before, behind = text[: use.start()], text[use.end() :]
            if value is not None and len(text) + len(value) < _LONGEST:
                return [before + value + behind]
            if name in self._several and not behind:
                first, *rest = self._several[name] or [""]
                return [line for line in (before + first, *rest) if line]
        return [text]


def repeated(text: str) -> list[str] | None:
    """The lines that a ``~SEQ`` or ``~LST`` stands for; None where it is neither.

    Each is led by the definition that the block makes for it, as a line of its own.
    """
    match = _SEQUENCE.fullmatch(text)
    if match:
        return _sequence(match)
    match = _LIST.fullmatch(text)
    if match:
        return _list(match)
    return None


def _sequence(match: re.Match[str]) -> list[str] | None:
    try:
        numbers = [int(word.strip(), 0) for word in match["numbers"].split(",")]
    except ValueError:
        return None
    match numbers:
        case [end]:
            start, step = (1, 1) if end > 0 else (-1, -1)
        case [start, end]:
            step = 1 if end >= start else -1
        case [start, step, end]:
            pass
        case _:
            return None
    if not step or (end - start) // step > _MOST_TURNS:
        return None
    turns: list[str] = []
    for number in range(start, end + (1 if step > 0 else -1), step):
        value = f"{number:x}" if match["hex"] else str(number)
        turns += [f"${match['name']}={value}", match["rest"]]
    return turns


def _list(match: re.Match[str]) -> list[str] | None:
    parts = [part.strip() for part in re.findall(r"\{[^{}]*\}|[^,{}]+", match["inside"])]
    names, *values = [_words(part) for part in parts if part] or [[]]
    if not values or any(len(value) != len(names) for value in values):
        return None
    turns: list[str] = []
    for value in values:
        turns += [f"${name}={word}" for name, word in zip(names, value, strict=True)]
        turns.append(match["rest"])
    return turns if all(re.fullmatch(r"[A-Za-z_]\w*", name) for name in names) else None


def _words(part: str) -> list[str]:
    return [word.strip() for word in part.strip("{}").split(",")]
