"""keepalived's blocks: lines to nodes. What a node means is none of this file's business."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tasks.keepalived.lines import Line, Place, Problem

_DEEPEST = 60


@dataclass(slots=True)
class Node:
    """A keyword with its words, and the block behind it.

    Attributes:
        words: never empty; quotes are gone.
        place: where it stands.
        comment: what is remarked behind it, else right above it.
        block: what stands in its braces.
        part: which piece of its line it is, from 0; braces are pieces too.
    """

    words: tuple[str, ...]
    place: Place
    comment: str = ""
    block: list[Node] = field(default_factory=list)
    part: int = 0

    @property
    def keyword(self) -> str:
        """Its first word."""
        return self.words[0]

    def of(self, *keywords: str) -> Iterator[Node]:
        """Those in its block that begin with one of these."""
        return (node for node in self.block if node.keyword in keywords)

    def value(self, *keywords: str) -> str:
        """The second word of the last of those: that is the one that counts; or nothing."""
        found = [node.words[1] for node in self.of(*keywords) if len(node.words) > 1]
        return found[-1] if found else ""


def tree(lines: Iterable[Line]) -> tuple[Node, list[Problem]]:
    """All lines as the block of one node, and what is wrong with their braces."""
    root = Node(("",), Place("", 0))
    open_: list[Node] = [root]
    problems: list[Problem] = []
    last = root
    place = root.place
    for line in lines:
        place = line.place
        comment = line.comment
        for part, piece in enumerate(pieces(line.text)):
            if piece == "{":
                # A brace without a keyword, or one too deep, opens a block that nobody reads.
                nested = last if last is not open_[-1] else Node(("{",), place)
                open_.append(nested if len(open_) < _DEEPEST else Node(("{",), place))
            elif piece == "}":
                if len(open_) > 1:
                    open_.pop()
                else:
                    problems.append(Problem(place, "a brace is closed that none has opened"))
            else:
                last = Node(tuple(words(piece)), place, comment, part=part)
                open_[-1].block.append(last)
                comment = ""
                continue
            last = open_[-1]
    problems += (Problem(node.place, f"{node.keyword} has no end") for node in open_[1:])
    return root, problems


def pieces(text: str) -> Iterator[str]:
    """A line cut at its braces, as keepalived cuts it; those in quotes are text."""
    for piece in re.findall(r'[{}]|(?:"[^"]*"?|[^{}"])+', text):
        if piece.strip():
            yield piece.strip()


def words(text: str) -> list[str]:
    """The words of a line; one in quotes is one word, without them."""
    found = re.findall(r'"([^"]*)"?|([^\s"]+)', text)
    return [quoted or bare for quoted, bare in found] or [""]
