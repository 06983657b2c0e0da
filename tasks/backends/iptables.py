"""iptables and ip6tables: the change from what runs and what is saved to what is desired."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from inventory.desired import Backend, Desired
from inventory.rules import Ruleset
from tasks.backends.chains import (
    ACCEPTS,
    PLACES,
    OwnChain,
    Place,
    foreign_rules,
    jumps_of_others,
    read,
    restore_input,
    step,
)
from tasks.backends.iptables_file import edit
from tasks.backends.iptables_save import Table, parse_dump, parse_rule, render
from tasks.backends.protocol import Change, no_service_has, refuse_conflicts
from tasks.errors import Conflict, NotReady
from tasks.observe import Observed
from tasks.outcome import Edit, Finding, Op, Where

_PROGRAMS = {4: "iptables", 6: "ip6tables"}
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


_RED_HAT = {
    4: Loader("iptables", "/etc/sysconfig/iptables"),
    6: Loader("ip6tables", "/etc/sysconfig/ip6tables"),
}
_DEBIAN = {
    4: Loader("netfilter-persistent", "/etc/iptables/rules.v4"),
    6: Loader("netfilter-persistent", "/etc/iptables/rules.v6"),
}


@dataclass(frozen=True, slots=True)
class _Family:
    """One address family on the router.

    Attributes:
        version: 4 or 6.
        loader: who loads its rules at boot.
        running: its tables.
        saved: the text of its file; None where there is none.
        wanted: the desired rules that concern it.
    """

    version: int
    loader: Loader
    running: Mapping[str, Table]
    saved: str | None
    wanted: Ruleset

    @property
    def program(self) -> str:
        return _PROGRAMS[self.version]


def plan(desired: Desired, observed: Observed) -> Change:
    """See `tasks.backends.protocol.PacketFilter.plan`."""
    if observed.units["firewalld"].active:
        raise Conflict(
            "the inventory says iptables, but firewalld runs and would undo it",
            "Say backend: firewalld, or systemctl disable --now firewalld",
        )
    edits: list[Edit] = []
    findings: list[Finding] = []
    texts: dict[str, str] = {}
    saved_files: list[str] = []
    for family in _families(desired, observed):
        steps: list[tuple[Place, list[str]]] = []
        undo: list[tuple[Place, list[str]]] = []
        new_text = family.saved or ""
        stored = parse_dump(new_text)
        own_before: list[str] = []
        for place in PLACES:
            wanted = place.share(family.wanted)
            running = family.running.get(place.table, Table())
            now, then = _target(place, running, wanted, f"{family.program} on the router")
            steps.append((place, step(place, now, then)))
            undo.insert(0, (place, step(place, then, now)))
            edits += _edits(desired, family, place, Where.RUNTIME, now=now, then=then)
            findings += _findings(family, place, running, wanted)

            saved_now, saved_then = _target(
                place, stored.get(place.table, Table()), wanted, family.loader.path
            )
            own_before += (f"{place.table}\t{line}\n" for line in saved_now.own_lines(place))
            if saved_now != saved_then:
                new_text = edit(new_text, place, saved_then)
                edits += _edits(desired, family, place, Where.SAVED, now=saved_now, then=saved_then)
        texts[f"do/v{family.version}"] = restore_input(steps)
        texts[f"undo/v{family.version}"] = restore_input(undo)
        if new_text != (family.saved or ""):
            texts[f"save/v{family.version}"] = new_text
            texts[f"undo/own.v{family.version}"] = "".join(own_before)
            saved_files.append(f"{_sum(family.saved)} v{family.version} {family.loader.path}\n")
    edits.sort(key=lambda each: each.where is Where.SAVED)
    texts |= {"backend": "iptables\n", "seen": _seen(observed) + "\n"}
    texts["save/files"] = "".join(saved_files)
    return Change(
        backend=Backend.IPTABLES,
        edits=tuple(edits),
        findings=tuple(findings),
        files=texts,
        commands=tuple(_commands(texts, saved_files)),
    )


def _families(desired: Desired, observed: Observed) -> Iterator[_Family]:
    """The families to look after: IPv4 always, IPv6 where a VIP wants it or the router has it.

    Raises:
        NotReady: one that is wanted cannot be had.
    """
    if observed.units["iptables"].known:
        loaders = _RED_HAT
    elif observed.units["netfilter-persistent"].known:
        loaders = _DEBIAN
    else:
        raise NotReady(
            "no service on the router loads iptables rules at boot",
            "Install iptables-persistent (Debian) or iptables-services (Red Hat)",
        )
    for version in (4, 6):
        needed = version == 4 or any(  # noqa: PLR2004 - an IP version is its own name
            vip.version == version for service in desired.services for vip in service.vips
        )
        loader = loaders[version]
        dump = observed.text(f"iptables:{version}")
        unit = observed.units[loader.unit]
        # A router without IPv6 prints no table, and its ip6tables-restore fails.
        if not needed and (not dump or not unit.enabled):
            continue
        if dump is None:
            said = observed.sections.get(f"iptables:{version}")
            raise NotReady(
                f"{_PROGRAMS[version]}-save does not work on the router"
                f" (exit status {said.status if said else 'unknown'})",
                f"Install {_PROGRAMS[version]}, or look at what it says there",
            )
        if not (unit.enabled and unit.active):
            lack = "does not run" if unit.enabled else "is not enabled, so a reboot loses the rules"
            raise NotReady(
                f"{loader.unit}.service {lack}",
                f"Look at {loader.path}, which it loads, then: systemctl enable --now"
                f" {loader.unit}",
            )
        yield _Family(
            version=version,
            loader=loader,
            running=parse_dump(dump),
            saved=observed.text(f"file:{loader.path}"),
            wanted=desired.ruleset.of_family(version),
        )


def _target(place: Place, table: Table, wanted: Ruleset, where: str) -> tuple[OwnChain, OwnChain]:
    """How our chain stands, and how it should: what others already do is not done twice.

    Raises:
        Conflict: somebody's rule marks a packet of ours otherwise.
    """
    now = read(place, table)
    then = _then(place, now, table, wanted, where)
    jumps = jumps_of_others(place, table)
    if jumps and now.exists and not then.exists:
        raise Conflict(
            f"{where} has a rule that is not lvsfleet's and jumps to {place.chain}, which is to go:"
            f" {jumps[0]}",
            "Delete that rule",
        )
    return now, then


def _then(place: Place, now: OwnChain, table: Table, wanted: Ruleset, where: str) -> OwnChain:
    foreign = foreign_rules(place, table)
    refuse_conflicts(wanted, ((line, r) for line, rules in foreign for r in rules), where=where)
    theirs = Ruleset.of(rule for _, rules in foreign for rule in rules)
    ours = wanted - (wanted - (now.rules or Ruleset())) if now.hooked else Ruleset()
    return now.with_rules(place, ours | (wanted - ours - theirs))


def _edits(
    desired: Desired, family: _Family, place: Place, where: Where, *, now: OwnChain, then: OwnChain
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
            yield Edit(Op.ADD, where, line, _service(desired, line), scope)
    for line in before:
        if line not in after:
            yield Edit(Op.REMOVE, where, line, _service(desired, line), scope)


def _service(desired: Desired, line: str) -> str | None:
    return next((desired.service_of(rule) for rule in parse_rule(line) or ()), None)


def _findings(family: _Family, place: Place, table: Table, wanted: Ruleset) -> Iterator[Finding]:
    if place is ACCEPTS:
        return
    for line, rules in foreign_rules(place, table):
        if not wanted.covers(rules):
            delete = f"{family.program} -t {place.table} {line.replace('-A', '-D', 1)}"
            yield no_service_has(line, family.program, delete)


def _sum(text: str | None) -> str:
    if text is None:
        return "-"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _seen(observed: Observed) -> str:
    """The fingerprint of what the plan builds upon; ``ipt_seen`` says the same on the router."""
    lines: list[str] = []
    for version in (4, 6):
        section = observed.sections.get(f"iptables:{version}")
        if section is not None:
            lines += (line for line in section.text.split("\n") if _SEEN.match(line))
    return _sum("".join(line + "\n" for line in lines))


def _commands(texts: Mapping[str, str], saved_files: list[str]) -> Iterator[str]:
    for version, program in _PROGRAMS.items():
        rules = texts.get(f"do/v{version}", "")
        if rules:
            yield f"{program}-restore --noflush <<'END'\n{rules}END"
    for line in saved_files:
        yield f"{line.split()[2]}: edited in place"


def by_hand(desired: Desired) -> tuple[str, ...]:
    """See `tasks.backends.protocol.PacketFilter.by_hand`."""
    commands: list[str] = []
    for version, program in _PROGRAMS.items():
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
