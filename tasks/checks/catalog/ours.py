"""lvsfleet itself: what runs left behind, and waivers that are over."""

from __future__ import annotations

from tasks.checks.info import CheckInfo
from tasks.outcome import Severity

LVS060 = CheckInfo(
    "LVS060",
    "a run that is not over",
    Severity.WARNING,
    "A change on the router is not confirmed yet, or was interrupted; its revert may be armed. What"
    " the router filters with is about to change, or was put back without anybody seeing it.",
    "Wait a minute and look again: the router ends it by itself."
    " /var/lib/lvsfleet/runs/RUN/report on the router says how that went; the next change clears"
    " it away.",
)
LVS061 = CheckInfo(
    "LVS061",
    "a lock whose run is gone",
    Severity.WARNING,
    "A run took the router's lock and died before it changed anything. Nothing is wrong with the"
    " rules, but the next rollout is refused.",
    "On the router: rm /run/lvsfleet.lock. Where a rollout has something to change, lvsfleet"
    " rollout --break-lock --limit ROUTER takes it.",
)
LVS062 = CheckInfo(
    "LVS062",
    "a waiver is over",
    Severity.WARNING,
    "A finding was waived until a day that has passed. If it is still found, it counts again.",
    "Mend it, or give the waiver a new day in the inventory; take it out where it is not needed.",
)
