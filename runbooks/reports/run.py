"""What a report is made from: one run and what came of each router."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from tasks.outcome import Op, Outcome, Status, Where

WHOLE_FLEET = "fleet"


class Said(StrEnum):
    """What became of the inventory's files."""

    PLANNED = "would change"
    WRITTEN = "changed"
    UNWRITTEN = "wanted, not written"
    LEFT = "left as it is, and does not say so"
    AGREES = "left as it is, and says so"


@dataclass(frozen=True, slots=True)
class InventoryChange:
    """What a run makes of the inventory's files.

    Attributes:
        files: their names; none where it is left to others.
        diff: the change, as git shows it.
        status: what became of it.
        commit: git's name for it, abbreviated; empty where it is not committed.
    """

    files: tuple[str, ...]
    diff: str
    status: Said = Said.PLANNED
    commit: str = ""


@dataclass(frozen=True, slots=True)
class LiveCount:
    """How many connections to a VIP live.

    Attributes:
        vip: which.
        router: who holds it, and was asked; empty where nobody said so.
        connections: how many; None where that router cannot tell.
        table: where they were counted, ``ipvs`` or ``conntrack``; empty where nothing tells.
    """

    vip: str
    router: str = ""
    connections: int | None = None
    table: str = ""

    def __str__(self) -> str:
        if not self.router:
            return f"{self.vip}: no router that answers holds it, so none tells what lives"
        if self.connections is None:
            return f"{self.vip}: {self.router} has neither IPVS nor a list of conntrack's to count"
        s = "" if self.connections == 1 else "s"
        return f"{self.vip}: {self.connections} live connection{s} on {self.router} ({self.table})"


@dataclass(frozen=True, slots=True)
class Run:
    """One run over the fleet.

    Attributes:
        id: names the run everywhere: in reports, in locks, in the snapshots on the routers.
        started: when, in UTC.
        seconds: how long it took in all.
        outcomes: one for each selected router, in the inventory's order.
        clusters: each router's cluster, where it has one.
        dry_run: nothing was to be changed.
        interrupted: somebody asked it to stop.
        waves: the routers in the order in which they were, or would be, changed.
        stopped: why it went no further, or what is wrong at its end; empty where all went on.
        command: what was asked for: rollout, rollback, resume.
        of: the earlier run that it is about.
        journal: the folder of its journal; None where nothing was to be recorded.
        unrecorded: why the journal is not whole; empty where it is.
        inventory: what becomes of the inventory; None where the run leaves it alone.
        live: of a VIP that drains, the last count of its connections; None where none was asked.
    """

    id: str
    started: datetime
    seconds: float
    outcomes: tuple[Outcome, ...]
    clusters: Mapping[str, str | None] = field(default_factory=dict)
    dry_run: bool = False
    interrupted: bool = False
    waves: tuple[tuple[str, ...], ...] = ()
    stopped: str = ""
    command: str = "rollout"
    of: str = ""
    journal: Path | None = None
    unrecorded: str = ""
    inventory: InventoryChange | None = None
    live: LiveCount | None = None

    @property
    def summary(self) -> dict[Status, int]:
        """How many routers were left how; only what occurs, in the order of `Status`."""
        count = Counter(each.status for each in self.outcomes)
        return {status: count[status] for status in Status if count[status]}


def run_id(started: datetime, clusters: Iterable[str | None]) -> str:
    """A new id, e.g. ``20261123T074512Z-ams-4f2a``: when, which cluster, and chance.

    A run over several clusters, or none, says ``fleet``. The id is a directory name on the
    routers: lower-case letters, digits and dashes after the time.
    """
    names = set(clusters)
    name = names.pop() if len(names) == 1 else None
    slug = re.sub(r"[^a-z0-9]+", "-", (name or WHOLE_FLEET).lower())[:20].strip("-")
    when = started.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{when}-{slug or WHOLE_FLEET}-{secrets.token_hex(2)}"


def edit_counts(outcome: Outcome) -> tuple[int, int]:
    """How many rules come and how many go; one that is both runtime and saved counts once."""
    seen: dict[tuple[Op, str, str], set[Where]] = {}
    for edit in outcome.changes:
        seen.setdefault((edit.op, edit.scope, edit.rule), set()).add(edit.where)
    ops = Counter(op for op, _, _ in seen)
    return ops[Op.ADD], ops[Op.REMOVE]
