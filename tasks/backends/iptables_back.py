"""iptables: the way back from an earlier change, by our chains as they were before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from inventory.rules import Rule
from tasks.backends.chains import PLACES, OwnChain, Place, read
from tasks.backends.iptables_change import change
from tasks.backends.iptables_family import PROGRAMS, Family, families_of
from tasks.backends.iptables_others import Moves, is_ours, spots_of
from tasks.backends.iptables_save import Table, parse_dump, parse_rule
from tasks.backends.protocol import Back
from tasks.observe import Observed
from tasks.outcome import Edit, Op, Where


def plan_back(
    edits: Sequence[Edit], *, before: Observed, after: Observed | None, now: Observed
) -> Back:
    """See `tasks.backends.protocol.WayBack`."""
    needed = {4} | {6 for each in edits if each.scope.startswith(PROGRAMS[6])}
    old = {each.version: each for each in families_of(before, needed)}
    new = {each.version: each for each in families_of(after, needed)} if after else {}
    families = [each for each in families_of(now, needed) if each.version in old]

    def aim(family: Family, place: Place, where: Where, table: Table) -> OwnChain:
        was = read(place, _table(old[family.version], place, where))
        here = read(place, table)
        hooks = () if not was.hooks else here.hooks if here.hooked else (here.end,)
        return replace(here, exists=was.exists, lines=was.lines, hooks=hooks)

    since = [
        f"{family.program} {place.table}, {where.value}: {line}"
        for family in families
        if family.version in new
        for place in PLACES
        for where in Where
        for line in _differences(
            *(
                read(place, _table(each, place, where)).own_lines(place)
                for each in (old[family.version], new[family.version], family)
            )
        )
    ]
    # Where nobody else wrote to a file since, it gets its old bytes back.
    saved = {
        each.loader.path: old[each.version].saved
        for each in families
        if each.version in new and each.saved == new[each.version].saved
    }

    def moves(family: Family, place: Place, where: Where, table: Table) -> Moves:
        scope = f"{family.program} {place.table}"
        mine = [each for each in edits if each.where is where and each.scope == scope]
        was = _table(old[family.version], place, where)
        return _moves_back([each for each in mine if not is_ours(each.rule)], was, table)

    services = {each.rule: each.service for each in edits}

    def service(rule: Rule) -> str | None:
        return next(
            (who for line, who in services.items() if rule in (parse_rule(line) or ())), None
        )

    return Back(change(now, families, aim, moves=moves, service=service, saved=saved), tuple(since))


def _moves_back(edits: Sequence[Edit], was: Table, now: Table) -> Moves:
    """The lines of others that the edits took out, where they stood; and out those they put in."""
    before, there = ((*each.inserted, *each.rules) for each in (was, now))
    come = [each.rule for each in edits if each.op is Op.REMOVE and each.rule not in there]
    go = [each.rule for each in edits if each.op is Op.ADD and each.rule not in before]
    return Moves(go=spots_of(there, go), come=spots_of(before, come))


def _table(family: Family, place: Place, where: Where) -> Table:
    tables = family.running if where is Where.RUNTIME else parse_dump(family.saved or "")
    return tables.get(place.table, Table())


def _differences(before: Sequence[str], then: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    """The lines of ``now`` that are new since ``then``, and those that are gone, as a diff.

    What is as it was before is no loss.
    """
    yield from (f"- {line}" for line in then if line not in now and line in before)
    yield from (f"+ {line}" for line in now if line not in then and line not in before)
