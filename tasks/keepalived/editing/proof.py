"""What an edit comes to, read again by every router's eyes, before anybody is given it."""

from __future__ import annotations

from dataclasses import replace

from inventory.rules import Address
from tasks.keepalived.editing.file_edit import FileEdit
from tasks.keepalived.editing.refusal import changes_more
from tasks.keepalived.editing.views import BLOCKS, View, address_of, view
from tasks.keepalived.tree import Node

Shape = tuple[tuple[str, ...], tuple["Shape", ...]]
"""A node's words, and its block."""


def prove(
    before: tuple[View, ...], edits: tuple[FileEdit, ...], address: Address, like: Address | None
) -> None:
    """That one address comes or goes and nothing else does, whichever router reads it.

    Args:
        before: the configuration as it was.
        edits: what is to be done to it.
        address: the one.
        like: afterwards it is in the instances that have this one; None: in no instance.

    Raises:
        NotEditable: something else would change.
    """
    texts = {each.path: each.after for each in edits}
    for old in before:
        new = view(replace(old.files, texts={**old.files.texts, **texts}))
        same = (_shape(old.root, address), old.problems) == (
            _shape(new.root, address),
            new.problems,
        )
        where = set() if like is None else {spot.number for spot in new.of(like)}
        if not same or {spot.number for spot in new.of(address)} != where:
            raise changes_more(edits, address)


def _shape(node: Node, address: Address, depth: int = 0) -> Shape:
    """Instances are in the root, their blocks in them."""
    if depth == 2 and node.keyword in BLOCKS:  # noqa: PLR2004
        block = [each for each in node.block if address_of(each.keyword) != address]
    else:
        block = node.block
    shapes = [_shape(each, address, depth + 1) for each in block]
    if depth == 1 and node.keyword == "vrrp_instance":
        shapes = [each for each in shapes if each[1] or each[0][0] not in BLOCKS]
    return node.words, tuple(shapes)
