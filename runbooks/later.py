"""What a later run did to the VIPs of an earlier one, which therefore stands no more alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

from inventory.editing.draining import Wanted
from inventory.editing.errors import EditRefused, NotEditable
from inventory.rules import Address
from runbooks.history import asked
from runbooks.journal import NotRead, RecordedRun, read, recorded


@contextmanager
def naming_later(run: RecordedRun, wanted: Wanted) -> Iterator[None]:
    """Have a refusal of ``wanted`` name the run that came after ``run`` and is the reason.

    It stays as it is where no run of the journal took the VIP away, or brought it.

    Args:
        run: the earlier run that is taken back, or gone on with.
        wanted: what of the inventory that takes.

    Raises:
        EditRefused: the block did.
    """
    try:
        yield
    except NotEditable:
        raise
    except EditRefused as refusal:
        later = _newest(run, wanted)
        if later is None:
            raise
        of = later.options.get("of")
        words = f"{asked(later)} of {of}" if of else asked(later)
        raise EditRefused(
            f"{refusal.message}; run {later.id} ({words}) came after run {run.id}",
            f"First `lvsfleet rollback {later.id}`, then this one",
        ) from refusal


def _newest(run: RecordedRun, wanted: Wanted) -> RecordedRun | None:
    for name in recorded():
        if name <= run.id:
            return None
        try:
            later = read(name)
        except NotRead:  # it was deleted meanwhile
            continue
        went, came = (_address(later.options.get(each)) for each in ("old", "new"))
        concerns = (went and went == wanted.from_address) or (came and came == wanted.to_address)
        did = later.touched or (later.edit is not None and later.edit.state == "done")
        if concerns and did and later.inventory == run.inventory:
            return later
    return None


def _address(text: object) -> Address | None:
    try:
        return ip_address(text) if isinstance(text, str) else None
    except ValueError:  # a damaged journal
        return None
