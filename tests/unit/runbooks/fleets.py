"""Fleets that are made up: values to look at, and an engine whose routers do as a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING, Any, cast

from inventory.desired import Backend, Desired, Service
from runbooks.engine import Fleet, Job
from runbooks.interrupt import Stop
from runbooks.journal import Journal
from runbooks.policy import Policy
from runbooks.progress import ProgressProcessor
from runbooks.rolling import Rolling
from tasks.backends.protocol import Change
from tasks.errors import RouterError, Unreachable
from tasks.look import Look, Options
from tasks.observe import UNITS, Observed, Unit
from tasks.outcome import Edit, Op, Outcome, Status, Where
from tasks.sections import Section
from tasks.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nornir.core import Nornir

RUN = "20261123T074512Z-fleet-4f2a"
BACK = "20261123T074555Z-fleet-5a1c"
VIPS: Mapping[str | None, str] = {
    "ams": "203.0.113.10",
    "fra": "198.51.100.10",
    "lon": "192.0.2.10",
}
EDIT = Edit(Op.ADD, Where.RUNTIME, "-A LVSFLEET-MARK", "web", "iptables mangle")


def vip(cluster: str | None) -> IPv4Address:
    return IPv4Address(VIPS[cluster])


def desired(router: str, cluster: str | None) -> Desired:
    services = (Service("web", (vip(cluster),), (), 80),) if cluster else ()
    return Desired(router, cluster=cluster, backend=Backend.IPTABLES, services=services)


def observed(*addresses: str, keepalived: bool = True) -> Observed:
    return Observed(
        units={name: Unit(active=keepalived and name == "keepalived") for name in UNITS},
        addresses=frozenset(ip_address(each) for each in addresses),
        leftovers=(),
        lock=None,
        sections={"units": Section("", 0), "addresses": Section("", 0)},
    )


def standing(*addresses: str, keepalived: bool = True) -> Standing:
    return Standing(frozenset(ip_address(each) for each in addresses), keepalived)


@dataclass
class Heard:
    """A display that remembers."""

    notes: list[str] = field(default_factory=list)
    finished: list[Outcome] = field(default_factory=list)

    def phase(self, router: str, phase: str) -> None:
        """Of no interest."""

    def done(self, outcome: Outcome) -> None:
        self.finished.append(outcome)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def close(self) -> None:
        """Nothing is left to do."""


@dataclass
class World:
    """Routers that are made up: six in three clusters, unless a test says otherwise.

    Attributes:
        clusters: each router's cluster.
        holders: who holds which cluster's VIP now.
        ends: how the change of a router ends; all others end well.
        unreachable: routers that do not answer.
        unchanged: routers that are as wanted.
        lets_in: the changes touch what is let in.
        log: what was asked of whom, in order; looks at roles are left out.
        when: called before each wave with its routers; a test changes the world there.
    """

    clusters: dict[str, str | None] = field(
        default_factory=lambda: {f"{c}{i}": c for c in ("ams", "fra", "lon") for i in (1, 2)}
    )
    holders: dict[str | None, tuple[str, ...]] = field(
        default_factory=lambda: {c: (f"{c}1",) for c in ("ams", "fra", "lon")}
    )
    ends: dict[str, Status] = field(default_factory=dict)
    unreachable: set[str] = field(default_factory=set)
    unchanged: set[str] = field(default_factory=set)
    lets_in: bool = False
    log: list[tuple[str, ...]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    when: Callable[[tuple[str, ...]], None] = lambda _: None
    heard: Heard = field(default_factory=Heard)
    stop: Stop = field(default_factory=Stop)

    def rolling(self, policy: Policy | None = None, jobs: Iterable[str] = ()) -> Rolling:
        """A change of all routers, or some, that has not begun."""
        wanted = {name: desired(name, cluster) for name, cluster in self.clusters.items()}
        fleet = MadeUp(self, wanted, policy or Policy())
        return Rolling(fleet, {n: Job(wanted[n], _unused) for n in tuple(jobs) or wanted})

    def see(self, router: str) -> Standing | None:
        self.asked.append(router)
        if router in self.unreachable:
            return None
        cluster = self.clusters[router]
        return standing(*([VIPS[cluster]] if router in self.holders.get(cluster, ()) else []))


class MadeUp(Fleet):
    """The engine on made-up routers."""

    def __init__(self, world: World, wanted: Mapping[str, Desired], policy: Policy) -> None:
        super().__init__(
            nornir=cast("Nornir", None),
            desired=wanted,
            policy=policy,
            options=Options(run=RUN),
            runner=cast("Any", None),
            processor=ProgressProcessor(world.heard),
            stop=world.stop,
            journal=lambda: journal(RUN, "rollout"),
            journal_back=lambda: journal(BACK, "rollback"),
        )
        self.world = world

    def look(self, jobs: Mapping[str, Job]) -> dict[str, Look | Outcome]:
        found: dict[str, Look | Outcome] = {}
        for name in jobs:
            seen = self.world.see(name)
            edits = () if name in self.world.unchanged else (EDIT,)
            change = Change(Backend.IPTABLES, edits, lets_in=self.world.lets_in)
            found[name] = (
                Look(name, observed(), change)
                if seen
                else Outcome(name, Status.FAILED, error=Unreachable("no answer"))
            )
        return found

    def bring(
        self, jobs: Mapping[str, Job], looks: Mapping[str, Look], options: Options
    ) -> dict[str, Outcome]:
        self.world.log.append(tuple(jobs))
        self.world.when(tuple(jobs))
        done = {}
        for name in jobs:
            options.recorder.note(name, "begin", "starts", options.run)
            status = self.world.ends.get(name, Status.CHANGED)
            if status is not Status.CHANGED:
                error = RouterError("it went wrong")
                done[name] = Outcome(name, status, error=error)
            else:
                done[name] = looks[name].outcome(status)
        return done

    def standings(self, routers: Iterable[str]) -> dict[str, Standing]:
        seen = {name: self.world.see(name) for name in routers}
        return {name: each for name, each in seen.items() if each is not None}


def journal(run: str, command: str) -> Journal:
    return Journal.create(
        run,
        command=command,
        inventory=None,
        selection={},
        options={"confirm_timeout": 60.0},
        started=datetime(2026, 11, 23, 7, 45, 12, tzinfo=UTC),
    )


def _unused(_observed: Observed) -> Change:
    raise AssertionError


@contextmanager
def a_clock(monkeypatch: Any) -> Iterator[list[float]]:
    """Time that passes only while somebody waits; what ``Stop.wait`` was asked for adds up."""
    now = [0.0]

    def wait(_stop: Stop, seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(Stop, "wait", wait)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    yield now
