"""How one router stands, in one round trip: its role, what it holds, how it drifts."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from inventory.desired import Desired
from inventory.rules import Address
from tasks.backends.protocol import Change
from tasks.errors import RouterError
from tasks.observe import Observed, ask
from tasks.plan import plan
from tasks.reach import asking
from tasks.shell import Shell
from tasks.standing import Instance, VrrpState, parse_instances

if TYPE_CHECKING:
    from nornir.core.task import Result, Task

_RUN = re.compile(r"(?P<when>\d{8}T\d{6}Z)-")


@dataclass(frozen=True, slots=True)
class State:
    """One router at one moment.

    Attributes:
        router: its name.
        alive: keepalived runs.
        held: the VIPs of its services that it has.
        instances: what keepalived says of itself; empty where it does not.
        change: what a rollout would do; None where that cannot be said.
        changed: when its last run began; None where there was none.
        error: why it could not be asked, or what stands in a rollout's way.
        asked: it answered.
        seconds: how long that took.
    """

    router: str
    alive: bool = False
    held: frozenset[Address] = frozenset()
    instances: tuple[Instance, ...] = field(default=())
    change: Change | None = None
    changed: datetime | None = None
    error: RouterError | None = None
    asked: bool = True
    seconds: float = 0.0

    @property
    def role(self) -> str:
        """``MASTER``, ``BACKUP``, ``FAULT``, ``STOPPED``: by its addresses, as traffic goes."""
        if not self.asked:
            return "?"
        if any(each.state is VrrpState.FAULT for each in self.instances):
            return "FAULT"
        if self.held:
            return "MASTER"
        return "BACKUP" if self.alive else "STOPPED"


def state_of(task: Task, *, desired: Desired, deadline: float, patience: float) -> Result:
    """Ask one router; the result is a `State`. No RouterError leaves it.

    Args:
        task: Nornir's.
        desired: what the router should be.
        deadline: seconds for its answer.
        patience: seconds after which no further attempt to connect begins.
    """
    from nornir.core.task import Result  # noqa: PLC0415 - nornir is 150 ms that --help can spare

    begun = time.monotonic()

    def question(shell: Shell) -> Observed:
        return ask("status", shell, desired.asked, desired.places, deadline=deadline)

    try:
        observed = asking(task.host, question, patience=patience)
    except RouterError as problem:
        error = problem
    else:
        seconds = time.monotonic() - begun
        return Result(host=task.host, result=_state(desired, observed, seconds))
    seconds = time.monotonic() - begun
    silent = State(desired.router, error=error, asked=False, seconds=seconds)
    return Result(host=task.host, result=silent)


def _state(desired: Desired, observed: Observed, seconds: float) -> State:
    change: Change | None = None
    error: RouterError | None = None
    try:
        change = plan(desired, observed)
    except RouterError as problem:
        error = problem
    vips = frozenset(vip for service in desired.services for vip in service.vips)
    return State(
        router=desired.router,
        alive=observed.units["keepalived"].active,
        held=vips & observed.addresses,
        instances=parse_instances(observed.text("keepalived") or ""),
        change=change,
        changed=_latest(observed.text("run-names") or ""),
        error=error,
        seconds=seconds,
    )


def _latest(names: str) -> datetime | None:
    """When the newest run began, as its name says."""
    times = [match["when"] for line in names.splitlines() if (match := _RUN.match(line))]
    if not times:
        return None
    return datetime.strptime(max(times), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
