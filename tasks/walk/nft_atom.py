"""What a value of an nftables rule is compared with: numbers, addresses, names, sets of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import ip_address, ip_network
from typing import Any

from tasks.walk import fields
from tasks.walk.answer import Answer, Span, Spans, any_of, merged, within, yes
from tasks.walk.packet import NUMBERS

Value = Span | str
Matcher = Callable[[Value], Answer]
"""Whether a value is one of those that a rule names."""

Elements = Sequence[Any]
_EVERY = (0, 2**128 - 1)


class Kind(Enum):
    """How the values of a field are written."""

    NUMBER = auto()
    ADDRESS = auto()
    PROTOCOL = auto()
    FLAGS = auto()
    INTERFACE = auto()
    WORD = auto()


@dataclass(frozen=True, slots=True)
class Sets:
    """The named sets and maps of one table.

    Attributes:
        elements: by name; None for those whose elements were not listed.
    """

    elements: Mapping[str, Elements | None]

    def of(self, data: Any) -> Elements | None:
        """The elements of a set, named or written in the rule itself; None where not known."""
        if isinstance(data, str) and data.startswith("@"):
            return self.elements.get(data[1:])
        if isinstance(data, dict) and isinstance(data.get("set"), list):
            return list(data["set"])
        return None

    def is_hidden(self, data: Any) -> bool:
        """Whether that is a named set whose elements were not listed: there may be a nation's."""
        named = isinstance(data, str) and data.startswith("@")
        return named and self.elements.get(data[1:]) is None


def bare(element: Any) -> Any:
    """An element without its timeout, counter or comment."""
    return element["elem"]["val"] if isinstance(element, dict) and "elem" in element else element


def addresses(right: Any, sets: Sets) -> Spans | None:
    """The addresses that the right side of a match names; None where not all is understood."""
    elements = _elements(Kind.ADDRESS, right, sets)
    try:
        return None if elements is None else merged(_span(Kind.ADDRESS, e) for e in elements)
    except (ValueError, TypeError, KeyError):
        return None


def _elements(kind: Kind, right: Any, sets: Sets) -> list[Any] | None:
    named = isinstance(right, str) and right.startswith("@")
    if named or (isinstance(right, dict) and "set" in right):
        found = sets.of(right)
        return None if found is None else [bare(each) for each in found]
    return right if isinstance(right, list) and kind is not Kind.FLAGS else [right]


def matcher(kind: Kind, right: Any, sets: Sets) -> Matcher:
    """The comparison with the right side of a match.

    What is not understood of it makes an answer uncertain only where the rest does not match.
    """
    elements = _elements(kind, right, sets)
    if elements is None:
        return lambda _value: Answer.UNKNOWN
    spans: list[Span] = []
    words: list[str] = []
    rest = Answer.NO
    for each in elements:
        try:
            if kind in (Kind.WORD, Kind.INTERFACE) and each != "*":
                words.append(str(each))
            else:
                spans.append(_span(kind, each))
        except (ValueError, TypeError, KeyError):
            rest = Answer.UNKNOWN
    return _among(kind, merged(spans), words, rest)


def _among(kind: Kind, spans: Sequence[Span], words: Sequence[str], rest: Answer) -> Matcher:
    every = yes(bool(spans))  # of words only "*" is a span

    def holds(value: Value) -> Answer:
        if kind is Kind.INTERFACE:
            names = (fields.interface_is(str(value) or None, word, "*") for word in words)
            return any_of((every, *names, rest))
        if isinstance(value, str):
            return any_of((every, yes(value in words), rest))
        return any_of((within(value, spans), rest))

    return holds


def _span(kind: Kind, each: Any) -> Span:
    """The numbers of one element.

    Raises:
        ValueError, TypeError, KeyError: it is none of this kind.
    """
    if each == "*":
        return _EVERY
    if kind is Kind.FLAGS:
        bits = number_of(each)
        return bits, bits
    if isinstance(each, dict) and "prefix" in each:
        prefix = each["prefix"]
        net = ip_network(f"{prefix['addr']}/{prefix['len']}", strict=False)
        return int(net.network_address), int(net.broadcast_address)
    if isinstance(each, dict):
        first, last = each["range"]
        return _number(kind, first), _number(kind, last)
    number = _number(kind, each)
    return number, number


def _number(kind: Kind, each: Any) -> int:
    if kind is Kind.ADDRESS:
        return int(ip_address(each))
    if kind is Kind.PROTOCOL and isinstance(each, str) and not each.isdigit():
        return NUMBERS.get(each, -1)  # some other one
    return int(each)


def number_of(value: Any) -> int:
    """A number that a rule writes out; flags may be names, and several.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    if isinstance(value, list):
        return sum(number_of(each) for each in value)
    if isinstance(value, dict) and "|" in value:
        return number_of(value["|"])
    if isinstance(value, str) and value in fields.FLAGS:
        return fields.FLAGS[value]
    if isinstance(value, str) and (":" in value or "." in value):
        return int(ip_address(value))
    return int(value)


def pairs(elements: Elements) -> Iterator[tuple[Any, Any]]:
    """The keys and data of a map; what is for all the rest last."""
    found = [(bare(each[0]), each[1]) for each in elements if len(each) == 2]  # noqa: PLR2004
    yield from (pair for pair in found if pair[0] != "*")
    yield from (pair for pair in found if pair[0] == "*")
