"""The one look at a fleet: every router asked how it stands, once or again and again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from inventory.desired import Desired
from runbooks.asking import Asking
from runbooks.loading import load, refuse_absent_lab
from runbooks.prompts import ask_passwords
from runbooks.selection import select
from runbooks.unfinished import tell
from tasks.retry import LATEST as PATIENCE
from tasks.state import State, state_of

if TYPE_CHECKING:
    from nornir.core.task import Result, Task


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for.

    Attributes:
        inventory: its folder; None is the repository's example.
        limit: as given with ``--limit``.
        filters: as given with ``--filter``.
        workers: routers at once; None is what the inventory's configuration says.
        timeout: seconds for one router.
        verbosity: 1 shows each router that is done.
        ask_pass: ask for the password to log in with.
        ask_sudo_pass: ask for the password for sudo.
    """

    inventory: Path | None = None
    limit: Sequence[str] = ()
    filters: Sequence[str] = ()
    workers: int | None = None
    timeout: float = 120.0
    verbosity: int = 0
    ask_pass: bool = False
    ask_sudo_pass: bool = False


@dataclass(frozen=True, slots=True)
class FleetState:
    """A fleet at one moment.

    Attributes:
        at: when it was asked, in UTC.
        states: one for each selected router, in the inventory's order.
        desired: what each should be.
        interrupted: somebody asked to stop.
    """

    at: datetime
    states: tuple[State, ...]
    desired: Mapping[str, Desired]
    interrupted: bool = False


def status(request: Request, *, every: float | None = None) -> Iterator[FleetState]:
    """Ask the fleet; again and again where ``every`` says how many seconds lie between.

    Raises:
        LvsfleetError: the inventory is refused or nothing is selected; nothing was contacted.
    """
    nr, fleet = load(request.inventory)
    selected = select(nr.inventory.hosts, request.limit, request.filters)
    tell(request.inventory)
    refuse_absent_lab(request.inventory)
    ask_passwords(login=request.ask_pass, sudo=request.ask_sudo_pass)
    asking = Asking(nr, request.workers, request.timeout, request.verbosity)

    def do(task: Task) -> Result:
        desired = fleet.desired[task.host.name]
        patience = min(request.timeout, PATIENCE if every is None else every)
        return state_of(task, desired=desired, deadline=request.timeout, patience=patience)

    while True:
        at = datetime.now(UTC)
        answers, failed = asking(selected, do, State)
        silent = {name: State(name, error=error, asked=False) for name, error in failed.items()}
        states = answers | silent
        stopped = asking.stop.gently
        yield FleetState(at, tuple(states[name] for name in selected), fleet.desired, stopped)
        if every is None or stopped:
            return
        asking.pause(every)
        if asking.stop.gently:
            return
