"""A list in a YAML text: one item comes, goes or changes, and every other character stays.

ruamel.yaml's own round trip is not used to write: it lays out anew what it did not need to touch
(indents, widths, quotes, blank lines, CRLF). Here the text is cut where the nodes say.
"""

from __future__ import annotations

import re

from inventory.editing.splice import Splice
from inventory.editing.tree import Form, Node, content_start

_DASH = re.compile(r"[ \t]*-[ \t]+\Z")
_REST = re.compile(r"[ \t]*(?:,[ \t]*)?(?:(?<=[ \t])#.*)?\r?\Z")
_SEPARATOR = re.compile(r"[ \t]*,[ \t]*\Z")
_TO_COMMA = re.compile(r"(?:\s|(?<=\s)#[^\n]*+)*+,")  # never one within a comment
_COMMA_AND_COMMENT = re.compile(r"[ \t]*,(?:[ \t]+#[^\r\n]*|[ \t]*(?=\r?\n))")
# Hexadecimal with a letter, and no colon at an end: every YAML takes that for text.
_PLAIN_IPV6 = re.compile(r"(?=.*[a-fA-F])[0-9a-fA-F][0-9a-fA-F:.]*[0-9a-fA-F]\Z")


class Unusual(ValueError):
    """The list is laid out in a way that is not understood."""


def replaced(text: str, listed: Node, place: int, address: str) -> list[Splice]:
    """The item at ``place`` becomes ``address``, quoted as it was; an anchor stays."""
    item = listed.children[place]
    start = item.start if item.form is Form.ALIAS else content_start(text, item)
    return [Splice(start, item.end, _spelled(address, item))]


def appended(text: str, listed: Node, address: str) -> list[Splice]:
    """``address`` comes last, laid out as the item before it.

    Raises:
        Unusual: that layout is not understood.
    """
    last = listed.children[-1]
    written = _spelled(address, _model(listed, address))
    before = text[line_start(text, last.start) : last.start]
    if not listed.flow:
        if not _DASH.match(before):
            raise Unusual
        end = line_end(text, last.end)
        return [Splice(end, end, f"{line_break(text, end)}{before}{written}")]
    comma = _comma(text, last.end)
    if not all(begins_line(text, item) for item in listed.children):
        return [Splice(last.end, last.end, f"{_separator(text, listed)}{written}")]
    new_line = line_break(text, last.end)
    end = line_end(text, last.end)
    if listed.end - 1 < end:  # the bracket closes on the last item's line
        return [Splice(last.end, last.end, f",{new_line}{before}{written}")]
    if comma is None:
        rest = text[last.end : end]
        return [Splice(last.end, end, f",{rest}{new_line}{before}{written}")]
    if comma > end:
        raise Unusual
    return [Splice(end, end, f"{new_line}{before}{written},")]


def removed(text: str, listed: Node, place: int) -> list[Splice]:
    """The item at ``place``, one of several, goes, and with it a comment in its line.

    Raises:
        Unusual: the layout is not understood.
    """
    item = listed.children[place]
    last = place + 1 == len(listed.children)
    if not listed.flow:
        before = text[line_start(text, item.start) : item.start]
        if not _DASH.match(before):
            raise Unusual
        return [_whole_line(text, item)]
    if begins_line(text, item) and _REST.match(text[item.end : line_end(text, item.end)]):
        cuts = [_whole_line(text, item)]
        if last and _comma(text, item.end) is None:
            cuts += _comma_before(text, listed)  # what is the last one now has no comma either
        return cuts
    return _last_cut(text, listed) if last else _cut(text, listed, place)


def _last_cut(text: str, listed: Node) -> list[Splice]:
    """In brackets, the last item goes from a line that has more."""
    previous, item = listed.children[-2:]
    if "#" not in text[previous.end : item.start]:
        return [Splice(previous.end, item.end)]
    return [*_comma_before(text, listed), Splice(item.start, item.end)]


def _cut(text: str, listed: Node, place: int) -> list[Splice]:
    """In brackets, an item that others follow goes from a line that has more."""
    item, following = listed.children[place : place + 2]
    if _SEPARATOR.match(text[item.end : following.start]):
        return [Splice(item.start, following.start)]
    start = line_start(text, item.start)
    if place and listed.children[place - 1].end > start:  # a comment is about that one too
        return [Splice(listed.children[place - 1].end, item.end)]
    found = _COMMA_AND_COMMENT.match(text, item.end)
    if found is None:
        raise Unusual
    return [Splice(start + len(text[start : item.start].rstrip(" \t")), found.end())]


def _comma_before(text: str, listed: Node) -> list[Splice]:
    comma = _comma(text, listed.children[-2].end)
    if comma is None:
        raise Unusual
    return [Splice(comma, comma + 1)]


def _spelled(address: str, like: Node | None) -> str:
    if like is not None and like.quotes:
        return f"{like.quotes}{address}{like.quotes}"
    if ":" not in address:
        return address
    plain = like is not None and like.form is Form.SCALAR and ":" in like.text
    return address if plain and _PLAIN_IPV6.match(address) else f'"{address}"'


def _model(listed: Node, address: str) -> Node | None:
    """The item whose quotes a new one gets: the last of its family, else for IPv6 any quoted."""
    scalars = [item for item in listed.children if item.form is Form.SCALAR]
    is_v6 = ":" in address
    for item in reversed(scalars):
        if (":" in item.text) == is_v6:
            return item
    return next((item for item in reversed(scalars) if item.quotes), None) if is_v6 else None


def line_start(text: str, at: int) -> int:
    """Where the line begins."""
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """Where the line's break begins, or the text ends."""
    end = text.find("\n", at)
    if end < 0:
        return len(text)
    return end - 1 if end > at and text[end - 1] == "\r" else end


def line_break(text: str, at: int) -> str:
    """How lines end: as this one does, or else the one before it."""
    end = text.find("\n", at)
    if end < 0:
        end = text.rfind("\n")
    return "\r\n" if end > 0 and text[end - 1] == "\r" else "\n"


def _whole_line(text: str, item: Node) -> Splice:
    """The item's line with its break; the break before it where it is the text's last one."""
    start, end = line_start(text, item.start), line_end(text, item.end)
    if end < len(text):
        return Splice(start, text.index("\n", end) + 1)
    while start and text[start - 1] in "\r\n":
        start -= 1
        if text[start] == "\n" and start and text[start - 1] == "\r":
            start -= 1
        break
    return Splice(start, end)


def begins_line(text: str, item: Node) -> bool:
    """Whether nothing stands before it in its line."""
    return not text[line_start(text, item.start) : item.start].strip(" \t")


def _comma(text: str, at: int) -> int | None:
    """Where the comma after an item is, past spaces and comments; None if none follows."""
    found = _TO_COMMA.match(text, at)
    return found.end() - 1 if found else None


def _separator(text: str, listed: Node) -> str:
    if len(listed.children) > 1:
        one, two = listed.children[-2:]
        between = text[one.end : two.start]
        if _SEPARATOR.match(between):
            return between
    return ", "
