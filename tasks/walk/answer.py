"""Whether a condition holds for the packets in question, as far as reading can tell."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import islice
from operator import itemgetter

Span = tuple[int, int]
"""Numbers first to last, both included: the value of a field, or those that a rule names."""

STRANGER = (-1, -1)
"""The source of a client that no rule names; only what is for all addresses is for it too."""


class Answer(Enum):
    """Whether a condition holds.

    ``SOME``: for some of the packets, by who sends them, how often, or to which of the ports.
    ``UNKNOWN``: that cannot be said, since the condition is not understood.
    """

    YES = "yes"
    NO = "no"
    SOME = "some"
    UNKNOWN = "unknown"


_OPPOSITE = {Answer.YES: Answer.NO, Answer.NO: Answer.YES}


def opposite(answer: Answer) -> Answer:
    """Whether a condition does not hold."""
    return _OPPOSITE.get(answer, answer)


def all_of(answers: Iterable[Answer]) -> Answer:
    """Whether all of some conditions hold."""
    found = set(answers)
    order = (Answer.NO, Answer.UNKNOWN, Answer.SOME)
    return next((each for each in order if each in found), Answer.YES)


def any_of(answers: Iterable[Answer]) -> Answer:
    """Whether one of some conditions holds."""
    found = set(answers)
    order = (Answer.YES, Answer.UNKNOWN, Answer.SOME)
    return next((each for each in order if each in found), Answer.NO)


def yes(holds: bool) -> Answer:
    """An answer that is certain."""
    return Answer.YES if holds else Answer.NO


Spans = tuple[Span, ...]
"""Numbers, ascending, in spans that do not touch."""

_EVERY = ((0, 2**32 - 1), (0, 2**128 - 1))


def merged(spans: Iterable[Span]) -> Spans:
    """The same numbers, ascending, in spans that do not touch."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def within(value: Span, spans: Sequence[Span]) -> Answer:
    """Whether a number is one of those that a rule names.

    Args:
        value: the numbers that it may be.
        spans: those of the rule, as `merged` gives them.
    """
    low, high = value
    if value == STRANGER:
        return yes(bool(spans) and spans[0] in _EVERY)
    at = bisect_right(spans, low, key=itemgetter(0)) - 1
    if at >= 0 and spans[at][1] >= low:
        return Answer.YES if high <= spans[at][1] else Answer.SOME
    return Answer.SOME if at + 1 < len(spans) and spans[at + 1][0] <= high else Answer.NO


def split(values: Spans, spans: Spans) -> tuple[Spans, Spans]:
    """Those of some numbers that a rule names, and the others.

    Args:
        values: the numbers, or only `STRANGER`.
        spans: those of the rule.
    """
    inside: list[Span] = []
    outside: list[Span] = []
    for low, high in values:
        if (low, high) == STRANGER:
            (inside if spans[:1] and spans[0] in _EVERY else outside).append(STRANGER)
            continue
        at = max(bisect_right(spans, low, key=itemgetter(0)) - 1, 0)
        start = low
        for first, last in islice(spans, at, None):
            if first > high:
                break
            if last < start:
                continue
            if first > start:
                outside.append((start, first - 1))
            inside.append((max(first, start), min(last, high)))
            start = last + 1
        if start <= high:
            outside.append((start, high))
    return tuple(inside), tuple(outside)
