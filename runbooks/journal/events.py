"""The journal's lines, as values to write down: pure, one function for each event."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from inventory.editing.delta import Delta
from tasks.outcome import Edit, Outcome

FORMAT = 1

Option = str | int | float | bool | None

RECORDED = frozenset(
    {
        *("adopt", "ask_pass", "ask_sudo_pass", "batch", "break_lock", "confirm_timeout", "force"),
        *("how", "vip", "was"),
        *("commit", "new", "no_inventory", "no_keepalived", "old", "service", "wait"),
        *("max_failures", "now", "of", "on_failure", "pause", "settle", "timeout", "workers"),
    }
)
"""The options that are recorded; whatever else there is may be a secret."""


def line(event: str, words: Mapping[str, Any], *, at: datetime, since: float) -> bytes:
    """One line of the journal, ASCII only.

    Args:
        event: its name.
        words: what belongs to it.
        at: now.
        since: seconds since the run's start.
    """
    whole = {"t": rfc3339(at), "s": round(since, 3), "event": event, **words}
    return f"{json.dumps(whole)}\n".encode()


def selected(
    selection: Mapping[str, Sequence[str]], options: Mapping[str, Option]
) -> dict[str, Any]:
    """What a run was asked for, as far as it is harmless."""
    return {
        "selection": {key: list(values) for key, values in selection.items()},
        "options": {key: value for key, value in options.items() if key in RECORDED},
    }


def planned(
    router: str, changes: Sequence[Edit], backend: str, cluster: str | None
) -> dict[str, Any]:
    """What a router is going to be changed by."""
    edits = [
        {
            "op": edit.op.value,
            "where": edit.where.value,
            "rule": edit.rule,
            "service": edit.service,
            "scope": edit.scope,
        }
        for edit in changes
    ]
    return {"router": router, "cluster": cluster, "backend": backend, "changes": edits}


def edited(deltas: Sequence[Delta]) -> dict[str, Any]:
    """What is going to become of the inventory's files; bytes are written as Latin-1."""
    files = [
        {
            "path": each.path,
            "label": each.label,
            "before": each.before,
            "after": each.after,
            "splices": [
                [one.at, one.old.decode("latin-1"), one.new.decode("latin-1")]
                for one in each.splices
            ],
        }
        for each in deltas
    ]
    return {"state": "planned", "files": files}


def came_of(outcome: Outcome) -> dict[str, Any]:
    """What came of a router."""
    error = outcome.error
    said = error and {"kind": error.kind, "message": error.message, "hint": error.hint}
    return {
        "router": outcome.router,
        "status": outcome.status.value,
        "seconds": round(outcome.seconds, 3),
        "error": said,
    }


def rfc3339(moment: datetime) -> str:
    """``moment`` in UTC with milliseconds, e.g. ``2026-11-23T07:45:12.123Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
