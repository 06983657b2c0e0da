"""How an edit that only a person can make is refused: where, why, and what to do instead."""

from __future__ import annotations

from collections.abc import Iterable

from inventory.rules import Address
from tasks.errors import NoSuchAddress, NotEditable
from tasks.keepalived.editing.file_edit import FileEdit
from tasks.keepalived.editing.views import Spot
from tasks.keepalived.files import Files

BY_HAND = (
    "Change keepalived.conf by hand on every router of the cluster, then run this again with"
    " --no-keepalived"
)


def refused(spot: Spot, why: str, way_out: str = BY_HAND) -> NotEditable:
    """An address stands where nothing can be edited beside it."""
    return NotEditable(
        f"{spot.place}: {spot.address} of vrrp_instance {spot.instance} cannot be edited: {why}",
        way_out,
    )


def in_the_way(spot: Spot, why: str) -> NotEditable:
    """The address that is to come stands somewhere already, but not where it should."""
    return NotEditable(
        f"{spot.place}: vrrp_instance {spot.instance} has {spot.address} already, {why}", BY_HAND
    )


def changes_more(edits: Iterable[FileEdit], address: Address) -> NotEditable:
    """With an address something else would come or go."""
    places = ", ".join(each.path for each in edits)
    return NotEditable(f"{places}: with {address} something else would change as well", BY_HAND)


def no_such(files: Files, address: Address, but: str = "") -> NoSuchAddress:
    """No instance has the address; ``but`` says where it is all the same."""
    read = ", ".join(files.texts) or f"{files.main}, which is not there"
    return NoSuchAddress(
        f"{address} stands in no virtual_ipaddress of this router{but} (read: {read})",
        "Name an address that keepalived holds, or leave keepalived.conf alone: --no-keepalived",
    )
