"""The configuration as each router reads it: files may be shared, with ``@ID`` lines for one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_interface
from itertools import pairwise

from inventory.rules import Address
from tasks.errors import NotEditable
from tasks.keepalived.files import Files
from tasks.keepalived.lines import Place, Reader
from tasks.keepalived.tree import Node, tree

BLOCKS = ("virtual_ipaddress", "virtual_ipaddress_excluded")
"""Where an instance's addresses stand; those of the second are in no advert."""

_ID = re.compile(r"(?:^|(?<=[\s=]))@\^?(\S+)", re.MULTILINE)
_MOST_LINES = 1_000_000
_NOBODY = "nobody's id"
"""One that no condition can name: it has a blank."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an address of a VRRP instance stands.

    Attributes:
        address: without its prefix.
        words: the address with its prefix, then what it is said to have.
        excluded: from the adverts.
        place: its line.
        part: which piece of the line it is.
        several: the line stands for more than one when it is read.
        instance: the name of the VRRP instance.
        number: which of the view's instances that is.
        begins: where that begins.
    """

    address: Address
    words: tuple[str, ...]
    excluded: bool
    place: Place
    part: int
    several: bool
    instance: str
    number: int
    begins: Place

    @property
    def written_at(self) -> tuple[Place, int]:
        """Alike for all that one piece of text stands for."""
        return self.place, self.part


@dataclass(frozen=True, slots=True)
class View:
    """What the routers with one id read.

    Attributes:
        files: with that id.
        root: all of it.
        problems: what is wrong with it, without the places.
        spots: every address of every instance, in the order in which they stand.
    """

    files: Files
    root: Node
    problems: tuple[str, ...]
    spots: tuple[Spot, ...]

    def of(self, address: Address) -> tuple[Spot, ...]:
        """Those of one address."""
        return tuple(spot for spot in self.spots if spot.address == address)


def views(files: Files) -> tuple[View, ...]:
    """This router's; one for each other id that a condition names, and one for all the rest.

    Raises:
        NotEditable: they are too many to read the files again for each.
    """
    named = {match[1]: None for text in files.texts.values() for match in _ID.finditer(text)}
    ids = [files.config_id, *(name for name in named if name != files.config_id)]
    if named:
        ids.append(_NOBODY)
    lines = sum(text.count("\n") for text in files.texts.values())
    if named and len(ids) * lines > _MOST_LINES:
        raise NotEditable(
            f"{files.main} is written for {len(named)} routers: that is too much to be sure of",
            "Change it by hand on every router, then run this again with --no-keepalived",
        )
    return tuple(view(replace(files, config_id=name)) for name in ids)


def view(files: Files) -> View:
    """What the routers with the files' id read."""
    reader = Reader(files)
    lines = list(reader.lines())
    several = {a.place for a, b in pairwise(lines) if a.place == b.place}
    root, problems = tree(lines)
    said = tuple(each.message for each in (*reader.problems, *problems))
    return View(files, root, said, tuple(_spots(root, several)))


def _spots(root: Node, several: set[Place]) -> Iterator[Spot]:
    for number, instance in enumerate(root.of("vrrp_instance")):
        name = instance.words[1] if len(instance.words) > 1 else ""
        for block in instance.of(*BLOCKS):
            for node in block.block:
                address = address_of(node.keyword)
                if address is None:
                    continue
                yield Spot(
                    address=address,
                    words=node.words,
                    excluded=block.keyword == BLOCKS[1],
                    place=node.place,
                    part=node.part,
                    several=node.place in several,
                    instance=name,
                    number=number,
                    begins=instance.place,
                )


def address_of(word: str) -> Address | None:
    """The address that a word is, with a prefix or without, in quotes or not."""
    try:
        return ip_interface(word.strip('"')).ip
    except ValueError:
        return None
