"""Conduct a run that changes routers, from what was asked for to what came of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from runbooks.engine import Fleet, Job
from runbooks.interrupt import Stop, stopping_on_signals
from runbooks.journal import Journal
from runbooks.policy import Policy
from runbooks.progress import ProgressProcessor, display_for
from runbooks.prompts import ask_passwords
from runbooks.reports.run import Run, run_id
from runbooks.reports.table import routers as count_of
from runbooks.reports.text import visible
from runbooks.rolling import Rolling
from runbooks.runner import FleetRunner, configured_workers
from tasks.look import Options
from tasks.retry import LATEST as PATIENCE
from tasks.rollout import whoever

if TYPE_CHECKING:
    from nornir.core import Nornir

    from inventory.fleet import Fleet as Inventory
    from runbooks.lockstep import Lockstep  # only vip needs it, and what edits files with it

PATIENCE_NOW = 5.0
"""Seconds for connecting in an emergency: who answers does not wait for who does not."""

GRACE = 45.0
"""Seconds for a router beyond its two deadlines: its task ends by itself within 30 of them."""

_NAMED = 5
"""How many routers a sentence names."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a run was asked for.

    Attributes:
        inventory: its folder; None is the repository's example.
        limit: as given with ``--limit``.
        filters: as given with ``--filter``.
        workers: routers at once; None is what the inventory's configuration says.
        timeout: seconds for one router.
        confirm_timeout: seconds after which a router takes an unconfirmed change back by itself.
        break_lock: take the lock of a run that has nothing to do on a router any more.
        policy: how the fleet is changed.
        verbosity: 1 shows what was sent, 2 the details.
        ask_pass: ask for the password to log in with.
        ask_sudo_pass: ask for the password for sudo.
        force: also where the router, or the inventory, has changed since an earlier run.
        adopt: rules of others that do what the inventory says become lvsfleet's own.
    """

    inventory: Path | None = None
    limit: Sequence[str] = ()
    filters: Sequence[str] = ()
    workers: int | None = None
    timeout: float = 120.0
    confirm_timeout: float = 60.0
    break_lock: bool = False
    policy: Policy = field(default_factory=Policy)
    verbosity: int = 0
    ask_pass: bool = False
    ask_sudo_pass: bool = False
    force: bool = False
    adopt: bool = False


def conduct(
    request: Request,
    nr: Nornir,
    inventory: Inventory,
    jobs: Mapping[str, Job],
    *,
    command: str,
    of: str | None = None,
    engine: Callable[[Fleet, Mapping[str, Job]], Rolling | Lockstep] = Rolling,
    asked: Mapping[str, str | float | bool | None] | None = None,
) -> Run:
    """Bring routers where their jobs say, and tell what came of it.

    Args:
        request: what was asked for.
        nr: the whole inventory.
        inventory: the same, checked.
        jobs: what each router is to be brought to.
        command: what was asked for, for the journal.
        of: the earlier run that this one is about.
        engine: how routers are changed: wave by wave, or all as one.
        asked: what else was asked for, for the journal.

    Raises:
        LvsfleetError: the journal cannot be written; nothing was changed.
    """
    ask_passwords(login=request.ask_pass, sudo=request.ask_sudo_pass)
    clusters = {name: inventory.desired[name].cluster for name in jobs}
    started, begun = datetime.now(UTC), time.monotonic()
    identity = run_id(started, clusters.values())
    stop = Stop()
    display = display_for(sys.stderr, clusters, verbose=request.verbosity > 0)
    processor = ProgressProcessor(display, looking=request.policy.dry_run)
    nr.data.dry_run = request.policy.dry_run
    fleet = Fleet(
        nornir=nr,
        desired=inventory.desired,
        policy=request.policy,
        options=Options(
            run=identity,
            who=whoever(),
            timeout=request.timeout,
            patience=min(request.timeout, PATIENCE_NOW if request.policy.now else PATIENCE),
            confirm_timeout=request.confirm_timeout,
            break_lock=request.break_lock,
        ),
        runner=FleetRunner(
            workers=request.workers or configured_workers(nr),
            deadline=request.timeout + request.confirm_timeout + GRACE,
            stop=stop,
            on_stop=lambda at_work: processor.note(_stopping(stop, at_work, request)),
        ),
        processor=processor,
        stop=stop,
        journal=lambda: _journal(request, identity, command=command, of=of, asked=asked or {}),
        journal_back=lambda: _journal(
            replace(request, force=True),
            run_id(datetime.now(UTC), clusters.values()),
            command="rollback",
            of=identity,
        ),
    )
    with stopping_on_signals(stop):
        try:
            rolling = engine(fleet, jobs)
            outcomes = rolling.run()
        finally:
            processor.close()
    if request.verbosity:
        sys.stderr.writelines(fleet.tracebacks)
    if processor.failure is not None:
        fault = f"{type(processor.failure).__name__}: {processor.failure}"
        sys.stderr.write(f"The progress display failed ({visible(fault)}); the run did not.\n")
    journal = rolling.journal
    return Run(
        id=identity,
        started=started,
        seconds=time.monotonic() - begun,
        outcomes=outcomes,
        clusters=clusters,
        dry_run=request.policy.dry_run,
        interrupted=stop.gently,
        waves=tuple(tuple(wave) for wave in rolling.waves),
        stopped=rolling.stopped,
        command=command,
        of=of or "",
        journal=journal.folder if journal else None,
        unrecorded=str(journal.failed.strerror) if journal and journal.failed else "",
    )


def _journal(
    request: Request,
    identity: str,
    *,
    command: str,
    of: str | None,
    asked: Mapping[str, str | float | bool | None] = MappingProxyType({}),
) -> Journal:
    policy = request.policy
    options: dict[str, str | float | None] = {
        **asked,
        "of": of,
        "force": request.force or None,
        "adopt": request.adopt or None,
        "now": policy.now or None,
        "batch": None if policy.batch is None else str(policy.batch),
        "pause": policy.pause,
        "settle": policy.settle,
        "on_failure": policy.on_failure.value,
        "max_failures": str(policy.max_failures),
        "confirm_timeout": request.confirm_timeout,
        "timeout": request.timeout,
        "workers": request.workers,
        "ask_pass": request.ask_pass or None,
        "ask_sudo_pass": request.ask_sudo_pass or None,
    }
    return Journal.create(
        identity,
        command=command,
        inventory=request.inventory,
        selection={"limit": request.limit, "filter": request.filters},
        options={name: value for name, value in options.items() if value is not None},
        started=datetime.now(UTC),
        who=whoever(),
    )


def _stopping(stop: Stop, at_work: Sequence[str], request: Request) -> str:
    names = ", ".join(visible(name) for name in at_work[:_NAMED])
    if len(at_work) > _NAMED:
        names += f" and {len(at_work) - _NAMED} more"
    if stop.at_once:
        latest = datetime.now(UTC).astimezone() + timedelta(seconds=request.confirm_timeout)
        return (
            f"Not waiting any longer for {names or 'anything'}. What is not confirmed is taken"
            f" back by the router itself by {latest:%H:%M:%S}, later only if its change is long."
        )
    if not at_work:
        return "Stopping: no router is at work."
    return (
        f"Stopping: no further router begins; waiting for {count_of(len(at_work))} ({names}) to be "
        "finished or put back. Once more to stop waiting: their state is then not known."
    )
