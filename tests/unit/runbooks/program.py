"""lvsfleet with routers that are made up: as SCRIPT in the environment says, nothing is contacted.

SCRIPT is JSON: by router ``{"status": …, "seconds": …, "raise": …, "after": "observe"}``.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from nornir.core.task import Result, Task

from inventory.desired import Desired
from runbooks.cli import main
from tasks import rollout
from tasks.errors import Locked, RouterError, Unreachable
from tasks.outcome import Edit, Finding, Op, Outcome, Severity, Status, Where

SCRIPT: dict[str, dict[str, Any]] = json.loads(os.environ.get("SCRIPT", "{}"))
ERRORS: dict[str, RouterError] = {
    "locked": Locked("another run holds it", "Wait for it"),
    "unreachable": Unreachable("no answer from \x1b[31m192.0.2.1", "Is it up?"),
}
EDIT = 'rule family="ipv4" destination address="203.0.113.10" port port="80" mark set=80'
FINDING = Finding("LVS004", Severity.WARNING, "a rule\x07 nobody knows", "Delete it")


def made_up(task: Task, *, desired: Desired, dry_run: bool, **_options: object) -> Result:
    say = SCRIPT.get(desired.router, {})
    begun = time.monotonic()

    def observe(_task: Task) -> None:
        time.sleep(say.get("seconds", 0))
        if say.get("raise"):
            raise ValueError(say["raise"])

    def begin(task: Task) -> None:
        pass

    if say.get("after") == "begin":
        task.run(task=begin, name="begin")
    task.run(task=observe, name=say.get("after", "observe"))
    status = Status(say.get("status", "planned" if dry_run else "unchanged"))
    edits = tuple(Edit(Op.ADD, where, EDIT, "web", "zone public") for where in Where)
    changes = edits if status in {Status.PLANNED, Status.CHANGED} else ()
    outcome = Outcome(
        desired.router,
        status,
        "firewalld",
        changes,
        findings=(FINDING,) if say.get("finding") else (),
        error=ERRORS.get(say.get("error", "")),
        seconds=time.monotonic() - begun,
        commands=("firewall-cmd --add-rich-rule=…",) if changes else (),
    )
    return Result(host=task.host, result=outcome)


if __name__ == "__main__":
    rollout.rollout = made_up
    main()
