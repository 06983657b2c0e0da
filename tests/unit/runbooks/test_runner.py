from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from nornir.core import Nornir
from nornir.core.configuration import RunnerConfig
from nornir.core.inventory import Defaults, Groups, Host, Hosts, Inventory

from inventory.errors import LvsfleetError
from runbooks.interrupt import Stop
from runbooks.runner import Abandoned, FleetRunner, NotBegun, Overdue, configured_workers

if TYPE_CHECKING:
    from nornir.core.task import AggregatedResult, Task

NAMES = tuple(f"r{i}" for i in range(12))


def fleet(runner: FleetRunner) -> Nornir:
    hosts = Hosts({name: Host(name) for name in NAMES})
    return Nornir(Inventory(hosts, Groups(), Defaults()), runner=runner)


def run(runner: FleetRunner, do: Callable[[str], object]) -> AggregatedResult:
    def work(task: Task) -> object:
        return do(task.host.name)

    return fleet(runner).run(task=work)


@pytest.mark.parametrize(
    ("options", "workers"), [({}, 20), ({"workers": 7}, 7), ({"num_workers": 3}, 3)]
)
def test_how_many_at_once_is_what_the_inventory_says(
    options: dict[str, object], workers: int
) -> None:
    nr = fleet(FleetRunner())
    nr.config.runner = RunnerConfig(options=options)
    assert configured_workers(nr) == workers


@pytest.mark.parametrize("wrong", ["many", -1, 2.5])
def test_what_is_no_number_of_routers_is_refused(wrong: object) -> None:
    nr = fleet(FleetRunner())
    nr.config.runner = RunnerConfig(options={"workers": wrong})
    with pytest.raises(LvsfleetError, match="is no number of routers"):
        configured_workers(nr)


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """What tasks that hang wait for; set at the end, so that no thread outlives its test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize("workers", [1, 3, 12, 500])
def test_every_router_has_its_result_in_the_inventorys_order(workers: int) -> None:
    results = run(FleetRunner(workers), lambda name: time.sleep(hash(name) % 5 / 1000) or name)
    assert [(name, each[0].result) for name, each in results.items()] == [(n, n) for n in NAMES]


def test_no_more_routers_at_once_than_workers() -> None:
    now, most, lock = 0, 0, threading.Lock()
    four = threading.Barrier(4)

    def work(_name: str) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        four.wait(60)
        time.sleep(0.005)
        with lock:
            now -= 1

    assert not run(FleetRunner(4), work).failed
    assert most == 4


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt()])
def test_one_that_raises_loses_no_other(error: BaseException) -> None:
    def work(name: str) -> str:
        if name == "r3":
            raise error
        return name

    results = run(FleetRunner(2), work)
    assert list(results) == list(NAMES)
    assert results["r3"][0].exception is error
    assert [name for name, each in results.items() if each.failed] == ["r3"]


def test_a_processor_that_raises_costs_only_the_one_router() -> None:
    class Bad:
        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *_: None

        def task_instance_started(self, _task: Task, host: Host) -> None:
            if host.name == "r5":
                raise RuntimeError("display")

    nr = fleet(FleetRunner(3)).with_processors([Bad()])  # type: ignore[list-item]
    results = nr.run(task=lambda task: task.host.name)
    assert [name for name, each in results.items() if each.failed] == ["r5"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The runner's clock, which stands still; a busy machine makes nobody late."""
    now = [0.0]
    monkeypatch.setattr("runbooks.runner.time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_a_router_that_hangs_is_given_up_and_its_place_taken(
    release: threading.Event, clock: list[float]
) -> None:
    both = threading.Barrier(2)

    def work(name: str) -> str:
        if name in {"r0", "r1"}:
            both.wait(60)
            clock[0] = 60.0  # whoever begins from now on has just begun
            release.wait(120)
        return name

    results = run(FleetRunner(workers=2, deadline=0.2), work)
    late = {name for name, each in results.items() if isinstance(each[0].exception, Overdue)}
    assert late == {"r0", "r1"}
    assert [results[name][0].result for name in NAMES[2:]] == list(NAMES[2:])


def test_a_late_result_counts_while_others_are_still_at_work(clock: list[float]) -> None:
    given_up, late = threading.Event(), []

    def work(name: str) -> str:
        if name == "r0":
            late.append(threading.current_thread())
            clock[0] = 60.0
            assert given_up.wait(120)
            return "late"
        if name == "r1":  # in its place
            given_up.set()
            late[0].join(120)
        return name

    results = run(FleetRunner(workers=1, deadline=0.2), work)
    assert [each[0].result for each in results.values()] == ["late", *NAMES[1:]]


def test_nobody_waits_for_results_that_are_all_late(
    release: threading.Event, clock: list[float]
) -> None:
    together = threading.Barrier(len(NAMES))

    def work(name: str) -> str:
        together.wait(60)
        clock[0] = 60.0
        release.wait(120)
        return name

    results = run(FleetRunner(workers=len(NAMES), deadline=0.2), work)
    assert {type(each[0].exception) for each in results.values()} == {Overdue}


def test_after_the_first_request_no_router_begins() -> None:
    stop, told, answered = Stop(), [], threading.Event()

    def on_stop(names: Sequence[str]) -> None:
        told.append(list(names))
        answered.set()

    def work(name: str) -> str:
        if name == "r1":
            stop.request()
            assert answered.wait(60)
        return name

    results = run(FleetRunner(1, stop=stop, on_stop=on_stop), work)
    skipped = [n for n, each in results.items() if isinstance(each[0].exception, NotBegun)]
    assert [results[name][0].result for name in NAMES[:2]] == ["r0", "r1"]
    assert skipped == list(NAMES[2:])
    assert list(results) == list(NAMES)
    assert told == [["r1"]]


def asking_twice(stop: Stop, release: threading.Event) -> Callable[[str], None]:
    """Work that waits; while the first router is at it, somebody asks to stop, and again."""

    def work(name: str) -> None:
        if name == "r1":
            stop.request()
            stop.request()
        release.wait(120)

    return work


def test_after_the_second_request_nobody_is_waited_for(release: threading.Event) -> None:
    stop = Stop()
    results = run(FleetRunner(3, stop=stop), asking_twice(stop, release))
    kinds = {type(each[0].exception) for each in results.values()}
    assert kinds == {Abandoned, NotBegun}
    assert type(results["r1"][0].exception) is Abandoned


def test_a_stop_from_before_begins_nothing() -> None:
    stop = Stop()
    stop.request()
    results = run(FleetRunner(3, stop=stop), lambda name: name)
    assert {type(each[0].exception) for each in results.values()} == {NotBegun}


def test_what_was_begun_on_some_goes_on_with_all_after_a_request() -> None:
    """Routers that change as one: what takes the change back must reach each of them."""
    stop, told = Stop(), []
    stop.request()
    runner = FleetRunner(1, stop=stop, on_stop=lambda names: told.append(list(names)))
    results = run(runner.abreast(len(NAMES)), lambda name: name)
    assert [each[0].result for each in results.values()] == list(NAMES)
    assert told == []

    def work(name: str) -> str:
        together.wait(60)
        return name

    together = threading.Barrier(len(NAMES))
    results = run(runner.abreast(len(NAMES)), work)
    assert [each[0].result for each in results.values()] == list(NAMES)


def test_but_nobody_is_waited_for_after_the_second_one(release: threading.Event) -> None:
    stop = Stop()
    runner = FleetRunner(3, stop=stop).abreast(3)
    results = run(runner, asking_twice(stop, release))
    assert type(results["r1"][0].exception) is Abandoned
    results = run(runner, lambda name: name)
    assert {type(each[0].exception) for each in results.values()} == {NotBegun}


def test_no_router_is_no_work() -> None:
    nr = fleet(FleetRunner()).filter(filter_func=lambda _host: False)
    assert dict(nr.run(task=lambda _task: None)) == {}
