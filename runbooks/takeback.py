"""Taking a change of several routers back on all of them, so that no two are MASTER meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from runbooks.abreast import Abreast, Member
from tasks import back
from tasks.errors import ApplyFailed, RouterError
from tasks.outcome import Outcome, Status
from tasks.work import LOST


def take_back(abreast: Abreast, why: RouterError, end: Callable[[Outcome], None]) -> None:
    """On all that have begun, at once; those that have not are as they were.

    Args:
        abreast: the routers.
        why: what went wrong.
        end: hears what came of each.
    """
    begun = [
        name
        for name, each in abreast.members.items()
        if each.parts or isinstance(each.error, (ApplyFailed, *LOST)) or _may_have_begun(each)
    ]
    _await_silent(abreast, begun)

    left = dict.fromkeys(begun)

    def revert(member: Member, name: str) -> None:
        with_others = f"taken back with the others: {why.message}"
        error = member.error or ApplyFailed(with_others, why.hint)
        end(back.take_back(member.work, member.seen, abreast.fleet.options.run, error))
        left.pop(name)

    abreast.each_to_its_end(begun, "revert", revert)
    for name, each in abreast.members.items():
        if name in left:  # nobody waits for it any more
            error = ApplyFailed(
                f"whether it was taken back is not known: {why.message}",
                f"It does so by itself; `lvsfleet history {abreast.fleet.options.run}` says when",
            )
            end(replace(each.seen.outcome(Status.UNKNOWN), error=error))
        elif name not in begun:
            status = Status.FAILED if each.error else Status.SKIPPED
            end(replace(each.seen.outcome(status), error=each.error))


def _may_have_begun(member: Member) -> bool:
    """Whether it was left at work, as after a second Ctrl-C, or by a fault of this program."""
    return type(member.error) is RouterError


def _await_silent(abreast: Abreast, begun: Sequence[str]) -> None:
    """Where one that lists other VIPs by now cannot be told, all wait for the same timer."""
    anew = [name for name in begun if abreast.members[name].listed_anew]
    if len(anew) <= 1:
        return
    fleet = abreast.fleet
    answering = fleet.standings(anew)
    silent = [name for name in anew if name not in answering]
    left = abreast.until - time.monotonic()
    if not silent or left <= 0:
        return
    fleet.processor.note(
        f"{' and '.join(silent)} cannot be told to take it back, and does so by itself in"
        f" {left:.0f} s: all of them do so then, or there would be two MASTERs."
    )
    end = time.monotonic() + left
    while (left := end - time.monotonic()) > 0 and not fleet.stop.at_once:
        time.sleep(min(0.1, left))
