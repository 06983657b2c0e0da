"""lvsfleet with routers that are made up: as SCRIPT in the environment says, nothing is contacted.

SCRIPT is JSON: by router ``{"status": …, "until": "this file is there", "raise": …,
"after": "begin", "error": …, "full": the journal cannot be written to any more}``.
The first router of each cluster has its VIPs. A router without a status is as wanted; in a dry run
it needs a change.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from nornir.core.task import Result, Task

from inventory.desired import Backend, Desired
from runbooks import engine, loading
from runbooks.cli import main
from runbooks.journal import Journal
from tasks.backends.protocol import Change
from tasks.errors import Locked, RouterError, Unreachable
from tasks.look import Ask, Beside, Look, Options, Planner
from tasks.observe import UNITS, Observed, Unit
from tasks.outcome import Edit, Finding, Op, Outcome, Severity, Status, Where
from tasks.sections import Section
from tasks.standing import Standing

SCRIPT: dict[str, dict[str, Any]] = json.loads(os.environ.get("SCRIPT", "{}"))
ERRORS: dict[str, RouterError] = {
    "locked": Locked("another run holds it", "Wait for it"),
    "unreachable": Unreachable("no answer from \x1b[31m192.0.2.1", "Is it up?"),
}
AT_THE_LOOK = {"unreachable"}
EDIT = 'rule family="ipv4" destination address="203.0.113.10" port port="80" mark set=80'
FINDING = Finding("LVS004", Severity.WARNING, "a rule\x07 nobody knows", "Delete it")
CHANGE = Change(
    Backend.FIREWALLD,
    tuple(Edit(Op.ADD, where, EDIT, "web", "zone public") for where in Where),
    commands=("firewall-cmd --add-rich-rule=…",),
)


def observed(desired: Desired) -> Observed:
    """What such a router is: keepalived runs, and the cluster's first router has the VIPs."""
    vips = [vip for each in desired.services for vip in each.vips]
    return Observed(
        units={name: Unit(known=True, active=name == "keepalived") for name in UNITS},
        addresses=frozenset(vips if desired.router.endswith("1") else ()),
        leftovers=(),
        lock=None,
        sections={"units": Section("", 0), "addresses": Section("", 0)},
    )


def stand_of(task: Task, *, options: Options) -> Result:
    """keepalived runs everywhere, and the first router of each cluster has the VIPs."""
    del options
    texts = [vip for each in task.host["services"].values() for vip in each["vips"]]
    vips = frozenset(ip_address(text) for text in texts)
    master = task.host.name.endswith("1")
    return Result(host=task.host, result=Standing(vips if master else frozenset(), True))


def phase(_task: Task, say: dict[str, Any] | None = None) -> None:
    """A phase of a router; with ``say`` the one in which it does what the script says."""
    if say is None:
        return
    while (file := say.get("until")) and not Path(file).exists():
        time.sleep(0.02)
    if say.get("raise"):
        raise ValueError(say["raise"])


def look_at(
    task: Task,
    *,
    desired: Desired,
    planner: Planner,
    options: Options,
    beside: Beside,
    ask: Ask,
) -> Result:
    del options, ask
    begun = time.monotonic()
    seen = observed(desired)
    del planner, beside
    say = SCRIPT.get(desired.router, {})
    late = say.get("after") == "begin"
    task.run(task=phase, name="observe", say=None if late else say)
    status = Status(say.get("status", "planned" if task.is_dry_run() else "unchanged"))
    error = ERRORS[say["error"]] if say.get("error") in AT_THE_LOOK else None
    change = CHANGE if late or status is not Status.UNCHANGED else Change(Backend.FIREWALLD)
    change = replace(change, findings=(FINDING,) if say.get("finding") else ())
    look = Look(desired.router, seen, None if error else change, error, time.monotonic() - begun)
    return Result(host=task.host, result=look)


def bring_there(
    task: Task, *, desired: Desired, planner: Planner, seen: Look, options: Options
) -> Result:
    del planner
    say = SCRIPT.get(desired.router, {})
    options.recorder.note(desired.router, "begin", "starts", options.run)
    if say.get("full") and isinstance(options.recorder, Journal):
        options.recorder.failed = OSError(28, "No space left on device")
    task.run(task=phase, name="begin", say=say if say.get("after") == "begin" else None)
    status = Status(say.get("status", "changed"))
    outcome: Outcome = replace(seen.outcome(status), error=ERRORS.get(say.get("error", "")))
    return Result(host=task.host, result=outcome)


class _Everywhere:
    """A folder with whatever is looked for: the lab of the repository's inventory counts as up."""

    def __truediv__(self, _name: str) -> Path:
        return Path("/")


if __name__ == "__main__":
    loading._NETWORKS = _Everywhere()
    engine.look_at = look_at
    engine.stand_of = stand_of
    engine.bring_there = bring_there
    main()
