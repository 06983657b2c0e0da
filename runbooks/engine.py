"""Run something on a fleet's routers: look at them, bring them where their jobs say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from inventory.desired import Desired
from runbooks.interrupt import Stop
from runbooks.outcomes import outcome_of, traceback_of
from runbooks.policy import Policy
from runbooks.progress import ProgressProcessor
from runbooks.reports.text import visible
from runbooks.runner import FleetRunner
from tasks.last_word import last_word
from tasks.look import Ask, Beside, Look, Options, Planner, nothing
from tasks.observe import observe
from tasks.outcome import Outcome, Status
from tasks.plan import plan
from tasks.rollout import bring_there, look_at, stand_of
from tasks.standing import Standing

if TYPE_CHECKING:
    from nornir.core import Nornir
    from nornir.core.task import AggregatedResult, Result, Task

    from runbooks.journal import Journal

T = TypeVar("T")

FAILURES = frozenset({Status.FAILED, Status.REVERTED, Status.UNKNOWN})
"""How a router is left whose change did not turn out well."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one router is to be brought to.

    Attributes:
        desired: what it should be; says how to ask it, too.
        planner: from what it is to the change that it needs.
        beside: what else is to be told of it.
        ask: how it is looked at.
    """

    desired: Desired
    planner: Planner
    beside: Beside = nothing
    ask: Ask = observe


def job(desired: Desired) -> Job:
    """The job of a rollout: what the inventory says."""
    return Job(desired, lambda observed: plan(desired, observed), last_word)


@dataclass
class Fleet:
    """What the engine works with.

    Attributes:
        nornir: the whole inventory, unfiltered.
        desired: of every router of the inventory, for the clusters' roles.
        policy: how the fleet is changed.
        options: how one router is changed.
        runner: gives the runner for a number of seconds per router.
        processor: hears what happens.
        stop: asked to stop.
        journal: made when the first change is about to begin.
        journal_back: of the run that puts back what this one changed.
        tracebacks: of faults of this program, for ``-v``.
    """

    nornir: Nornir
    desired: Mapping[str, Desired]
    policy: Policy
    options: Options
    runner: FleetRunner
    processor: ProgressProcessor
    stop: Stop
    journal: Callable[[], Journal]
    journal_back: Callable[[], Journal]
    tracebacks: list[str] = field(default_factory=list)

    def on_each(
        self, routers: Iterable[str], name: str, do: Callable[[Task], Result]
    ) -> AggregatedResult:
        """Run a task on some routers, in parallel; the result is in the inventory's order."""
        chosen = frozenset(routers)
        selected = self.nornir.filter(filter_func=lambda host: host.name in chosen)
        # Nornir silently leaves out whatever failed in an earlier run of the same object.
        selected.data.reset_failed_hosts()
        ready = selected.with_runner(self.runner).with_processors([self.processor])
        results = ready.run(task=do, name=name, raise_on_error=False)
        for router, result in results.items():
            fault = traceback_of(result)
            if fault:
                self.tracebacks.append(f"{visible(router)}: traceback\n{fault}")
        return results

    def look(self, jobs: Mapping[str, Job]) -> dict[str, Look | Outcome]:
        """Look at routers; whoever could not even be looked at has an outcome instead."""

        def do(task: Task) -> Result:
            each = jobs[task.host.name]
            return look_at(
                task,
                desired=each.desired,
                planner=each.planner,
                options=self.options,
                beside=each.beside,
                ask=each.ask,
            )

        return {
            name: _value(result[0].result, Look) or outcome_of(name, result)
            for name, result in self.on_each(jobs, "look", do).items()
        }

    def bring(
        self, jobs: Mapping[str, Job], looks: Mapping[str, Look], options: Options
    ) -> dict[str, Outcome]:
        """Carry out what the looks planned, on all of ``jobs`` at once."""

        def do(task: Task) -> Result:
            name = task.host.name
            return bring_there(
                task,
                desired=jobs[name].desired,
                planner=jobs[name].planner,
                seen=looks[name],
                options=options,
            )

        results = self.on_each(jobs, "change", do)
        return {name: outcome_of(name, result) for name, result in results.items()}

    def standings(self, routers: Iterable[str]) -> dict[str, Standing]:
        """How routers stand in their clusters, of those that answer; nothing is shown."""

        def do(task: Task) -> Result:
            return stand_of(task, options=self.options)

        with self.processor.silently():
            results = self.on_each(routers, "standing", do)
        answers = {name: _value(each[0].result, Standing) for name, each in results.items()}
        return {name: each for name, each in answers.items() if each is not None}


def _value(value: object, kind: type[T]) -> T | None:
    return value if isinstance(value, kind) else None
