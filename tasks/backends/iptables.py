"""iptables and ip6tables: the change from what runs and what is saved to what is desired."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from inventory.desired import Backend, Desired, Foreign
from inventory.rules import Rule, Ruleset
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
    restore_input,
    step,
)
from tasks.backends.foreign import refuse_foreign
from tasks.backends.iptables_file import edit
from tasks.backends.iptables_others import Moves, moved
from tasks.backends.iptables_save import Table, parse_dump, parse_rule, render
from tasks.backends.iptables_taking import moves_of, unlike
from tasks.backends.protocol import Change, Covered, no_service_has, refuse_conflicts
from tasks.backends.variants import others_tables
from tasks.errors import Conflict, NotEnabled, NotReady, NotRunning, TwoFilters
from tasks.fingerprint import sum_of
from tasks.observe import Observed
from tasks.outcome import Edit, Finding, Op, Where

PROGRAMS = {4: "iptables", 6: "ip6tables"}
_SEEN = re.compile(r"^(:LVSFLEET-|-A (PREROUTING|INPUT|LVSFLEET-[A-Z]+) )")


@dataclass(frozen=True, slots=True)
class Loader:
    """Who loads the rules at boot, for one family.

    Attributes:
        unit: the systemd service, without ``.service``.
        path: the file that it loads.
    """

    unit: str
    path: str


RED_HAT = {
    4: Loader("iptables", "/etc/sysconfig/iptables"),
    6: Loader("ip6tables", "/etc/sysconfig/ip6tables"),
}
DEBIAN = {
    4: Loader("netfilter-persistent", "/etc/iptables/rules.v4"),
    6: Loader("netfilter-persistent", "/etc/iptables/rules.v6"),
}


@dataclass(frozen=True, slots=True)
class Family:
    """One address family on the router.

    Attributes:
        version: 4 or 6.
        loader: who loads its rules at boot.
        running: its tables.
        saved: the text of its file; None where there is none.
    """

    version: int
    loader: Loader
    running: Mapping[str, Table]
    saved: str | None

    @property
    def program(self) -> str:
        """``iptables`` or ``ip6tables``."""
        return PROGRAMS[self.version]


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
        said = f"{family.program} on the router" if where is Where.RUNTIME else family.loader.path
        going = moves(family, place, where, table).go
        return aim_at(place, table, share(family, place), said, {each.line for each in going})

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


def families_of(observed: Observed, needed: Collection[int]) -> Iterator[Family]:
    """The families to look after: those that are needed, and IPv6 where the router has it.

    Raises:
        NotReady: one that is wanted cannot be had.
    """
    if observed.units["iptables"].known:
        loaders = RED_HAT
    elif observed.units["netfilter-persistent"].known:
        loaders = DEBIAN
    else:
        raise NotEnabled(
            "no service on the router loads iptables rules at boot",
            "Install iptables-persistent (Debian) or iptables-services (Red Hat)",
        )
    for version in (4, 6):
        loader = loaders[version]
        dump = observed.text(f"iptables:{version}")
        unit = observed.units[loader.unit]
        # A router without IPv6 prints no table, and its ip6tables-restore fails.
        if version not in needed and (not dump or not unit.enabled):
            continue
        if dump is None:
            said = observed.sections.get(f"iptables:{version}")
            raise NotReady(
                f"{PROGRAMS[version]}-save does not work on the router"
                f" (exit status {said.status if said else 'unknown'})",
                f"Install {PROGRAMS[version]}, or look at what it says there",
            )
        if not (unit.enabled and unit.active):
            lack = "does not run" if unit.enabled else "is not enabled, so a reboot loses the rules"
            raise (NotRunning if unit.enabled else NotEnabled)(
                f"{loader.unit}.service {lack}",
                f"Look at {loader.path}, which it loads, then: systemctl enable --now"
                f" {loader.unit}",
            )
        yield Family(
            version=version,
            loader=loader,
            running=parse_dump(dump),
            saved=observed.text(f"file:{loader.path}"),
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


def _unlike(families: Iterable[Family], wanted: Ruleset) -> Iterator[tuple[str, str]]:
    """The mark rules of others that do not only what is wanted: each with where it stands."""
    for family in families:
        share = MARKS.share(wanted.of_family(family.version))
        saved = parse_dump(family.saved or "")
        for where, tables in ((family.program, family.running), (family.loader.path, saved)):
            for each in unlike(tables.get(MARKS.table, Table()), share):
                yield where, each.line


def _service(service: Callable[[Rule], str | None], line: str) -> str | None:
    return next((service(rule) for rule in parse_rule(line) or ()), None)


def _findings(family: Family, wanted: Ruleset) -> Iterator[Finding]:
    """Marks in the runtime that nobody explains."""
    known = Covered(wanted)
    for line, rules in foreign_rules(MARKS, family.running.get(MARKS.table, Table())):
        if not all(rule in known for rule in rules):
            delete = f"{family.program} -t {MARKS.table} {line.replace('-A', '-D', 1)}"
            yield no_service_has(line, family.program, delete)


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
