"""From a journal's bytes to what they say, as far as they go; pure, and it never fails."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inventory.editing.delta import Delta, Splice
from runbooks.journal.recorded import (
    End,
    RecordedEdit,
    RecordedError,
    RecordedRouter,
    RecordedRun,
    RecordedStep,
)
from tasks.outcome import Edit, Op, Status, Where

_YEARS = range(1980, 9000)
"""A clock that says less has no battery; arithmetic near the ends of the calendar overflows."""

_NOTHING_CHANGED = ("locked:", "preflight:", "changed-meanwhile:")
"""With these a ``begin`` that failed says that it left the router alone."""


def parse(data: bytes, *, run: str, folder: Path, alive: bool) -> RecordedRun:
    """What ``data`` says; never fails.

    Args:
        data: a journal's bytes.
        run: the run's name.
        folder: where it is.
        alive: its writer lives.
    """
    found = RecordedRun(run, folder, End.RUNNING if alive else End.CUT_OFF, started=_named(run))
    routers: dict[str, RecordedRouter] = {}
    damaged = 0
    for line in _lines(data):
        if line is None:
            damaged += 1
            continue
        found = _of_run(found, line)
        _of_routers(routers, line)
    return replace(found, routers=routers, damaged=damaged)


def _lines(data: bytes) -> Iterator[Mapping[str, Any] | None]:
    """The journal's objects; None for a line that is none."""
    for line in data.split(b"\n"):
        text = line.strip(b"\0 \t\r")  # a power cut can leave zeros where a line was to be
        if not text and not line.strip():
            continue
        value = None
        with suppress(ValueError, RecursionError):
            value = json.loads(text)
        yield value if isinstance(value, dict) else None


def _of_run(run: RecordedRun, line: Mapping[str, Any]) -> RecordedRun:
    run = replace(run, seconds=max(run.seconds, _number(line.get("s"))))
    match line.get("event"):
        case "run":
            return replace(
                run,
                command=_text(line.get("command")),
                who=_text(line.get("who")),
                version=_text(line.get("version")),
                started=_time(line.get("started")) or run.started,
                inventory=_text(line.get("inventory")),
                selection={
                    key: _texts(value) for key, value in _mapping(line.get("selection")).items()
                },
                options=_mapping(line.get("options")),
            )
        case "inventory":
            was = run.edit.files if run.edit else ()
            files = tuple(_deltas(line.get("files"))) or was
            return replace(run, edit=RecordedEdit(_text(line.get("state")), files))
        case "end":
            end = End.INTERRUPTED if line.get("interrupted") is True else End.ENDED
            return replace(run, end=end, stopped=_text(line.get("stopped")))
    return run


def _of_routers(routers: dict[str, RecordedRouter], line: Mapping[str, Any]) -> None:
    event, name = line.get("event"), line.get("router")
    if event == "wave":
        number = line.get("number")
        for each in _texts(line.get("routers")):
            wave = number if isinstance(number, int) else None
            routers[each] = replace(routers.get(each) or RecordedRouter(each), wave=wave)
    if not isinstance(name, str) or event not in {"plan", "step", "outcome"}:
        return
    router = routers.get(name) or RecordedRouter(name)
    if event == "plan":
        router = replace(
            router,
            cluster=_text(line.get("cluster")) or None,
            backend=_text(line.get("backend")),
            changes=tuple(_edits(line.get("changes"))),
        )
    elif event == "step":
        router = _stepped(router, line)
    else:
        router = replace(router, status=_status(line), error=_error(line.get("error")))
    routers[name] = router


def _stepped(router: RecordedRouter, line: Mapping[str, Any]) -> RecordedRouter:
    """A router after one more step: some of them say how it was left."""
    step = RecordedStep(
        _time(line.get("t")),
        _number(line.get("s")),
        _text(line.get("step")),
        _text(line.get("state")),
        _text(line.get("detail")),
    )
    status = router.status
    match step.step, step.state:
        case "commit", "done":
            # A second one in the same run is the one that put the router back.
            again = any((s.step, s.state) == ("commit", "done") for s in router.steps)
            status = Status.REVERTED if again else Status.CHANGED
        case "revert", "done":
            status = Status.REVERTED
        case "begin", "failed" if step.detail.startswith(_NOTHING_CHANGED):
            status = Status.FAILED
        case _ if router.status is not Status.UNKNOWN:
            status = None
    return replace(router, steps=(*router.steps, step), status=status)


def _edits(value: object) -> Iterator[Edit]:
    for each in value if isinstance(value, list) else []:
        edit = _mapping(each)
        with suppress(ValueError):  # what a newer version does, perhaps
            yield Edit(
                Op(_text(edit.get("op"))),
                Where(_text(edit.get("where"))),
                _text(edit.get("rule")),
                _text(edit.get("service")) or None,
                _text(edit.get("scope")),
            )


def _deltas(value: object) -> Iterator[Delta]:
    for each in value if isinstance(value, list) else []:
        file = _mapping(each)
        with suppress(ValueError, TypeError):
            splices = tuple(
                Splice(int(at), str(old).encode("latin-1"), str(new).encode("latin-1"))
                for at, old, new in file.get("splices", ())
            )
            yield Delta(
                path=_text(file.get("path")),
                label=_text(file.get("label")),
                before=_text(file.get("before")),
                after=_text(file.get("after")),
                splices=splices,
            )


def _status(line: Mapping[str, Any]) -> Status:
    try:
        return Status(_text(line.get("status")))
    except ValueError:
        return Status.UNKNOWN


def _error(value: object) -> RecordedError | None:
    error = _mapping(value)
    if not error:
        return None
    return RecordedError(*(_text(error.get(key)) for key in ("kind", "message", "hint")))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _number(value: object) -> float:
    """Seconds; what is none, or more than a year, is 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value < 366 * 86400 else 0.0


def _time(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(_text(value))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC) if moment.year in _YEARS else None


def _named(run: str) -> datetime | None:
    """When a run started, as its name says."""
    try:
        return datetime.strptime(run.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
