"""Matches, lookups and values of nftables' rules, as libnftables-json(5) writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

from tasks.walk.answer import Answer, all_of, opposite, yes
from tasks.walk.fields import Test
from tasks.walk.nft_atom import Kind, Matcher, Sets, Value, bare, matcher, number_of, pairs
from tasks.walk.nft_field import UNKNOWN, Field, field_of
from tasks.walk.packet import Seen, State

_HIGHEST = 2**128 - 1

Key = Callable[[Seen, State], "tuple[Value | Answer, ...]"]
Lookup = Callable[[Seen, State], Sequence[tuple[Answer, Any]]]
Amount = Callable[[Seen, State], Sequence[tuple[Answer, "int | None"]]]
"""The values that something may have, with whether it has; none where there is none."""


def test_of(op: str, left: Any, right: Any, sets: Sets) -> Test:
    """The test of one match."""
    key = _fields(left)
    holds = _of_elements(key, right, sets) if len(key) > 1 else _of_one(key[0], op, right, sets)

    def test(seen: Seen, state: State) -> Answer:
        values = tuple(field.read(seen, state) for field in key)
        if Answer.NO in values:
            return Answer.NO
        found = holds(values)
        return opposite(found) if op == "!=" else found

    return test


def _fields(left: Any) -> tuple[Field, ...]:
    if isinstance(left, dict) and isinstance(left.get("concat"), list):
        return tuple(map(field_of, left["concat"]))
    return (field_of(left),)


Holds = Callable[["tuple[Value | Answer, ...]"], Answer]


def _of_one(field: Field, op: str, right: Any, sets: Sets) -> Holds:
    if isinstance(right, bool) or (field.kind is Kind.WORD and right in (0, "0")):
        right = str(bool(right) and right != "0")
    found: Matcher
    if op == "in" and field.kind is Kind.FLAGS:
        found = _any_flag(right)
    elif op in _BOUNDS:
        found = _bounded(op, right)
    elif op in ("==", "!=", "in"):
        found = matcher(field.kind, right, sets)
    else:
        return lambda _values: Answer.UNKNOWN
    return lambda values: _ask(found, values[0])


def _ask(found: Matcher, value: Value | Answer) -> Answer:
    return value if isinstance(value, Answer) else found(value)


def _any_flag(right: Any) -> Matcher:
    try:
        mask = number_of(right)
    except (ValueError, KeyError, TypeError):
        return lambda _value: Answer.UNKNOWN
    return lambda value: yes(isinstance(value, tuple) and bool(value[0] & mask))


_BOUNDS: dict[str, Callable[[int], dict[str, list[int]]]] = {
    "<": lambda n: {"range": [0, n - 1]},
    "<=": lambda n: {"range": [0, n]},
    ">": lambda n: {"range": [n + 1, _HIGHEST]},
    ">=": lambda n: {"range": [n, _HIGHEST]},
}


def _bounded(op: str, right: Any) -> Matcher:
    try:
        span = _BOUNDS[op](number_of(right))
    except (ValueError, KeyError, TypeError):
        return lambda _value: Answer.UNKNOWN
    return matcher(Kind.NUMBER, span, Sets({}))


def _of_elements(key: Sequence[Field], right: Any, sets: Sets) -> Holds:
    """Whether several values together are one of a set's elements."""
    elements = sets.of(right)
    if elements is None:
        if not (isinstance(right, dict) and "concat" in right):
            return lambda _values: Answer.UNKNOWN
        elements = [right]
    bares = [bare(element) for element in elements]
    rows = [_row(key, each, sets) for each in bares]
    near = _nearby(key, bares)

    def holds(values: tuple[Value | Answer, ...]) -> Answer:
        best = Answer.NO
        for number in near(values):
            row = rows[number]
            answer = _all(row, values)
            if answer is Answer.YES:
                return answer
            if best is not Answer.UNKNOWN and answer is not Answer.NO:
                best = answer
        return best

    return holds


def _nearby(
    key: Sequence[Field], elements: Sequence[Any]
) -> Callable[[Sequence[Value | Answer]], Sequence[int]]:
    """The elements that may match some values, by number, in order: there may be thousands.

    Those of one address are kept by it.
    """
    everything = range(len(elements))
    at = next((n for n, field in enumerate(key) if field.kind is Kind.ADDRESS), None)
    if at is None:
        return lambda _values: everything
    by_address: dict[int, list[int]] = {}
    rest: list[int] = []
    for number, element in enumerate(elements):
        parts = _parts(element)
        try:
            by_address.setdefault(int(ip_address(parts[at])), []).append(number)
        except (ValueError, IndexError):
            rest.append(number)

    def near(values: Sequence[Value | Answer]) -> Sequence[int]:
        value = values[at]
        if not isinstance(value, tuple) or value[0] != value[1]:
            return everything
        return sorted([*by_address.get(value[0], ()), *rest])

    return near


def _parts(element: Any) -> list[Any]:
    return element["concat"] if isinstance(element, dict) and "concat" in element else [element]


def _row(key: Sequence[Field], element: Any, sets: Sets) -> tuple[Matcher, ...]:
    if element == "*":
        return ()
    parts = _parts(element)
    if len(parts) != len(key):
        return (lambda _value: Answer.UNKNOWN,)
    return tuple(matcher(f.kind, part, sets) for f, part in zip(key, parts, strict=True))


def _all(row: Sequence[Matcher], values: Sequence[Value | Answer]) -> Answer:
    answers = []
    for found, value in zip(row, values, strict=False):
        answer = _ask(found, value)
        if answer is Answer.NO:
            return answer
        answers.append(answer)
    return all_of(answers)


def lookup(key: Any, data: Any, sets: Sets) -> Lookup:
    """What a map gives for a key: the possible data, in the order in which they are found."""
    parts = _fields(key)
    elements = sets.of(data)
    if elements is None:
        return lambda _seen, _state: ((Answer.UNKNOWN, None),)
    listed = list(pairs(elements))
    rows = [(_row(parts, each, sets), found) for each, found in listed]
    near = _nearby(parts, [each for each, _ in listed])

    def find(seen: Seen, state: State) -> Sequence[tuple[Answer, Any]]:
        values = tuple(field.read(seen, state) for field in parts)
        found: list[tuple[Answer, Any]] = []
        if Answer.NO in values:
            return found
        for number in near(values):
            row, datum = rows[number]
            answer = _all(row, values)
            if answer is not Answer.NO:
                found.append((answer, datum))
            if answer is Answer.YES:
                break
        return found

    return find


def amount_of(expression: Any, sets: Sets) -> Amount:
    """The number that an expression gives."""
    match expression:
        case int(number):
            fixed = ((Answer.YES, number),)
            return lambda _seen, _state: fixed
        case {"map": {"key": key, "data": data}}:
            find = lookup(key, data, sets)
            return lambda seen, state: [(a, _as_number(datum)) for a, datum in find(seen, state)]
        case (
            {"|": [*parts]}
            | {"&": [*parts]}
            | {"^": [*parts]}
            | {"<<": [*parts]}
            | {">>": [*parts]}
        ):
            return _computed(next(iter(expression)), [amount_of(each, sets) for each in parts])
    field = field_of(expression)
    if field is UNKNOWN or field.kind is not Kind.NUMBER:
        return lambda _seen, _state: ((Answer.YES, None),)
    return lambda seen, state: _amounts(field.read(seen, state))


def _amounts(value: Value | Answer) -> Sequence[tuple[Answer, int | None]]:
    if value is Answer.NO:
        return ()
    is_known = isinstance(value, tuple) and value[0] == value[1]
    return ((Answer.YES, int(value[0]) if is_known and isinstance(value, tuple) else None),)


def _as_number(datum: Any) -> int | None:
    try:
        return number_of(datum)
    except (ValueError, KeyError, TypeError):
        return None


_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "|": lambda a, b: a | b,
    "&": lambda a, b: a & b,
    "^": lambda a, b: a ^ b,
    "<<": lambda a, b: a << b & 0xFFFFFFFF,
    ">>": lambda a, b: a >> b,
}


def _computed(operator: str, parts: Sequence[Amount]) -> Amount:
    compute = _OPERATORS[operator]

    def amounts(seen: Seen, state: State) -> Sequence[tuple[Answer, int | None]]:
        found: list[tuple[Answer, int | None]] = list(parts[0](seen, state))
        for part in parts[1:]:
            others = part(seen, state)
            found = [
                (all_of((one, other)), None if a is None or b is None else compute(a, b))
                for one, a in found
                for other, b in others
            ]
        return found

    return amounts
