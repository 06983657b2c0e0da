"""What came of one router: the value that every report is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from inventory.waiver import Waiver
from tasks.errors import RouterError


class Status(StrEnum):
    """How a rollout left one router."""

    UNCHANGED = "unchanged"  # was as wanted, nothing was sent
    CHANGED = "changed"  # is as wanted now, seen over a new connection, and saved
    PLANNED = "planned"  # a dry run: would change
    FAILED = "failed"  # nothing was changed, or that cannot be said: see the error
    REVERTED = "reverted"  # the change went wrong; seen to be as it was before
    UNKNOWN = "unknown"  # the change went wrong and the router could not be asked since
    SKIPPED = "skipped"  # never begun


THERE = frozenset({Status.CHANGED, Status.UNCHANGED})
"""How routers are left that have what was wanted."""


class Op(StrEnum):
    """What an edit does with its rule."""

    ADD = "add"
    REMOVE = "remove"


class Where(StrEnum):
    """What the router filters with now, and what it will load at the next boot."""

    RUNTIME = "runtime"
    SAVED = "saved"


class Severity(StrEnum):
    """How much a finding matters; only errors and warnings count as drift."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Edit:
    """One rule that comes or goes, in the packet filter's own words.

    Attributes:
        op: whether it comes or goes.
        where: in the runtime or in what is saved.
        rule: as the packet filter prints it, e.g. a rich rule or an ``-A`` line; one line.
        service: the service it is for, ``vrrp``, or None where it belongs to no service (any more).
        scope: what the rule stands in, e.g. ``zone public`` or ``iptables mangle``.
    """

    op: Op
    where: Where
    rule: str
    service: str | None = None
    scope: str = ""

    @property
    def place(self) -> str:
        """The zone of firewalld that it is in, or ``policy:NAME``; empty where it is in none.

        One word, as the router's own list and scripts have it.
        """
        kind, _, name = self.scope.partition(" ")
        return {"zone": name, "policy": f"policy:{name}"}.get(kind, "")

    @property
    def line(self) -> str:
        """All of it but the service, in one line."""
        return f"{self.op.value} {self.rule} ({self.scope}, {self.where.value})"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth an operator's attention.

    Attributes:
        id: stable, e.g. ``LVS004``.
        severity: how much it matters.
        message: what is so, with the router's own words.
        hint: what to do about it, with the command.
        service: the service that it is about; None is the whole router.
        diff: what a rollout would do about it.
        waiver: why it does not count; None where it does.
    """

    id: str
    severity: Severity
    message: str
    hint: str = ""
    service: str | None = None
    diff: tuple[Edit, ...] = ()
    waiver: Waiver | None = None

    @property
    def counts(self) -> bool:
        """Whether it is drift: an error or a warning that nobody has waived."""
        return self.waiver is None and self.severity is not Severity.INFO


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one router in one run.

    Attributes:
        router: its name in the inventory.
        status: how it was left.
        backend: the packet filter that was looked at; empty where it is not known.
        changes: what was (or, in a dry run, would be) changed, in the order it is done.
        findings: what else was seen.
        error: why it failed; None where it did not.
        seconds: from the first connection to the last answer.
        commands: what was (would be) sent, as one would type it; shown with ``-v``.
        diffs: by the scope of changes, the same as a unified diff of a file.
    """

    router: str
    status: Status
    backend: str = ""
    changes: tuple[Edit, ...] = ()
    findings: tuple[Finding, ...] = ()
    error: RouterError | None = field(default=None, compare=False)
    seconds: float = 0.0
    commands: tuple[str, ...] = ()
    diffs: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
