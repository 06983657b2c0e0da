"""nftables: the way back from an earlier change, to our table as it was before it.

Rules of others that the change took out come back to where they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from inventory.rules import Rule
from tasks.backends.nft_files import sources_of
from tasks.backends.nft_foreign import ForeignMark
from tasks.backends.nft_going import Others
from tasks.backends.nft_moves import line, place
from tasks.backends.nft_sides import Side, at_boot, running
from tasks.backends.nft_table import TABLE, OwnTable, element_line
from tasks.backends.nftables import State, change, saved_table, state_of
from tasks.backends.protocol import Back
from tasks.observe import Observed
from tasks.outcome import Edit, Op, Where


def plan_back(
    edits: Sequence[Edit], *, before: Observed, after: Observed | None, now: Observed
) -> Back:
    """See `tasks.backends.protocol.WayBack`.

    The table is ours alone, so it goes back as a whole; what somebody else had put into it before
    the earlier change is not made again.
    """
    was, is_ = state_of(before), state_of(now)
    own = OwnTable.doing(was.running.rules) if was.running.frame else OwnTable()
    then = State(own, was.saved)
    services = {each.rule: each.service for each in edits}

    def service(rule: Rule) -> str | None:
        return services.get(element_line(rule))

    since = tuple(_since(was, state_of(after), is_)) if after else ()
    return Back(change(now, then, others=_others(edits, before, now), service=service), since)


def _others(edits: Sequence[Edit], before: Observed, now: Observed) -> Others:
    """The rules of others that went, and are not there again."""
    gone = {
        where: {
            (each.scope, each.rule)
            for each in edits
            if each.op is Op.REMOVE and each.where is where and each.scope not in (TABLE, "systemd")
        }
        for where in Where
    }
    if not any(gone.values()):
        return Others()
    is_ = running(now)
    return Others.coming(
        _back(gone[Where.RUNTIME], running(before), is_),
        _back(gone[Where.SAVED], at_boot(before), at_boot(now)),
        is_,
        sources_of(before),
    )


def _back(
    gone: set[tuple[str, str]], was: Side | None, now: Side | None
) -> tuple[ForeignMark, ...]:
    """Those that went and are not there again; where nothing is asked, nothing is there."""
    there = {(place(each), line(each)) for each in now.marks} if now else set()
    marks = was.marks if was else ()
    return tuple(each for each in marks if (place(each), line(each)) in gone - there)


def _since(before: State, then: State, now: State) -> Iterator[str]:
    """What became of our table after the earlier change, as lines of a diff.

    What is as it was before is no loss.
    """
    for where, table in _tables(now).items():
        old, was = (_tables(each)[where].lines for each in (before, then))
        gone = (line for line in was if line not in table.lines and line in old)
        new = (line for line in table.lines if line not in was and line not in old)
        yield from (f"{where.value}: - {line}" for line in gone)
        yield from (f"{where.value}: + {line}" for line in new)


def _tables(state: State) -> Mapping[Where, OwnTable]:
    return {Where.RUNTIME: state.running, Where.SAVED: saved_table(state)}
