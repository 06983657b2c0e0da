"""The diff: which rules come and go, in the packet filter's own language.

Routers with the same changes stand together, so that a change of a whole fleet is read once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from runbooks.reports.run import InventoryChange, Run
from runbooks.reports.text import PLAIN, Screen, visible, wrap
from tasks.outcome import Edit, Op, Status, Where

_WORDS = {
    Status.PLANNED: "would change",
    Status.CHANGED: "changed",
    Status.REVERTED: "tried, and taken back",
    Status.UNKNOWN: "tried, and not seen since",
    Status.FAILED: "wanted, not done",
    Status.SKIPPED: "wanted, held back",
}
_PLACES = {
    frozenset({Where.RUNTIME}): "runtime only",
    frozenset({Where.SAVED}): "saved only",
    frozenset(Where): "runtime and saved",
}
_JUMP = re.compile(r" -j LVSFLEET-\S+$")
_SHARED = re.compile(r"add (?:table|set|map|chain|rule) |/etc/|systemctl ")
"""What is there for any service: the frame of a table of nftables, and what loads it."""
_SIGNS = {Op.ADD: ("+", "green"), Op.REMOVE: ("-", "red")}


@dataclass(frozen=True, slots=True)
class _Line:
    """A rule that comes or goes, without where."""

    op: Op
    rule: str
    service: str | None


@dataclass(frozen=True, slots=True)
class _Hunk:
    """What comes and goes in one scope: rules in the same places, or the lines of a file."""

    scope: str
    places: frozenset[Where]
    lines: tuple[_Line, ...]
    unified: tuple[str, ...] = ()


def render_diff(run: Run, screen: Screen = PLAIN) -> str:
    """All changes of ``run``; empty where there are none."""
    groups: dict[object, tuple[str, str, tuple[_Hunk, ...], list[str]]] = {}
    for outcome in run.outcomes:
        if outcome.changes and outcome.status in _WORDS:
            word = _WORDS[outcome.status]
            hunks = _hunks(outcome.changes, outcome.diffs)
            # Routers list the same rules in any order.
            alike = tuple(replace(each, lines=tuple(sorted(each.lines, key=str))) for each in hunks)
            group = groups.setdefault(
                (outcome.backend, word, alike), (outcome.backend, word, hunks, [])
            )
            group[-1].append(outcome.router)
    blocks = [
        "\n".join([*_heading(routers, backend, word, screen), *_body(hunks, screen)])
        for backend, word, hunks, routers in groups.values()
    ]
    if run.inventory is not None and run.inventory.diff:
        blocks.append("\n".join(_inventory(run.inventory, screen)))
    return "".join(f"{block}\n\n" for block in blocks)


def _inventory(change: InventoryChange, screen: Screen) -> Iterable[str]:
    """What becomes of the inventory's files, as git shows it."""
    said = f"the inventory: {change.status.value}"
    if change.commit:
        said += f", committed as {change.commit}"
    yield screen.paint(said, "bold")
    yield from _unified(change.diff.splitlines(), screen)


def _unified(lines: Iterable[str], screen: Screen) -> Iterable[str]:
    for line in lines:
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        if line.startswith(("+++ ", "--- ", "diff ", "index ")):
            colour = "bold"
        yield (
            screen.paint(visible(line.expandtabs()), colour)
            if colour
            else visible(line.expandtabs())
        )


def diff_lines(changes: Iterable[Edit]) -> list[str]:
    """``changes`` as a diff of one line each: ``@@``, ``  #``, ``+`` or ``-`` first."""
    return list(_body(_hunks(changes), PLAIN))


_NO_DIFFS: Mapping[str, tuple[str, ...]] = {}


def _hunks(
    changes: Iterable[Edit], diffs: Mapping[str, tuple[str, ...]] = _NO_DIFFS
) -> tuple[_Hunk, ...]:
    """The changes by scope and place; scopes and rules in the order of the changes."""
    places: dict[str, dict[_Line, set[Where]]] = {}
    for edit in changes:
        places.setdefault(edit.scope, {}).setdefault(_line(edit), set()).add(edit.where)
    hunks: list[_Hunk] = []
    for scope, lines in places.items():
        by_place: dict[frozenset[Where], list[_Line]] = {}
        for line, where in lines.items():
            by_place.setdefault(frozenset(where), []).append(line)
        unified = diffs.get(scope, ())
        hunks += (_Hunk(scope, where, tuple(those), unified) for where, those in by_place.items())
    return tuple(hunks)


def _line(edit: Edit) -> _Line:
    return _Line(edit.op, edit.rule, edit.service)


def _heading(routers: Sequence[str], backend: str, word: str, screen: Screen) -> Iterable[str]:
    names = ", ".join(visible(name) for name in routers)
    number = f"{len(routers)} routers" if len(routers) > 1 else ""
    about = ", ".join(filter(None, (number, visible(backend), word)))
    return [screen.paint(line, "bold") for line in wrap(f"{names}: {about}", screen.width)]


def _body(hunks: Iterable[_Hunk], screen: Screen) -> Iterable[str]:
    for hunk in hunks:
        title = ", ".join(filter(None, (visible(hunk.scope), _PLACES[hunk.places])))
        yield screen.paint(f"@@ {title} @@", "cyan")
        if hunk.unified:
            yield from _unified(hunk.unified, screen)
            continue
        for comment, lines in _by_service(hunk.lines).items():
            yield screen.paint(f"  # {visible(comment)}", "dim")
            for line in lines:
                sign, colour = _SIGNS[line.op]
                yield screen.paint(f"{sign} {visible(line.rule)}", colour)


def _by_service(lines: Sequence[_Line]) -> dict[str, list[_Line]]:
    """The rules of one service together, in the order in which the services come up."""
    ops: dict[str, set[Op]] = {}
    for line in lines:
        ops.setdefault(line.rule, set()).add(line.op)
    services: dict[str, list[_Line]] = {}
    for line in lines:
        whose = line.service or _nobodys(line, moves=len(ops[line.rule]) > 1)
        services.setdefault(whose, []).append(line)
    return services


def _nobodys(line: _Line, *, moves: bool) -> str:
    """What a rule that no service has is there for."""
    if _JUMP.search(line.rule):
        return "the jump to lvsfleet's chain moves" if moves else "the jump to lvsfleet's chain"
    shared = line.op is Op.ADD or _SHARED.match(line.rule)
    return "for all services" if shared else "of no service in the inventory"
