"""A text in which parts give way to others, and every other character stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Splice:
    """Characters that go, from ``start`` up to ``end``, and the text that comes instead."""

    start: int
    end: int
    text: str = ""


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """The text with all of them done; what two of them take away goes once."""
    done: list[str] = []
    at = 0
    for each in sorted(set(splices)):
        done += [text[at : each.start], each.text]
        at = max(at, each.end)
    return "".join((*done, text[at:]))
