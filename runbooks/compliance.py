"""The compliance run: routers asked, their clusters whole, and everything found and named."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from inventory.errors import LvsfleetError
from inventory.fleet import Fleet
from runbooks.asking import Asking
from runbooks.hints import of_inventory
from runbooks.loading import load, refuse_absent_lab
from runbooks.prompts import ask_passwords
from runbooks.reports.check import Checked, CheckRun, Compliance
from runbooks.reports.run import run_id
from runbooks.selection import select
from runbooks.unfinished import tell
from tasks.checks import cluster
from tasks.checks.catalog import CATALOG
from tasks.checks.waivers import waive
from tasks.compliance import Inspected, inspect_of
from tasks.errors import RouterError
from tasks.outcome import Finding
from tasks.retry import LATEST as PATIENCE

if TYPE_CHECKING:
    from nornir.core.task import Result, Task

_SETTLING = 3.0
"""Seconds after which a cluster that seems to have no MASTER, or two, is asked once more: a VIP
may just have been on its way."""

_OF_CLUSTERS = frozenset({"LVS040", "LVS041", "LVS043"})
"""The checks that need all routers of a cluster."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a compliance run was asked for.

    Attributes:
        checks: the ids of those to make.
        inventory: its folder; None is the repository's example.
        limit: as given with ``--limit``.
        filters: as given with ``--filter``.
        workers: routers at once; None is what the inventory's configuration says.
        timeout: seconds for one router.
        verbosity: 1 shows each router that is done.
        ask_pass: ask for the password to log in with.
        ask_sudo_pass: ask for the password for sudo.
    """

    checks: frozenset[str]
    inventory: Path | None = None
    limit: Sequence[str] = ()
    filters: Sequence[str] = ()
    workers: int | None = None
    timeout: float = 120.0
    verbosity: int = 0
    ask_pass: bool = False
    ask_sudo_pass: bool = False


def compliance(request: Request, *, today: date | None = None) -> CheckRun:
    """Do it.

    Args:
        request: what is asked for.
        today: the day that waivers are judged by.

    Raises:
        LvsfleetError: the inventory is refused or nothing is selected; nothing was contacted.
    """
    nr, fleet = load(request.inventory)
    selected = select(nr.inventory.hosts, request.limit, request.filters)
    tell(request.inventory)
    refuse_absent_lab(request.inventory)
    _refuse_unknown_waivers(fleet)
    ask_passwords(login=request.ask_pass, sudo=request.ask_sudo_pass)
    started, begun = datetime.now(UTC), time.monotonic()
    asking = Asking(nr, request.workers, request.timeout, request.verbosity)
    whole = request.checks & _OF_CLUSTERS
    clusters = _clusters(fleet, selected) if whole else {}
    asked = dict.fromkeys((*selected, *(name for group in clusters.values() for name in group)))

    def ask(routers: Collection[str]) -> dict[str, Inspected]:
        def do(task: Task) -> Result:
            desired = fleet.desired[task.host.name]
            patience = min(request.timeout, PATIENCE)
            return inspect_of(task, desired=desired, deadline=request.timeout, patience=patience)

        answers, failed = asking(routers, do, Inspected)
        return answers | {name: Inspected(name, error=error) for name, error in failed.items()}

    seen = ask(asked)
    shared = {name: _of_cluster(name, group, seen, selected) for name, group in clusters.items()}
    odd = [name for name, found in shared.items() if any(f.id == "LVS040" for _, f in found)]
    if odd:
        asking.pause(_SETTLING)
    if odd and not asking.stop.gently:
        again = [name for each in odd for name in clusters[each] if seen[name].error is None]
        seen |= ask(again)
        shared |= {name: _of_cluster(name, clusters[name], seen, selected) for name in odd}
    told: dict[str, list[Finding]] = {name: [] for name in selected}
    for found in shared.values():
        for router, finding in found:
            told[router].append(finding)
    day = today or datetime.now().astimezone().date()
    return CheckRun(
        id=run_id(started, (fleet.desired[name].cluster for name in selected)),
        started=started,
        seconds=time.monotonic() - begun,
        routers=tuple(_checked(seen[name], told[name], fleet, request, day) for name in selected),
        checks=tuple(each for each in CATALOG.values() if each.id in request.checks),
        skipped=tuple(each for each in CATALOG.values() if each.id not in request.checks),
        interrupted=asking.stop.gently,
    )


def _refuse_unknown_waivers(fleet: Fleet) -> None:
    """Stop at a waiver for a check that there is none of: it would waive nothing.

    Raises:
        LvsfleetError: there is one.
    """
    for name, desired in fleet.desired.items():
        for waiver in desired.waivers:
            if waiver.id not in CATALOG:
                raise LvsfleetError(
                    f"{name}: waivers: there is no check {waiver.id}",
                    "`lvsfleet explain` lists them",
                )


def _clusters(fleet: Fleet, selected: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The clusters of the selected routers, each with all of its routers."""
    touched = {fleet.desired[name].cluster for name in selected}
    return {name: group for name, group in fleet.clusters.items() if name in touched}


def _of_cluster(
    name: str, group: Sequence[str], seen: Mapping[str, Inspected], selected: Collection[str]
) -> list[tuple[str, Finding]]:
    """What a cluster's routers show together."""
    members = {each: subject for each in group if (subject := seen[each].subject) is not None}
    silent = tuple(each for each in group if each not in members)
    return list(cluster.check(cluster.Cluster(name, members, silent, frozenset(selected))))


def _checked(
    seen: Inspected,
    shared: Sequence[Finding],
    fleet: Fleet,
    request: Request,
    today: date,
) -> Checked:
    desired = fleet.desired[seen.router]
    checked = Checked(
        router=seen.router,
        cluster=desired.cluster,
        backend="",
        status=Compliance.UNREACHABLE,
        error=seen.error or RouterError("it was not asked"),
        seconds=seen.seconds,
    )
    if seen.subject is None or seen.error is not None:
        return checked
    both = sorted((*seen.findings, *shared), key=lambda each: each.id)
    waived = waive(both, desired.waivers, today=today)
    asked_for = (each for each in waived if each.id in request.checks)
    findings = tuple(of_inventory(asked_for, request.inventory))
    backend = seen.subject.backend.value
    return replace(
        checked,
        backend="" if backend == "auto" else backend,
        status=Compliance.DRIFT if any(f.counts for f in findings) else Compliance.COMPLIANT,
        findings=findings,
        error=None,
    )
