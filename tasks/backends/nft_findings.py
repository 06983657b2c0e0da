"""What a plan for nftables says of the rules of others, and what of them stops it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from inventory.desired import Desired
from inventory.rules import AcceptProtocol, Mark, Ruleset
from tasks.backends.foreign import CANNOT_REMOVE, refuse_foreign
from tasks.backends.nft_foreign import ForeignMark
from tasks.backends.nft_moves import line
from tasks.backends.nft_reach import Obstacle, obstacles
from tasks.backends.nft_sides import Side
from tasks.backends.nft_taking import Taking
from tasks.backends.protocol import Covered, marks_of, no_service_has, refuse_conflicts
from tasks.checks.catalog.rules import LVS015, LVS018
from tasks.checks.catalog.ways_in import LVS014
from tasks.errors import TurnedAway
from tasks.outcome import Finding
from tasks.walk.packet import NUMBERS


def refuse_two_marks(wanted: Ruleset, marks: Iterable[ForeignMark], side: str) -> None:
    """Stop at a rule of others that gives a packet of ours another mark.

    Args:
        wanted: the desired rules.
        marks: theirs.
        side: what has their chains, for the message.

    Raises:
        Conflict: there is one.
    """
    chains: dict[str, list[tuple[str, Mark]]] = {}
    for each in marks:
        rules = chains.setdefault(str(each.chain), [])
        rules += ((each.words(mark), mark) for mark in each.marks)
    for chain, words in chains.items():
        refuse_conflicts(wanted, words, where=f"{side} {chain}")


def unlike(desired: Desired, sides: Mapping[str, Side]) -> Iterator[tuple[str, str]]:
    """The mark rules of others that do not only what is wanted: each with where it stands."""
    known = Covered(marks_of(desired.ruleset))
    for side, tables in sides.items():
        for each in tables.marks:
            where = f"{side} {each.chain}"
            yield from ((where, each.words(mark)) for mark in each.marks if mark not in known)
            if not each.marks and not each.idle:
                yield where, each.text


def refuse_stuck(taken: Taking) -> None:
    """Stop where a rule is to go for good and cannot.

    Raises:
        Conflict: there is one.
    """
    told = ((f"nftables' {each.chain}", f"{line(each)}: {why}") for each, why in taken.stuck)
    refuse_foreign(told, CANNOT_REMOVE)


def findings_on(wanted: Ruleset, left: Side, taken: Taking) -> Iterator[Finding]:
    """What is worth an operator's attention.

    Args:
        wanted: the desired rules.
        left: the tables of others without what goes.
        taken: what goes, and what should.

    Raises:
        NotReady: what is to be let in is surely turned away; no accept of ours could help.
    """
    yield from _marks(wanted, left)
    yield from _ways_in(wanted, left)
    for each, why in taken.stuck:
        yield LVS018.finding(
            f"nftables' {each.chain}: {line(each)}: {why}",
            "It does what the inventory says and counts as present; to have it in lvsfleet's table,"
            " delete it by hand, where it runs and in its file, after a rollout without --adopt",
        )


def _marks(wanted: Ruleset, left: Side) -> Iterator[Finding]:
    """Marks that nobody explains, and those that may have the last word."""
    known = Covered(marks_of(wanted))
    for each in left.marks:
        where = f"nftables' {each.chain}"
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


def _ways_in(wanted: Ruleset, left: Side) -> Iterator[Finding]:
    """Rules of others that turn away, or may turn away, what is to be let in."""
    for each in obstacles(left, wanted):
        if each.surely:
            raise TurnedAway(_blocked(each, "turns away"), _way_out(each))
        yield LVS014.finding(_blocked(each, "may turn away"), _way_out(each))


def _blocked(obstacle: Obstacle, verb: str) -> str:
    rule = obstacle.rule
    what = rule.protocol.value.upper()
    if not isinstance(rule, AcceptProtocol):
        what = f"{rule.vip} port {rule.ports}/{rule.protocol.value}"
    said = obstacle.verdict
    by = f"{said.place} ({said.by})" if said.place else said.by
    return (
        f"{by} {verb} {what}, which the inventory says to let in; no other table can overrule that"
    )


def _way_out(obstacle: Obstacle) -> str:
    rule, path = obstacle.rule, obstacle.verdict.path
    if isinstance(rule, AcceptProtocol):
        number = NUMBERS[rule.protocol.value]
        let_in, key = f"meta l4proto {number} accept", "vrrp: {accept: false}"
    else:
        let_in, key = "meta mark != 0 accept", "accept: false for the service"
    how = f": nft insert rule {path} {let_in}" if path and "firewalld" not in path else ""
    return (
        f"Let it in there, and in the file that loads it{how}; or say {key}, which leaves it to the"
        " site"
    )
