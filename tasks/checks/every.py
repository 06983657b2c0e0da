"""Every check of one router, made on what was observed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from inventory.desired import Desired
from tasks.backends.protocol import Change
from tasks.checks import keepalived, kernel, rules, services, table, virtual_servers, ways_in
from tasks.checks.catalog import CATALOG
from tasks.checks.ours import leftovers, stale_lock
from tasks.checks.subject import Subject
from tasks.errors import NotUnderstood, RouterError
from tasks.inspection import Inspection
from tasks.outcome import Finding
from tasks.plan import plan

Check = Callable[[Subject], Iterable[Finding]]


def _planned(subject: Subject) -> Iterator[Finding]:
    """What the plan of a rollout saw, or why there is none."""
    if subject.change is not None:
        yield from subject.change.findings
    if subject.error is not None:
        yield CATALOG[subject.error.check].finding(subject.error.message, subject.error.hint)


CHECKS: tuple[Check, ...] = (
    _planned,
    rules.missing,
    rules.left_behind,
    rules.masked,
    services.units,
    services.two_filters,
    services.both_variants,
    ways_in.check,
    keepalived.daemon,
    keepalived.file,
    keepalived.vips,
    virtual_servers.check,
    table.check,
    kernel.forwarding,
    kernel.ipvs,
    kernel.ftp,
    kernel.others,
    lambda subject: leftovers(subject.observed),
    lambda subject: stale_lock(subject.observed),
)


def subject_of(desired: Desired, inspection: Inspection) -> Subject:
    """What the checks look at.

    Raises:
        NotUnderstood: an answer of the router makes no sense.
    """
    change: Change | None = None
    error: RouterError | None = None
    try:
        change = plan(desired, inspection.observed)
    except NotUnderstood:
        raise
    except RouterError as problem:
        error = problem
    return Subject(desired, inspection, change, error)


def findings_of(subject: Subject) -> tuple[Finding, ...]:
    """What all of them find, by id; each once."""
    found = (finding for check in CHECKS for finding in check(subject))
    return tuple(sorted(dict.fromkeys(found), key=lambda each: each.id))
