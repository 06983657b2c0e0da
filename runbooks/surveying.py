"""The survey of a fleet: every selected router asked at once; nothing is changed."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

from runbooks.interrupt import Stop, stopping_on_signals
from runbooks.outcomes import outcome_of
from runbooks.progress import ProgressProcessor, display_for
from runbooks.runner import DEFAULT_WORKERS, FleetRunner
from tasks.errors import RouterError
from tasks.look import Look
from tasks.observe import Observed
from tasks.survey import survey_of

if TYPE_CHECKING:
    from nornir.core import Nornir
    from nornir.core.task import Result, Task

    from inventory.fleet import Fleet

_GRACE = 30.0
"""Seconds for a router beyond its deadline: connecting has one of its own."""


def survey_fleet(
    nr: Nornir,
    fleet: Fleet,
    routers: Collection[str],
    *,
    workers: int | None,
    timeout: float,
    verbose: bool,
) -> tuple[dict[str, Observed], dict[str, RouterError]]:
    """What the routers answered, and why the others did not.

    Args:
        nr: the whole inventory.
        fleet: the same, checked.
        routers: those to ask.
        workers: routers at once.
        timeout: seconds for one.
        verbose: show every phase.
    """
    clusters = {name: fleet.desired[name].cluster for name in routers}
    processor = ProgressProcessor(display_for(sys.stderr, clusters, verbose=verbose), looking=True)
    stop = Stop()
    runner = FleetRunner(workers=workers or DEFAULT_WORKERS, deadline=timeout + _GRACE, stop=stop)
    selected = nr.filter(filter_func=lambda host: host.name in clusters)
    ready = selected.with_runner(runner).with_processors([processor])

    def do(task: Task) -> Result:
        return survey_of(task, deadline=timeout)

    with stopping_on_signals(stop):
        try:
            results = ready.run(task=do, name="survey", raise_on_error=False)
        finally:
            processor.close()
    answers: dict[str, Observed] = {}
    failed: dict[str, RouterError] = {}
    for name, result in results.items():
        seen = result[0].result
        if isinstance(seen, Look) and seen.observed is not None:
            answers[name] = seen.observed
        else:
            error = outcome_of(name, result).error
            failed[name] = error or RouterError("it was not asked: the run was stopped")
    return answers, failed
