"""D-Bus answers as busctl prints them, to values.

``busctl call`` prints the signature and then the values, ``as 2 "one" "two"``, in every release
that routers have; with ``--json`` (systemd 240 and newer) ``{"type":"as","data":[["one","two"]]}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping

from tasks.errors import NotUnderstood

_WORD = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"]+)', re.DOTALL)
_ESCAPE = re.compile(
    rb"\\(?:x(?P<hex>[0-9a-fA-F]{2})|(?P<octal>[0-7]{3})|(?P<letter>.))", re.DOTALL
)
_LETTERS = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_SIMPLE: Mapping[str, Callable[[str], object]] = {
    **dict.fromkeys("ynqiuxth", int),
    **dict.fromkeys("sog", str),
    "b": {"true": True, "false": False}.__getitem__,
    "d": float,
}
"""By D-Bus type code, what makes a value of one printed word."""

_DEEPEST = 32
"""D-Bus itself allows no deeper nesting."""


def is_bus(text: str) -> bool:
    """Whether ``text`` is an answer of busctl, not of firewall-cmd."""
    return re.match(r'\{|(?:as|a\{sv\}|a\{sa\{sas\}\}) \d|s "', text) is not None


def bus_value(text: str) -> object:
    """The first value of an answer: strings, numbers, lists and dicts of them.

    Raises:
        NotUnderstood: it is none.
    """
    try:
        return _json(text) if text.startswith("{") else _printed(text)
    except (ValueError, LookupError, TypeError, RecursionError, StopIteration) as error:
        raise NotUnderstood(f"firewalld answered over D-Bus: {text[:200]!r}") from error


def bus_strings(text: str) -> list[str]:
    """The strings of an answer that is a list of them.

    Raises:
        NotUnderstood: it is something else.
    """
    match bus_value(text):
        case [*strings] if all(isinstance(each, str) for each in strings):
            return [str(each) for each in strings]
        case _:
            raise NotUnderstood(f"firewalld answered over D-Bus: {text[:200]!r}")


def _json(text: str) -> object:
    return _without_types(json.loads(text)["data"][0])


def _without_types(value: object) -> object:
    """JSON of busctl says the type of each variant; a value knows its own."""
    match value:
        case dict() if value.keys() == {"type", "data"}:
            return _without_types(value["data"])
        case dict():
            return {key: _without_types(each) for key, each in value.items()}
        case list():
            return [_without_types(each) for each in value]
        case _:
            return value


def _printed(text: str) -> object:
    words = _words(text)
    signature = next(words)
    return _value(signature[: _type_length(signature)], words, 0)


def _words(text: str) -> Iterator[str]:
    for match in _WORD.finditer(text):
        yield match["bare"] if match["text"] is None else _unescaped(match["text"])


def _unescaped(text: str) -> str:
    """What systemd's cescape() wrote: C's escapes, and octal for all but printable ASCII."""

    def byte(match: re.Match[bytes]) -> bytes:
        if match["hex"] or match["octal"]:
            return bytes([int(match["hex"] or match["octal"], 16 if match["hex"] else 8)])
        letter = match["letter"].decode("latin-1")
        return _LETTERS.get(letter, letter).encode("latin-1")

    raw = text.encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(byte, raw).decode("utf-8", "surrogateescape")


def _value(signature: str, words: Iterator[str], depth: int) -> object:
    """One value; takes the words that it is printed with.

    Raises:
        ValueError, LookupError, StopIteration: there is none.
    """
    if depth > _DEEPEST:
        raise ValueError("too deep")
    kind, rest = signature[0], signature[1:]
    if kind == "v":
        return _value(next(words), words, depth + 1)
    if kind == "(":
        return [_value(each, words, depth + 1) for each in _types(rest[:-1])]
    if kind != "a":
        return _SIMPLE[kind](next(words))
    number = int(next(words))
    if rest[0] != "{":
        return [_value(rest, words, depth + 1) for _ in range(number)]
    found: dict[object, object] = {}
    for _ in range(number):
        key = _value(rest[1], words, depth + 1)
        found[key] = _value(rest[2:-1], words, depth + 1)
    return found


def _types(signature: str) -> Iterator[str]:
    while signature:
        length = _type_length(signature)
        yield signature[:length]
        signature = signature[length:]


def _type_length(signature: str) -> int:
    """How long the first complete type of a signature is."""
    if signature[0] == "a":
        return 1 + _type_length(signature[1:])
    depth = 0
    for place, letter in enumerate(signature):
        depth += {"(": 1, "{": 1, ")": -1, "}": -1}.get(letter, 0)
        if depth == 0:
            return place + 1
    raise ValueError(f"no type: {signature}")
