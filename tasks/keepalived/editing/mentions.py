"""Where else an address is named: nothing there is edited, so people are told of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from inventory.rules import Address
from tasks.keepalived.editing.views import BLOCKS, address_of, views
from tasks.keepalived.files import Files
from tasks.keepalived.lines import Place
from tasks.keepalived.read import span_of
from tasks.keepalived.tree import Node

_LONGEST = 80
_TOKEN = re.compile(r"[0-9A-Fa-f:.]+")


@dataclass(frozen=True, slots=True)
class Mention:
    """A line that names an address, and does not make an instance hold it.

    Attributes:
        place: where it stands.
        within: the blocks around it, the outermost first, e.g. ``vrrp_instance VI_1``.
        text: its words, cut short; of a command none but its presence, it may have a password.
    """

    place: Place
    within: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        within = "".join(f" in {each}" for each in reversed(self.within))
        return f"{self.place}: {self.text}{within}"


def mentions(files: Files, address: Address) -> tuple[Mention, ...]:
    """Each line that names an address beside those that hold it, whichever router reads it.

    That is ``virtual_server ADDRESS PORT``, a group's member or range, a route's ``src``, a rule's
    ``from``, a script's argument and whatever else has it among its words.

    Raises:
        NotEditable: the files are written for too many routers.
    """
    found = (each for view in views(files) for each in _in(view.root, (), address))
    return tuple(dict.fromkeys(found))


def _in(node: Node, within: tuple[str, ...], address: Address) -> Iterator[Mention]:
    holds = node.keyword in BLOCKS and len(within) == len(("instance", "block"))
    for each in node.block:
        named = any(_names(word, address) for word in each.words[1 if holds else 0 :])
        ranged = node.keyword == "virtual_server_group" and _spans(each.keyword, address)
        if named or ranged:
            yield Mention(each.place, within, _told(each.words))
        yield from _in(each, (*within, " ".join(each.words[:2])), address)


def _told(words: Iterable[str]) -> str:
    return " ".join("…" if " " in word else word for word in words)[:_LONGEST]


def _names(word: str, address: Address) -> bool:
    tokens = [token.strip(".") for token in _TOKEN.findall(word)]
    # 192.0.2.1:80 is an address and a port.
    return any(address in (address_of(each), address_of(each.split(":")[0])) for each in tokens)


def _spans(word: str, address: Address) -> bool:
    span = span_of(word)
    if span is None or span[0].version != address.version:
        return False
    return int(span[0]) <= int(address) <= int(span[1])
