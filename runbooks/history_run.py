"""One run of the history, for people: its plan, each step with its time, and what is unfinished."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from runbooks.history import END_COLOURS, age, asked, inventory_left, result
from runbooks.journal import End, RecordedRouter, RecordedRun, RecordedStep
from runbooks.reports.diff import render_diff
from runbooks.reports.run import Run
from runbooks.reports.table import STATUS_COLOURS
from runbooks.reports.text import PLAIN, Screen, visible, wrap
from tasks.outcome import Outcome, Status

_ON_THE_ROUTER = "/var/lib/lvsfleet/runs"


def render_run(run: RecordedRun, *, now: datetime, screen: Screen = PLAIN) -> str:
    """Everything that people want to know of a run.

    Args:
        run: what its journal says.
        now: the time and the time zone to show times in.
        screen: what the text is for.
    """
    blocks = [_head(run, now, screen)]
    diff = render_diff(_as_report(run, now), screen).rstrip("\n")
    if diff:
        blocks.append([diff])
    steps = [line for each in run.routers.values() for line in _router(run, each, now, screen)]
    blocks.append(steps)
    if run.ended_later and run.open:
        blocks.append(["Another run, or the routers by themselves, brought it to its end."])
    elif run.end is not End.RUNNING:
        blocks += [_unfinished(run, each, now, screen) for each in run.open]
        blocks.append(wrap(inventory_left(run), screen.width) if inventory_left(run) else [])
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _as_report(run: RecordedRun, now: datetime) -> Run:
    """The run as a report of now has it."""
    outcomes = (
        Outcome(each.name, _shown(run, each), each.backend, each.changes)
        for each in run.routers.values()
    )
    return Run(run.id, run.started or now, run.seconds, tuple(outcomes))


def _shown(run: RecordedRun, router: RecordedRouter) -> Status:
    """How a router's changes are headed in the diff."""
    if router.status in {None, Status.SKIPPED} and not router.begun:
        return Status.PLANNED if run.end is End.RUNNING else Status.FAILED
    return router.status or (Status.PLANNED if run.end is End.RUNNING else Status.UNKNOWN)


_DRAINED = frozenset({"service", "vip", "how"})
_TOLD = {"vip": frozenset({"service", "old", "new"}), "drain": _DRAINED, "undrain": _DRAINED}
"""The options that a command's words say."""


def _head(run: RecordedRun, now: datetime, screen: Screen) -> list[str]:
    words = [asked(run) or "?"]
    words += [f"--{key} {value}" for key, values in run.selection.items() for value in values]
    told = _TOLD.get(run.command, frozenset())
    options = ", ".join(f"{k} {_said(value)}" for k, value in run.options.items() if k not in told)
    facts = {
        "run": run.id,
        "command": " ".join(words),
        "options": options,
        "inventory": run.inventory or (run.command and "the example of the repository"),
        "by": ", ".join(filter(None, [run.who, run.version and f"lvsfleet {run.version}"])),
        "started": _when(run.started, now),
        "end": f"{run.end.value} after {run.seconds:.1f} s",
        "stopped": run.stopped,
        "result": result(run),
        "edited": _edited(run),
        "damaged": f"lines that cannot be read: {run.damaged}" if run.damaged else "",
        "journal": str(run.folder),
    }
    width = max(map(len, facts))
    colours = {"end": END_COLOURS[run.end], "stopped": "yellow", "damaged": "yellow"}
    return [
        f"{key.ljust(width)}  {screen.paint(visible(value), colours.get(key, ''))}"
        for key, value in facts.items()
        if value
    ]


_EDITED = {"planned": "not written", "starts": "perhaps written", "done": "written"}


def _edited(run: RecordedRun) -> str:
    """The inventory's files that it changes, and how far that is."""
    if run.edit is None or not run.edit.files:
        return ""
    state = _EDITED.get(run.edit.state, run.edit.state)
    return f"{', '.join(file.label for file in run.edit.files)} ({state})"


def _said(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case str() | int():
            return str(value)
    return "?"


def _when(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "nobody knows when"
    local = moment.astimezone(now.tzinfo).strftime("%Y-%m-%d %H:%M:%S %z")
    ago = age(moment, now)
    return f"{local} ({ago} ago)" if ago[:1].isdigit() else f"{local} ({ago})"


def _router(
    run: RecordedRun, router: RecordedRouter, now: datetime, screen: Screen
) -> Iterator[str]:
    wave = f", wave {router.wave}" if router.wave is not None else ""
    word, colour = _state(run, router)
    yield f"{screen.paint(visible(router.name), 'bold')}{wave}: {screen.paint(word, colour)}"
    starts: dict[str, RecordedStep] = {}
    width = max((len(step.step) for step in router.steps), default=0)
    for step in router.steps:
        if step.state == "starts":
            starts[step.step] = step
        else:
            yield _line(starts.pop(step.step, step), step, now, width)
    for step in starts.values():
        yield _line(step, None, now, width)
    if router.error is not None:
        words = f"{router.error.kind}: {router.error.message}. {router.error.hint}".rstrip(". ")
        for line in words.split("\n"):
            yield from wrap(visible(line.rstrip("\r")), screen.width, "    ")


def _state(run: RecordedRun, router: RecordedRouter) -> tuple[str, str]:
    if router.status is not None:
        return router.status.value, STATUS_COLOURS[router.status]
    if run.end is End.RUNNING:
        return ("at work", "cyan") if router.begun else ("to come", "dim")
    if run.ended_later and router.begun:
        return "ended later", "yellow"
    return ("unfinished", "bold red") if router.begun else ("never begun", "dim")


def _line(start: RecordedStep, end: RecordedStep | None, now: datetime, width: int) -> str:
    clock = _clock(start.at, now) if start.at else "--:--:--"
    if end is None:
        said = "begun, and nothing after it"
    else:
        said = f"{visible(end.state):6}  {max(0.0, end.since - start.since):5.1f} s"
        if end.detail:
            first, _, more = end.detail.partition("\n")
            said += f"  {visible(first.rstrip())}{' …' if more else ''}"
    return f"  {clock}  {visible(start.step).ljust(max(width, 6))}  {said}".rstrip()


def _clock(moment: datetime, now: datetime) -> str:
    return moment.astimezone(now.tzinfo).strftime("%H:%M:%S")


def _unfinished(
    run: RecordedRun, router: RecordedRouter, now: datetime, screen: Screen
) -> list[str]:
    name = visible(router.name)
    first, *_ = wrap(f"{name}: {by_itself(run, router, now)}", None)
    begin = router.last_begin
    on_router = visible(begin.detail) if begin is not None and begin.detail else run.id
    way_out = f"`lvsfleet resume {run.id}` goes on, `lvsfleet rollback {run.id}` takes it back."
    hint = (
        way_out
        if run.edit is not None
        else (
            f"`lvsfleet rollout --dry-run --limit {name}` shows what it is now. On the router,"
            f" {_ON_THE_ROUTER}/{on_router} has a file named done (saved) or reverted (taken back)."
        )
    )
    lines = [screen.paint(line, "red") for line in wrap(first, screen.width)]
    return [*lines, *wrap(hint, screen.width, "    ")]


def by_itself(run: RecordedRun, router: RecordedRouter, now: datetime) -> str:
    """What a router that was begun and has no end will have done without being asked."""
    until = run.taken_back_by(router)
    seconds = run.options.get("confirm_timeout")
    late = until is None or until <= now
    when = f" by about {_clock(until, now)}" if until is not None else ""
    after = f", {seconds:g} s after it began" if until and isinstance(seconds, int | float) else ""
    taken = "should have taken it back" if late else "takes it back"
    last = router.steps[-1]
    match last.step, last.state:
        case "commit", "starts":
            return (
                "it was just being saved. Either it is saved wholly, or the router"
                f" {taken} by itself{when}{after}."
            )
        case ("commit", "failed") | ("revert", _):
            return f"it was just being taken back. The router {taken} by itself{when}{after}."
        case "begin", "starts":
            return (
                "whether its change began is not known. If it did, the router"
                f" {taken} by itself{when}{after}, or at a reboot."
            )
    return (
        f"its change was not confirmed. The router {taken} by itself{when}{after}, or at a reboot."
    )
