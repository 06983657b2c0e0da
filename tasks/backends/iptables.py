"""iptables and ip6tables: from what runs and what is saved to what is desired."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from inventory.desired import Backend, Desired, Foreign
from inventory.rules import Ruleset
from tasks.backends.beside import findings_beside, told, unlike_beside
from tasks.backends.chains import (
    ACCEPTS,
    MARKS,
    PLACES,
    OwnChain,
    Place,
    foreign_rules,
    jumps_of_others,
    read,
)
from tasks.backends.foreign import refuse_foreign
from tasks.backends.iptables_change import change
from tasks.backends.iptables_family import PROGRAMS, Family, families_of
from tasks.backends.iptables_others import Moves
from tasks.backends.iptables_save import Table, parse_dump, render
from tasks.backends.iptables_taking import moves_of, unlike
from tasks.backends.protocol import Change, Covered, no_service_has, refuse_conflicts
from tasks.backends.variants import others_tables
from tasks.errors import Conflict, TwoFilters
from tasks.observe import Observed
from tasks.outcome import Finding, Where


def plan(desired: Desired, observed: Observed) -> Change:
    """See `tasks.backends.protocol.PacketFilter.plan`."""
    if observed.units["firewalld"].active:
        raise TwoFilters(
            "the inventory says iptables, but firewalld runs and would undo it",
            "Say backend: firewalld, or systemctl disable --now firewalld",
        )
    wanted = desired.ruleset
    needed = {vip.version for service in desired.services for vip in service.vips} | {4}
    families = list(families_of(observed, needed))

    def share(family: Family, place: Place) -> Ruleset:
        return place.share(wanted.of_family(family.version))

    def moves(family: Family, place: Place, where: Where, table: Table) -> Moves:  # noqa: ARG001
        return moves_of(desired, place, table, share(family, place))

    def aim(family: Family, place: Place, where: Where, table: Table) -> OwnChain:
        going = moves(family, place, where, table).go
        return aim_at(
            place, table, share(family, place), family.named(where), {each.line for each in going}
        )

    beside = unlike_beside(observed, Backend.IPTABLES, wanted)
    if desired.foreign is Foreign.REFUSE:
        refuse_foreign([*_unlike(families, wanted), *told(beside)])

    findings = [
        finding
        for family in families
        if desired.foreign is not Foreign.REMOVE
        for finding in _findings(family, share(family, MARKS))
    ]
    findings += findings_beside(beside)
    findings += others_tables(observed, Backend.IPTABLES)
    return change(
        observed, families, aim, moves=moves, service=desired.service_of, findings=findings
    )


def aim_at(
    place: Place, table: Table, wanted: Ruleset, where: str, going: Collection[str]
) -> OwnChain:
    """How our chain should stand: what others already do, and will, is not done twice.

    Raises:
        Conflict: somebody's rule marks a packet of ours otherwise, or needs our chain.
    """
    now = read(place, table)
    foreign = [each for each in foreign_rules(place, table) if each[0] not in going]
    refuse_conflicts(wanted, ((line, r) for line, rules in foreign for r in rules), where=where)
    theirs = Ruleset.of(rule for _, rules in foreign for rule in rules)
    ours = wanted - (wanted - (now.rules or Ruleset())) if now.hooked else Ruleset()
    then = now.with_rules(place, ours | (wanted - ours - theirs))
    jumps = jumps_of_others(place, table)
    if jumps and now.exists and not then.exists:
        raise Conflict(
            f"{where} has a rule that is not lvsfleet's and jumps to {place.chain}, which is to go:"
            f" {jumps[0]}",
            "Delete that rule",
        )
    return then


def _unlike(families: Iterable[Family], wanted: Ruleset) -> Iterator[tuple[str, str]]:
    """The mark rules of others that do not only what is wanted: each with where it stands."""
    for family in families:
        share = MARKS.share(wanted.of_family(family.version))
        saved = parse_dump(family.saved or "")
        for where, tables in ((family.program, family.running), (family.loader.path, saved)):
            for each in unlike(tables.get(MARKS.table, Table()), share):
                yield where, each.line


def _findings(family: Family, wanted: Ruleset) -> Iterator[Finding]:
    """Marks in the runtime that nobody explains."""
    known = Covered(wanted)
    for line, rules in foreign_rules(MARKS, family.running.get(MARKS.table, Table())):
        if not all(rule in known for rule in rules):
            delete = f"{family.program} -t {MARKS.table} {line.replace('-A', '-D', 1)}"
            yield no_service_has(line, family.program, delete)


def by_hand(desired: Desired) -> tuple[str, ...]:
    """See `tasks.backends.protocol.PacketFilter.by_hand`."""
    commands: list[str] = []
    for version, program in PROGRAMS.items():
        rules = desired.ruleset.of_family(version)
        for place in PLACES:
            share = place.share(rules)
            if not share:
                continue
            prefix = f"{program} -t {place.table}"
            commands.append(f"{prefix} -N {place.chain}")
            commands += (f"{prefix} {line}" for line in render(place.chain, share))
            verb = "-I" if place is ACCEPTS else "-A"
            commands.append(f"{prefix} {verb} {place.parent} {place.jump}")
    return tuple(commands)
