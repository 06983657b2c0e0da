"""lvsfleet itself: runs that are not over, locks whose run is gone."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.checks.catalog.ours import LVS060, LVS061
from tasks.observe import Observed
from tasks.outcome import Finding, Severity

_ENDS = {
    "armed": ("is not confirmed yet", "The router takes it back by itself, or it is confirmed"),
    "claimed": ("was interrupted while it was saved", "A reboot or the next change ends it"),
    "reverting": (
        "could not be taken back wholly",
        "Look at /var/lib/lvsfleet/runs/{run}/report on the router",
    ),
    "unseen": (
        "was ended by the router itself, after its controller or its power went away",
        "It says how in /var/lib/lvsfleet/runs/{run}/report; the next change clears this",
    ),
}
_BEGINNING = 60
"""Seconds after which a run that only began has come to its folder, or is dead; see ``holder``."""


def leftovers(observed: Observed) -> Iterator[Finding]:
    """Runs without an end, or whose end nobody has seen."""
    busy = (observed.lock or "").split(maxsplit=1)[:1]
    for line in observed.leftovers:
        run, _, state = line.partition(" ")
        if [run] == busy:  # it is at work right now, or `stale_lock` tells of it
            continue
        said, hint = _ENDS.get(state, (f"is {state}", ""))
        severity = Severity.INFO if state == "unseen" else None
        message = f"the change of run {run} {said}"
        yield LVS060.finding(message, hint.format(run=run), severity=severity)


def stale_lock(observed: Observed) -> Iterator[Finding]:
    """A lock whose run has nothing to do on the router any more."""
    run, since, who, *_ = [*(observed.lock or "").split(), "", "", ""]
    now = (observed.text("now") or "").strip()
    if not (run and since.isdecimal() and now.isdecimal()):
        return
    at_work = {f"{run} {state}" for state in ("armed", "claimed", "reverting")}
    age = int(now) - int(since)
    if age >= _BEGINNING and at_work.isdisjoint(observed.leftovers):
        yield LVS061.finding(
            f"the lock of run {run}, taken by {who or 'nobody known'} {age // 60} min ago, is still"
            " there, and that run has nothing to do any more",
            "On the router: rm /run/lvsfleet.lock; or the next change with lvsfleet rollout"
            " --break-lock takes it",
        )
