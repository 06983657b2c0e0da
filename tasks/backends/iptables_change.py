"""iptables: the change that brings our chains, and lines of others, to where they should be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from inventory.desired import Backend
from inventory.rules import Rule
from tasks.backends.chains import ACCEPTS, PLACES, OwnChain, Place, read, restore_input, step
from tasks.backends.iptables_family import PROGRAMS, Family
from tasks.backends.iptables_file import edit
from tasks.backends.iptables_others import Moves, moved
from tasks.backends.iptables_save import Table, parse_dump, parse_rule
from tasks.backends.protocol import Change
from tasks.fingerprint import sum_of
from tasks.observe import Observed
from tasks.outcome import Edit, Finding, Op, Where

_SEEN = re.compile(r"^(:LVSFLEET-|-A (PREROUTING|INPUT|LVSFLEET-[A-Z]+) )")


Aim = Callable[[Family, Place, Where, Table], OwnChain]
"""How our chain should stand in a table, of one family, running or saved."""

MovesOf = Callable[[Family, Place, Where, Table], Moves]
"""Which lines of others go or come in that table."""


def _none(_family: Family, _place: Place, _where: Where, _table: Table) -> Moves:
    return Moves()


def change(
    observed: Observed,
    families: Iterable[Family],
    aim: Aim,
    *,
    moves: MovesOf = _none,
    service: Callable[[Rule], str | None],
    findings: Iterable[Finding] = (),
    saved: Mapping[str, str | None] | None = None,
) -> Change:
    """The change that brings our chains where ``aim`` says.

    Args:
        observed: what the router is.
        families: those to look after.
        aim: says where to.
        moves: says which lines of others go or come.
        service: whose rule a rule is, for the diff.
        findings: what else was seen.
        saved: by path, the bytes that a file gets instead of an edit; None takes it away.
    """
    edits: list[Edit] = []
    texts: dict[str, str] = {}
    files: list[str] = []
    for family in families:
        steps: list[tuple[Place, list[str]]] = []
        undo: list[tuple[Place, list[str]]] = []
        own_before: list[str] = []
        text = family.saved or ""
        stored = parse_dump(text)
        for place in PLACES:
            table = family.running.get(place.table, Table())
            now, then = read(place, table), aim(family, place, Where.RUNTIME, table)
            others = moves(family, place, Where.RUNTIME, table)
            steps.append((place, step(place, now, then, others)))
            undo.insert(0, (place, step(place, then, now, others.turned())))
            edits += _edits(service, family, place, Where.RUNTIME, now=now, then=then)
            edits += _others_edits(service, family, place, Where.RUNTIME, others)

            table = stored.get(place.table, Table())
            now, then = read(place, table), aim(family, place, Where.SAVED, table)
            own_before += (f"{place.table}\t{line}\n" for line in now.own_lines(place))
            others = moves(family, place, Where.SAVED, table)
            own_before += (f"{place.table}\t{each.line}\n" for each in others.go)
            if now != then:
                text = edit(text, place, then)
                edits += _edits(service, family, place, Where.SAVED, now=now, then=then)
            text = moved(text, place.table, others)
            edits += _others_edits(service, family, place, Where.SAVED, others)
        texts[f"do/v{family.version}"] = restore_input(steps)
        texts[f"undo/v{family.version}"] = restore_input(undo)
        new: str | None = text if text or family.saved else None
        new = (saved or {}).get(family.loader.path, new)
        if new != family.saved:
            name = "-" if new is None else f"v{family.version}"
            texts[f"save/v{family.version}"] = new or ""
            texts[f"undo/own.v{family.version}"] = "".join(own_before)
            files.append(f"{sum_of(family.saved)} {name} {family.loader.path}\n")
    edits.sort(key=lambda each: each.where is Where.SAVED)
    texts["seen"] = _seen(observed) + "\n"
    texts["save/files"] = "".join(files)
    return Change(
        backend=Backend.IPTABLES,
        edits=tuple(edits),
        findings=tuple(findings),
        files=texts,
        commands=tuple(_commands(texts, files)),
        lets_in=any(each.scope.endswith(f" {ACCEPTS.table}") for each in edits),
    )


def _edits(
    service: Callable[[Rule], str | None],
    family: Family,
    place: Place,
    where: Where,
    *,
    now: OwnChain,
    then: OwnChain,
) -> Iterator[Edit]:
    """The lines that come and go."""
    scope = f"{family.program} {place.table}"
    before = [*now.lines, *[place.hook] * len(now.hooks)]
    after = [*then.lines, *[place.hook] * len(then.hooks)]
    if now.hooks and then.hooks and now.hooks != then.hooks:
        yield Edit(Op.REMOVE, where, place.hook, None, scope)
        yield Edit(Op.ADD, where, place.hook, None, scope)
    for line in after:
        if line not in before:
            yield Edit(Op.ADD, where, line, _service(service, line), scope)
    for line in before:
        if line not in after:
            yield Edit(Op.REMOVE, where, line, _service(service, line), scope)


def _others_edits(
    service: Callable[[Rule], str | None], family: Family, place: Place, where: Where, moves: Moves
) -> Iterator[Edit]:
    """The lines of others that come and go."""
    scope = f"{family.program} {place.table}"
    for op, spots in ((Op.ADD, moves.come), (Op.REMOVE, moves.go)):
        for each in spots:
            whose = next(map(service, each.does), None) or _service(service, each.line)
            yield Edit(op, where, each.line, whose, scope)


def _service(service: Callable[[Rule], str | None], line: str) -> str | None:
    return next((service(rule) for rule in parse_rule(line) or ()), None)


def _seen(observed: Observed) -> str:
    """The fingerprint of what the plan builds upon; ``ipt_seen`` says the same on the router."""
    lines: list[str] = []
    for version in (4, 6):
        section = observed.sections.get(f"iptables:{version}")
        if section is not None:
            lines += (line for line in section.text.split("\n") if _SEEN.match(line))
    return sum_of("".join(line + "\n" for line in lines))


def _commands(texts: Mapping[str, str], saved_files: list[str]) -> Iterator[str]:
    for version, program in PROGRAMS.items():
        rules = texts.get(f"do/v{version}", "")
        if rules:
            yield f"{program}-restore --noflush <<'END'\n{rules}END"
    for line in saved_files:
        yield f"{line.split()[2]}: edited in place"
