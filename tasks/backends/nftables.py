"""nftables: the change from what our table is, running and saved, to what is desired.

The table always does all that is desired, also what a rule of somebody else's does too: what that
one does after a reboot stands in files that only nft can read.
"""

from __future__ import annotations

import hashlib
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from inventory.desired import Backend, Desired, Foreign
from inventory.rules import AcceptProtocol, Rule, Ruleset
from tasks.backends import nft_unit
from tasks.backends.foreign import CANNOT_REMOVE, REFUSES, refuse_foreign
from tasks.backends.nft_foreign import foreign_marks
from tasks.backends.nft_json import Chain, chains_of_others, parse_own
from tasks.backends.nft_reach import Obstacle, obstacles
from tasks.backends.nft_table import CLEARED, FRAME, TABLE, OwnTable, element_line, parse_text, step
from tasks.backends.protocol import (
    Change,
    Covered,
    accepts_of,
    marks_of,
    no_service_has,
    refuse_conflicts,
)
from tasks.backends.variants import others_tables
from tasks.checks.catalog.rules import LVS015
from tasks.checks.catalog.ways_in import LVS014
from tasks.errors import NotReady, TurnedAway
from tasks.observe import Observed
from tasks.outcome import Edit, Finding, Op, Where

OWN, OTHERS = "nftables:own", "nftables:others"
"""The sections with our table, and with all tables without the elements of their sets."""


@dataclass(frozen=True, slots=True)
class State:
    """All of ours on one router.

    Attributes:
        running: our table in the kernel.
        saved: the text of its file; None where there is none.
        units: the texts of what loads it, by path; None where there is none.
        enabled: the unit among them is started at boot.
    """

    running: OwnTable = field(default_factory=OwnTable)
    saved: str | None = None
    units: Mapping[str, str | None] = field(default_factory=lambda: dict.fromkeys(nft_unit.TEXTS))
    enabled: bool = False

    @classmethod
    def doing(cls, rules: Ruleset) -> State:
        """How all should be for ``rules``; nothing of it where there are none."""
        if not rules:
            return cls()
        table = OwnTable.doing(rules)
        return cls(table, table.text, nft_unit.TEXTS, enabled=True)


def plan(desired: Desired, observed: Observed) -> Change:
    """See `tasks.backends.protocol.PacketFilter.plan`."""
    tables = others(observed).values()
    if desired.foreign is not Foreign.KEEP:
        _refuse_unlike(desired, tables)
    findings = [*_marks_of_others(desired.ruleset, tables), *_ways_in(desired.ruleset, tables)]
    findings += others_tables(observed, Backend.NFTABLES)
    then = State.doing(desired.ruleset)
    return change(observed, then, service=desired.service_of, findings=findings)


def others(observed: Observed) -> dict[tuple[str, str], dict[str, Chain]]:
    """The chains of all tables but ours.

    Raises:
        NotReady: nft does not tell.
        NotUnderstood: its answer makes no sense.
    """
    text = observed.text(OTHERS)
    if text is None:
        said = observed.sections.get(OTHERS)
        raise NotReady(
            f"nft does not list its tables (exit status {said.status if said else 'unknown'})",
            "Install nftables 0.9.4 or newer, and look at: nft --json list ruleset",
        )
    return chains_of_others(text)


def state_of(observed: Observed) -> State:
    """All of ours as it is.

    Raises:
        NotUnderstood: nft's answer makes no sense.
    """
    own = observed.text(OWN)
    return State(
        running=parse_own(own) if own else OwnTable(),
        saved=observed.text(f"file:{nft_unit.FILE}"),
        units={path: observed.text(f"file:{path}") for path in nft_unit.TEXTS},
        enabled=observed.units[nft_unit.NAME].enabled,
    )


def change(
    observed: Observed,
    then: State,
    *,
    service: Callable[[Rule], str | None],
    findings: Iterable[Finding] = (),
) -> Change:
    """The change that brings all of ours to ``then``.

    Args:
        observed: what the router is.
        then: how it is to be.
        service: whose rule a rule is, for the diff.
        findings: what else was seen.
    """
    now = state_of(observed)
    stored = parse_text(now.saved) if now.saved is not None else OwnTable()
    to_store = parse_text(then.saved) if then.saved is not None else OwnTable()
    edits = [
        *_edits(Where.RUNTIME, now.running, then.running, service),
        *_edits(Where.SAVED, stored, to_store, service),
        *_unit_edits(now, then),
    ]
    return Change(
        backend=Backend.NFTABLES,
        edits=tuple(edits),
        findings=tuple(findings),
        files=_files(observed, now, then),
        commands=tuple(_commands(now, then)),
        lets_in=any(" accept" in each.rule or " protocols " in each.rule for each in edits),
    )


def _edits(
    where: Where, now: OwnTable, then: OwnTable, service: Callable[[Rule], str | None]
) -> Iterator[Edit]:
    """What comes, then what goes; the frame only where it comes, goes or is not as it should be."""
    rules = {element_line(rule): rule for rule in (*now.rules, *then.rules)}
    before, after = Counter(now.lines), Counter(then.lines)
    for op, lines in ((Op.ADD, after - before), (Op.REMOVE, before - after)):
        for line in lines.elements():
            owner = service(rules[line]) if line in rules else None
            yield Edit(op, where, line, owner, TABLE)


def _unit_edits(now: State, then: State) -> Iterator[Edit]:
    """The unit that loads the table at boot, as part of what is saved."""
    for path in nft_unit.TEXTS:
        if now.units[path] != then.units[path]:
            op = Op.REMOVE if then.units[path] is None else Op.ADD
            yield Edit(op, Where.SAVED, path, None, "systemd")
    if now.enabled != then.enabled:
        op = Op.ADD if then.enabled else Op.REMOVE
        yield Edit(op, Where.SAVED, nft_unit.ENABLE, None, "systemd")


def _files(observed: Observed, now: State, then: State) -> dict[str, str]:
    """What the remote scripts work by; see ``begin.sh`` and ``nftables-change.sh``."""
    pairs = [
        ("table", nft_unit.FILE, now.saved, then.saved),
        ("unit", nft_unit.UNIT, now.units[nft_unit.UNIT], then.units[nft_unit.UNIT]),
        ("drop-in", nft_unit.DROP_IN, now.units[nft_unit.DROP_IN], then.units[nft_unit.DROP_IN]),
    ]
    listed = [
        f"{_sum(was)} {'-' if new is None else name} {path}\n"
        for name, path, was, new in pairs
        if was != new
    ]
    do = step(now.running, then.running)
    files = {
        "seen": f"{_seen(observed)}\n",
        "do/table": do,
        # What replaces all is taken back by what the router kept of it.
        "undo/table": "" if do.startswith(CLEARED) else step(then.running, now.running),
        "save/files": "".join(listed),
    }
    if (now.units, now.enabled) != (then.units, then.enabled):
        for folder, state in (("save", then), ("undo", now)):
            files[f"{folder}/enabled"] = "yes\n" if state.enabled else "no\n"
    return files | {
        f"save/{name}": new for name, _, was, new in pairs if was != new and new is not None
    }


def _seen(observed: Observed) -> str:
    """The fingerprint of what the plan builds upon; ``nft_seen`` says the same on the router.

    The numbers that the kernel gives to things stay out, since a table that is put back has others.
    """
    own = observed.sections.get(OWN)
    pieces = (own.text if own else "").replace(",", "\n").encode("utf-8", "surrogateescape")
    lines = pieces.removesuffix(b"\n").split(b"\n") if pieces else []
    kept = sorted(line for line in lines if b'"handle"' not in line)
    return hashlib.sha256(b"".join(line + b"\n" for line in kept)).hexdigest()


def _sum(text: str | None) -> str:
    if text is None:
        return "-"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _marks_of_others(wanted: Ruleset, tables: Iterable[Mapping[str, Chain]]) -> Iterator[Finding]:
    """Marks that nobody explains, and those that may have the last word.

    Raises:
        Conflict: somebody's rule gives a packet of ours another mark.
    """
    known = Covered(marks_of(wanted))
    for each in foreign_marks(tables):
        where = f"nftables' {each.chain}"
        refuse_conflicts(wanted, ((each.words(mark), mark) for mark in each.marks), where=where)
        place = f"{each.chain.family} {each.chain.table} {each.chain.name}"
        delete = f"nft --handle list chain {place} says by what handle"
        for mark in each.marks:
            if mark not in known:
                yield no_service_has(each.words(mark), where, delete)
        if not each.marks and each.behind and wanted:
            yield LVS015.finding(
                f"{where} has a rule that sets marks after lvsfleet's table does, and it is not"
                " clear of which packets",
                f"See that it leaves those of the services alone: nft list chain {place}",
            )


def _refuse_unlike(desired: Desired, tables: Iterable[Mapping[str, Chain]]) -> None:
    """Stop at mark rules of others that do not only what is wanted.

    Raises:
        Conflict: there are any.
    """
    known = Covered(marks_of(desired.ruleset))
    found: list[tuple[str, str]] = []
    for each in foreign_marks(tables):
        where = f"nftables' {each.chain}"
        found += ((where, each.words(mark)) for mark in each.marks if mark not in known)
        if not each.marks:
            found.append((where, "a rule that sets the mark, not of the plain kind"))
    refuse_foreign(found, REFUSES if desired.foreign is Foreign.REFUSE else CANNOT_REMOVE)


def _ways_in(wanted: Ruleset, tables: Iterable[Mapping[str, Chain]]) -> Iterator[Finding]:
    """Chains of others that may turn away what is to be let in.

    Raises:
        NotReady: one surely does; no accept of ours could help.
    """
    for each in obstacles(tables, accepts_of(wanted), wanted.marks):
        if each.surely:
            raise TurnedAway(_blocked(each, "turns away"), _way_out(each))
        yield LVS014.finding(_blocked(each, "may turn away"), _way_out(each))


def _blocked(obstacle: Obstacle, verb: str) -> str:
    rule, chain = obstacle.rule, obstacle.chain
    what = rule.protocol.value.upper()
    if not isinstance(rule, AcceptProtocol):
        what = f"{rule.vip} port {rule.ports}/{rule.protocol.value}"
    return (
        f"nftables' {chain} (policy {chain.policy}) {verb} {what}, which the inventory says to let"
        " in; no other table can overrule that"
    )


def _way_out(obstacle: Obstacle) -> str:
    rule, chain = obstacle.rule, obstacle.chain
    place = f"{chain.family} {chain.table} {chain.name}"
    if isinstance(rule, AcceptProtocol):
        number = {"vrrp": 112, "ah": 51}[rule.protocol.value]
        let_in, key = f"meta l4proto {number} accept", "vrrp: {accept: false}"
    else:
        let_in, key = "meta mark != 0 accept", "accept: false for the service"
    return (
        f"Let it in there, and in the file that loads it: nft insert rule {place} {let_in}; or say"
        f" {key}, which leaves it to the site"
    )


def _commands(now: State, then: State) -> Iterator[str]:
    if now.running != then.running:
        yield f"nft -f - <<'END'\n{step(now.running, then.running)}END"
    if now.saved != then.saved:
        yield f"{nft_unit.FILE}: {'removed' if then.saved is None else 'the same'}"
    for path, text in then.units.items():
        if now.units[path] != text:
            yield f"{path}: {'removed' if text is None else 'written'}"
    if now.enabled != then.enabled:
        yield nft_unit.ENABLE if then.enabled else nft_unit.ENABLE.replace(" enable ", " disable ")


def by_hand(desired: Desired) -> tuple[str, ...]:
    """See `tasks.backends.protocol.PacketFilter.by_hand`."""
    if not desired.ruleset:
        return ()
    lines = (*FRAME, *map(element_line, desired.ruleset))
    commands = [f"nft {shlex.quote(line)}" for line in lines]
    folder = nft_unit.FILE.rpartition("/")[0]
    saving = f"mkdir -p {folder} && nft list table {TABLE} >{nft_unit.FILE}"
    return (*commands, saving, f"# and a unit that runs at boot: nft -f {nft_unit.FILE}")
