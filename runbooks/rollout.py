"""The rollout: the whole inventory checked, the selected routers brought there, all reported."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from inventory.errors import LvsfleetError
from runbooks.interrupt import Stop, stopping_on_signals
from runbooks.loading import load
from runbooks.outcomes import outcomes_of, traceback_of
from runbooks.progress import Display, ProgressProcessor, display_for
from runbooks.reports.run import Run, run_id
from runbooks.reports.table import routers as count_of
from runbooks.reports.text import visible
from runbooks.runner import DEFAULT_WORKERS, FleetRunner
from runbooks.selection import select
from tasks import rollout as router_rollout
from tasks.look import Options

if TYPE_CHECKING:
    from nornir.core import Nornir
    from nornir.core.task import AggregatedResult, Result, Task

    from inventory.fleet import Fleet

GRACE = 45.0
"""Seconds for a router beyond its two deadlines: its task ends by itself within 30 of them."""

_NAMED = 5
"""How many routers a sentence names."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a rollout was asked for.

    Attributes:
        inventory: its folder; None is the repository's example.
        limit: as given with ``--limit``.
        filters: as given with ``--filter``.
        workers: routers at once; None is what the inventory's configuration says.
        timeout: seconds for one router.
        confirm_timeout: seconds after which a router takes an unconfirmed change back by itself.
        dry_run: only look.
        verbosity: 1 shows what was sent, 2 the details.
        ask_pass: ask for the password to log in with.
        ask_sudo_pass: ask for the password for sudo.
    """

    inventory: Path | None = None
    limit: Sequence[str] = ()
    filters: Sequence[str] = ()
    workers: int | None = None
    timeout: float = 120.0
    confirm_timeout: float = 60.0
    dry_run: bool = False
    verbosity: int = 0
    ask_pass: bool = False
    ask_sudo_pass: bool = False


def rollout(request: Request) -> Run:
    """Do it.

    Raises:
        LvsfleetError: the inventory is refused or nothing is selected; nothing was contacted.
    """
    nr, fleet = load(request.inventory)
    chosen = select(nr.inventory.hosts, request.limit, request.filters)
    _ask_passwords(request)
    clusters = {name: fleet.desired[name].cluster for name in chosen}
    started, begun = datetime.now(UTC), time.monotonic()
    identity = run_id(started, clusters.values())
    stop = Stop()
    display = display_for(sys.stderr, clusters, verbose=request.verbosity > 0)
    with stopping_on_signals(stop):
        results = _run(
            nr, fleet, chosen, request=request, identity=identity, stop=stop, display=display
        )
    if request.verbosity:
        _show_tracebacks(results)
    return Run(
        id=identity,
        started=started,
        seconds=time.monotonic() - begun,
        outcomes=outcomes_of(results),
        clusters=clusters,
        dry_run=request.dry_run,
        interrupted=stop.gently,
    )


def _run(
    nr: Nornir,
    fleet: Fleet,
    chosen: Sequence[str],
    *,
    request: Request,
    identity: str,
    stop: Stop,
    display: Display,
) -> AggregatedResult:
    options = Options(
        run=identity,
        who=router_rollout.whoever(),
        timeout=request.timeout,
        confirm_timeout=request.confirm_timeout,
    )

    def bring_there(task: Task) -> Result:
        return router_rollout.rollout(
            task,
            desired=fleet.desired[task.host.name],
            options=options,
            dry_run=request.dry_run,
        )

    processor = ProgressProcessor(display)
    runner = FleetRunner(
        workers=request.workers or _configured_workers(nr),
        deadline=request.timeout + request.confirm_timeout + GRACE,
        stop=stop,
        on_stop=lambda at_work: processor.note(_stopping(stop, at_work)),
    )
    selected = nr.filter(filter_func=lambda host: host.name in set(chosen))
    # Nornir silently leaves out whatever failed in an earlier run of the same object.
    selected.data.reset_failed_hosts()
    selected.data.dry_run = request.dry_run
    selected = selected.with_runner(runner).with_processors([processor])
    results = selected.run(task=bring_there, name="rollout", raise_on_error=False)
    if processor.failure is not None:
        fault = f"{type(processor.failure).__name__}: {processor.failure}"
        sys.stderr.write(f"The progress display failed ({visible(fault)}); the run did not.\n")
    return results


def _configured_workers(nr: Nornir) -> int:
    """As the inventory's configuration says, in the words of either runner plugin."""
    options = nr.config.runner.options
    workers = options.get("workers") or options.get("num_workers") or DEFAULT_WORKERS
    if not isinstance(workers, int) or workers < 1:
        raise LvsfleetError(
            f"config.yaml: runner.options.workers: {workers!r} is no number of routers",
            "Write 20, for example",
        )
    return workers


def _stopping(stop: Stop, at_work: Sequence[str]) -> str:
    names = ", ".join(visible(name) for name in at_work[:_NAMED])
    if len(at_work) > _NAMED:
        names += f" and {len(at_work) - _NAMED} more"
    if stop.at_once:
        return f"Not waiting any longer for {names or 'anything'}."
    if not at_work:
        return "Stopping: no router is at work."
    return (
        f"Stopping: no further router begins; waiting for {count_of(len(at_work))} ({names}) to be "
        "finished or put back. Once more to stop waiting: their state is then not known."
    )


def _ask_passwords(request: Request) -> None:
    if not (request.ask_pass or request.ask_sudo_pass):
        return
    import click  # noqa: PLC0415 - nothing else here needs it

    from tasks.connect.passwords import typed  # noqa: PLC0415 - rarely asked for

    if request.ask_pass:
        typed.give(login=click.prompt("Password to log in", hide_input=True, err=True))
    if request.ask_sudo_pass:
        typed.give(sudo=click.prompt("Password for sudo", hide_input=True, err=True))


def _show_tracebacks(results: AggregatedResult) -> None:
    for router, result in results.items():
        text = traceback_of(result)
        if text:
            sys.stderr.write(f"{visible(router)}: traceback\n{text}")
