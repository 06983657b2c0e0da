"""A line as it is written, cut where keepalived cuts it, each piece with where it begins and ends.

What is read of a line has no comments, conditions and definitions any more; what is edited has them
all. So the same pieces are found in both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from tasks.keepalived.editing.views import Spot, address_of
from tasks.keepalived.lines import without_comment

_BLANKS = " \t\r\n\f\v"
_CONDITIONS = re.compile(r"(?:@\^?\S*\s+)*")
# ${NAME} is text, though it has braces.
_PIECE = re.compile(r'[{}]|(?:"[^"]*"?|\$\{\w+\}|[^{}"])+', re.ASCII)
_BEFORE_ADDRESSES = ("brd", "broadcast", "peer")
_WORD = re.compile(r'"[^"]*"?|[^\s"]+')


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a line: a brace, or the words between two."""

    start: int
    end: int
    text: str

    def words(self) -> list[Piece]:
        """Its words."""
        found = _WORD.finditer(self.text)
        return [Piece(self.start + m.start(), self.start + m.end(), m[0]) for m in found]


@dataclass(frozen=True, slots=True)
class Written:
    """A line in which an address stands.

    Attributes:
        raw: the line, without its end.
        indent: the blanks at its beginning and the conditions behind them, as they are.
        pieces: what follows, in order.
        at: which of those has the address.
        word: the address in it, with its prefix.
        shift: words in front of the address that are gone when the line is read.
    """

    raw: str
    indent: str
    pieces: tuple[Piece, ...]
    at: int
    word: Piece
    shift: int

    @property
    def piece(self) -> Piece:
        """The address with what it is said to have."""
        return self.pieces[self.at]

    @property
    def before(self) -> tuple[str, ...]:
        """The pieces in front of it."""
        return tuple(each.text for each in self.pieces[: self.at])

    @property
    def behind(self) -> tuple[str, ...]:
        """The pieces behind it."""
        return tuple(each.text for each in self.pieces[self.at + 1 :])

    @property
    def alone(self) -> bool:
        """The line has nothing but the address."""
        return len(self.pieces) == 1

    @property
    def own_block(self) -> bool:
        """The block that it is alone in begins and ends on this line."""
        return len(self.before) > 1 and self.before[-1] == "{" and self.behind[:1] == ("}",)

    @property
    def own_line(self) -> bool:
        """The line has nothing but that block."""
        return self.own_block and len(self.pieces) == len(("keyword", "{", "address", "}"))

    @property
    def remark(self) -> str:
        """What is behind the last piece, with the blanks before it."""
        return self.raw[self.pieces[-1].end :]


def written(raw: str, spot: Spot) -> Written | str:
    """Where an address that was read stands in the line as it is written, or why one cannot say."""
    body, _, goes_on = without_comment(raw)
    start = len(raw) - len(raw.lstrip(_BLANKS))
    if goes_on or not raw.startswith(body, start):
        return "the line goes on behind it, or has a character behind a backslash"
    if body.startswith("~"):
        return "the line makes addresses, with ~SEQ or ~LST"
    match = _CONDITIONS.match(body)
    start += match.end() if match else 0
    body = body[match.end() :] if match else body
    pieces = _pieces(body, start)
    if spot.several or spot.part >= len(pieces):
        return "it comes from a definition of more than an address"
    words = pieces[spot.part].words()
    found = [number for number, word in enumerate(words) if address_of(word.text) == spot.address]
    if len(words) == len(spot.words) and (0 in found or "$" in words[0].text):
        number = 0
    elif len(found) == 1 and found[0] == len(words) - len(spot.words):
        number = found[0]
    else:
        return "it comes from a definition of more than an address"
    for before, word in pairwise(spot.words):
        if address_of(word) is not None and before not in _BEFORE_ADDRESSES:
            return f"{word} stands on the same line, where keepalived does not see it"
    return Written(raw, raw[:start], tuple(pieces), spot.part, words[number], number)


def _pieces(body: str, start: int) -> list[Piece]:
    found: list[Piece] = []
    for match in _PIECE.finditer(body):
        text = match[0].strip()
        if text:
            at = start + match.start() + len(match[0]) - len(match[0].lstrip())
            found.append(Piece(at, at + len(text), text))
    return found
