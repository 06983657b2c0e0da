"""Brings a run to its end whose program was killed: ``python -m runbooks.guardian RUN``.

Started by `runbooks.guarding`. Where the run was confirmed on a router, or was about to be, all
get what it wanted, and so does the inventory; else all is taken back. Nothing is asked, and what it
does is a run like any other, in the journal. What it cannot bring to an end in a quarter of an hour
is left to the next command with this inventory, which says so.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import datetime
from typing import Final

from inventory.errors import LvsfleetError
from runbooks.closing import confirmed_somewhere
from runbooks.conduct import Request
from runbooks.earlier import with_its_inventory
from runbooks.journal import End, RecordedRun, read
from runbooks.journal.unfinished import ending, marked, unmark
from runbooks.policy import Policy
from runbooks.reports.run import Run
from runbooks.reports.table import render_table
from runbooks.resume import with_its_options
from runbooks.unfinished import whole
from runbooks.vip_again import go_on
from tasks.outcome import Status

PATIENCE: Final = 900.0
"""Seconds after which it gives up."""

PAUSE: Final = 3.0
"""Seconds between two attempts."""


def guard(run: str) -> bool:
    """Bring ``run`` to its end, however often that takes.

    Returns:
        Whether it is whole.
    """
    until = time.monotonic() + PATIENCE
    with ending(run, wait=True):
        while run in marked():
            left = read(run)
            if left.end is not End.RUNNING and whole(left):
                unmark(run)
            elif left.end is not End.RUNNING:
                try:
                    _end(left)
                except LvsfleetError as error:
                    _say(str(error))
            if run not in marked():
                break
            if time.monotonic() > until:
                _say(f"Run {run} is left as it is: `lvsfleet resume {run}` goes on with it.")
                return False
            time.sleep(PAUSE)
    _say(f"Run {run} is whole.")
    return True


def _end(left: RecordedRun) -> None:
    request = Request(policy=Policy(now=True))
    request = with_its_options(with_its_inventory(request, left), left, ())
    written = left.edit is not None and left.edit.state != "planned"
    if not (confirmed_somewhere(left) or written):
        _say(f"Run {left.id} was cut off, and confirmed nowhere: it is taken back.")
        looked = go_on(replace(request, policy=Policy(dry_run=True, now=True)), left)
        if _as_before(looked, left):
            unmark(left.id)
            return
        if any(each.status is Status.FAILED for each in looked.outcomes):
            _say(render_table(looked))
            return
    _say(f"Run {left.id} was cut off, and is gone on with.")
    _say(render_table(go_on(request, left)))


def _as_before(looked: Run, left: RecordedRun) -> bool:
    """Whether each router that was begun would have to be changed anew."""
    begun = {name for name, each in left.routers.items() if each.begun}
    return all(each.status is Status.PLANNED for each in looked.outcomes if each.router in begun)


def _say(text: str) -> None:
    sys.stderr.write(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S%z} {text.rstrip()}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(0 if guard(sys.argv[1]) else 1)
