"""nftables: the change from what our table is, running and saved, to what is desired.

What plain rules of others do already, now or after a boot, is not done twice: nft itself is asked
what the files say that its service loads.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from inventory.desired import Backend, Desired, Foreign
from inventory.rules import Rule, Ruleset
from tasks.backends.beside import findings_beside, told, unlike_beside
from tasks.backends.foreign import refuse_foreign
from tasks.backends.nft_files import sources_of
from tasks.backends.nft_findings import findings_on, refuse_stuck, refuse_two_marks, unlike
from tasks.backends.nft_going import Others
from tasks.backends.nft_json import parse_own
from tasks.backends.nft_moves import less
from tasks.backends.nft_saved import Saved
from tasks.backends.nft_sides import Side, at_boot, running
from tasks.backends.nft_table import CLEARED, FRAME, TABLE, OwnTable, element_line, parse_text, step
from tasks.backends.nft_taking import taking
from tasks.backends.nft_unit import Loader
from tasks.backends.protocol import Change
from tasks.backends.variants import others_tables
from tasks.fingerprint import sum_of_table
from tasks.observe import Observed
from tasks.outcome import Edit, Finding, Op, Where

OWN = "nftables:own"
"""The section with our table."""

LOADER = Loader(
    name="lvsfleet-nftables",
    about=f"Marks for LVS: nftables' table {TABLE}",
    file="/etc/lvsfleet/lvsfleet.nft",
    drop_in="/etc/systemd/system/nftables.service.d/lvsfleet.conf",
)

_NOTHING = Others()


@dataclass(frozen=True, slots=True)
class State:
    """All of ours on one router.

    Attributes:
        running: our table in the kernel.
        saved: what is there of it for the next boot.
    """

    running: OwnTable = field(default_factory=OwnTable)
    saved: Saved = field(default_factory=lambda: Saved(LOADER))

    @classmethod
    def doing(cls, rules: Ruleset, saved: Ruleset) -> State:
        """How all should be for ``rules`` now and ``saved`` after a boot; nothing for nothing."""
        table = OwnTable.doing(rules)
        if not saved:
            return cls(table)
        return cls(table, Saved.whole(LOADER, OwnTable.doing(saved).text))


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
    saved = saved_table(state).rules

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
    return State(parse_own(own) if own else OwnTable(), Saved.of(observed, LOADER))


def saved_table(state: State) -> OwnTable:
    """The table as its file has it."""
    text = state.saved.text
    return parse_text(text) if text is not None else OwnTable()


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
    edits = [
        *_edits(Where.RUNTIME, now.running, then.running, service),
        *_edits(Where.SAVED, saved_table(now), saved_table(then), service),
        *now.saved.edits_to(then.saved),
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


def _files(observed: Observed, now: State, then: State, others: Others) -> dict[str, str]:
    """What the remote scripts work by; see ``begin.sh`` and ``nftables-change.sh``."""
    own = observed.sections.get(OWN)
    do = step(now.running, then.running)
    return {
        "seen": f"{sum_of_table(own.text if own else '')}\n",
        "do/table": do,
        # What replaces all is taken back by what the router kept of it.
        "undo/table": "" if do.startswith(CLEARED) else step(then.running, now.running),
        **now.saved.files_to(then.saved, others.texts),
        **others.files,
    }


def _commands(now: State, then: State) -> Iterator[str]:
    if now.running != then.running:
        yield f"nft -f - <<'END'\n{step(now.running, then.running)}END"
    yield from now.saved.commands_to(then.saved)


def by_hand(desired: Desired) -> tuple[str, ...]:
    """See `tasks.backends.protocol.PacketFilter.by_hand`."""
    if not desired.ruleset:
        return ()
    lines = (*FRAME, *map(element_line, desired.ruleset))
    commands = [f"nft {shlex.quote(line)}" for line in lines]
    folder = LOADER.file.rpartition("/")[0]
    saving = f"mkdir -p {folder} && nft list table {TABLE} >{LOADER.file}"
    return (*commands, saving, f"# and a unit that runs at boot: nft -f {LOADER.file}")
