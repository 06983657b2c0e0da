"""nftables: the change from what our table is, running and saved, to what is desired.

What plain rules of others do already, now or after a boot, is not done twice: nft itself is asked
what the files say that its service loads.
"""

from __future__ import annotations

import hashlib
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from inventory.desired import Backend, Desired, Foreign
from inventory.rules import Rule, Ruleset
from tasks.backends import nft_unit
from tasks.backends.beside import findings_beside, told, unlike_beside
from tasks.backends.foreign import refuse_foreign
from tasks.backends.nft_files import sources_of
from tasks.backends.nft_findings import findings_on, refuse_stuck, refuse_two_marks, unlike
from tasks.backends.nft_going import Others
from tasks.backends.nft_json import parse_own
from tasks.backends.nft_moves import less
from tasks.backends.nft_sides import Side, at_boot, running
from tasks.backends.nft_table import CLEARED, FRAME, TABLE, OwnTable, element_line, parse_text, step
from tasks.backends.nft_taking import taking
from tasks.backends.protocol import Change
from tasks.backends.variants import others_tables
from tasks.fingerprint import sum_of
from tasks.observe import Observed
from tasks.outcome import Edit, Finding, Op, Where

OWN = "nftables:own"
"""The section with our table."""

_NOTHING = Others()


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
    def doing(cls, rules: Ruleset, saved: Ruleset) -> State:
        """How all should be for ``rules`` now and ``saved`` after a boot; nothing for nothing."""
        table = OwnTable.doing(rules)
        if not saved:
            return cls(table)
        return cls(table, OwnTable.doing(saved).text, nft_unit.TEXTS, enabled=True)


def plan(desired: Desired, observed: Observed) -> Change:
    """See `tasks.backends.protocol.PacketFilter.plan`."""
    now, boot, sources = running(observed), at_boot(observed), sources_of(observed)
    wanted = desired.ruleset
    taken = taking(desired, now, boot, sources)
    sides = {"nftables'": now} | ({f"{sources.conf},": boot} if boot and sources else {})
    beside = unlike_beside(observed, Backend.NFTABLES, wanted)
    if desired.foreign is Foreign.REFUSE:
        refuse_foreign([*unlike(desired, sides), *told(beside)])
    if desired.foreign is Foreign.REMOVE:
        refuse_stuck(taken)
    for where, side in sides.items():
        gone = taken.running if side is now else taken.saved
        refuse_two_marks(wanted, (each for each in side.marks if each not in gone), where)
    left = less(now, taken.running)
    findings = [*findings_on(wanted, left, taken), *findings_beside(beside)]
    findings += others_tables(observed, Backend.NFTABLES)
    return change(
        observed,
        _aim(observed, wanted, left, less(boot, taken.saved) if boot else None),
        others=Others.going(taken, now, sources, observed),
        service=desired.service_of,
        findings=findings,
    )


def _aim(observed: Observed, wanted: Ruleset, now: Side, boot: Side | None) -> State:
    """How ours should stand: what is ours stays, what others do is not done twice."""
    state = state_of(observed)
    saved = parse_text(state.saved).rules if state.saved is not None else Ruleset()

    def share(own: Ruleset, side: Side | None) -> Ruleset:
        mine = wanted - (wanted - own)
        lacks = wanted - mine
        return mine | (lacks - side.does(lacks) if side and lacks else lacks)

    return State.doing(share(state.running.rules, now), share(saved, boot))


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
    others: Others = _NOTHING,
    service: Callable[[Rule], str | None],
    findings: Iterable[Finding] = (),
) -> Change:
    """The change that brings all of ours to ``then``.

    Args:
        observed: what the router is.
        then: how it is to be.
        others: what goes or comes back of others' rules.
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
        *others.edits(service),
    ]
    edits.sort(key=lambda each: each.where is Where.SAVED)
    return Change(
        backend=Backend.NFTABLES,
        edits=tuple(edits),
        findings=tuple(findings),
        files=_files(observed, now, then, others),
        commands=(*_commands(now, then), *others.commands),
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


def _files(observed: Observed, now: State, then: State, others: Others) -> dict[str, str]:
    """What the remote scripts work by; see ``begin.sh`` and ``nftables-change.sh``."""
    pairs = [
        ("table", nft_unit.FILE, now.saved, then.saved),
        ("unit", nft_unit.UNIT, now.units[nft_unit.UNIT], then.units[nft_unit.UNIT]),
        ("drop-in", nft_unit.DROP_IN, now.units[nft_unit.DROP_IN], then.units[nft_unit.DROP_IN]),
    ]
    # Ours first: a power cut in between leaves a rule twice rather than not at all.
    pairs += [(f"other{n}", *each) for n, each in enumerate(others.texts)]
    listed = [
        f"{sum_of(was)} {'-' if new is None else name} {path}\n"
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
    files |= {f"save/{name}": new for name, _, was, new in pairs if was != new and new is not None}
    return files | others.files


def _seen(observed: Observed) -> str:
    """The fingerprint of what the plan builds upon; ``nft_seen`` says the same on the router.

    The numbers that the kernel gives to things stay out, since a table that is put back has others.
    """
    own = observed.sections.get(OWN)
    pieces = (own.text if own else "").replace(",", "\n").encode("utf-8", "surrogateescape")
    lines = pieces.removesuffix(b"\n").split(b"\n") if pieces else []
    kept = sorted(line for line in lines if b'"handle"' not in line)
    return hashlib.sha256(b"".join(line + b"\n" for line in kept)).hexdigest()


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
