"""The history for machines: one JSON object, ``lvsfleet.history/1``."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from runbooks.history import Listing
from runbooks.journal import RecordedRouter, RecordedRun
from runbooks.journal.events import rfc3339
from tasks.outcome import Edit

SCHEMA = "lvsfleet.history/1"


def render_json(listing: Listing, *, routers: bool) -> str:
    """One object, ASCII only.

    Args:
        listing: the runs.
        routers: with everything about each router.
    """
    report = {
        "schema": SCHEMA,
        "journal": str(listing.folder),
        "runs": [_run(run, routers=routers) for run in listing.runs],
    }
    return json.dumps(_encodable(report), indent=2) + "\n"


def _run(run: RecordedRun, *, routers: bool) -> dict[str, Any]:
    said = {
        "run": run.id,
        "command": run.command,
        "who": run.who,
        "version": run.version,
        "started": _moment(run.started),
        "seconds": run.seconds,
        "end": run.end.value,
        "stopped": run.stopped,
        "inventory": run.inventory or None,
        "selection": {key: list(values) for key, values in run.selection.items()},
        "options": dict(run.options),
        "inventory_change": run.edit and run.edit.state,
        "planned": len(run.routers),
        "begun": sum(each.begun for each in run.routers.values()),
        "summary": {status.value: count for status, count in run.summary.items()},
        "unfinished": [each.name for each in run.open],
        "damaged": run.damaged,
        "folder": str(run.folder),
    }
    if routers:
        said["routers"] = {name: _router(run, each) for name, each in run.routers.items()}
    return said


def _router(run: RecordedRun, router: RecordedRouter) -> dict[str, Any]:
    error = router.error
    return {
        "status": None if router.status is None else router.status.value,
        "cluster": router.cluster,
        "backend": router.backend or None,
        "wave": router.wave,
        "unfinished": router.open,
        "taken_back_by": _moment(run.taken_back_by(router)) if router.open else None,
        "changes": [_edit(each) for each in router.changes],
        "steps": [
            {
                "at": _moment(step.at),
                "since": step.since,
                "step": step.step,
                "state": step.state,
                "detail": step.detail,
            }
            for step in router.steps
        ],
        "error": error and {"kind": error.kind, "message": error.message, "hint": error.hint},
    }


def _edit(edit: Edit) -> dict[str, Any]:
    return {
        "op": edit.op.value,
        "where": edit.where.value,
        "rule": edit.rule,
        "service": edit.service,
        "scope": edit.scope,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _encodable(value: Any) -> Any:
    r"""Bytes that were no UTF-8 are spelt ``\xNN``: a lone surrogate is not valid in JSON."""
    match value:
        case str():
            data = value.encode("utf-8", "surrogateescape" if _escaped(value) else "replace")
            return data.decode("utf-8", "backslashreplace")
        case list():
            return [_encodable(each) for each in value]
        case dict():
            return {_encodable(key): _encodable(each) for key, each in value.items()}
    return value


def _escaped(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        return False
    return True
