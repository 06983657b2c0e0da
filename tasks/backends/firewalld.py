"""firewalld: the change from what a zone has, running and saved, to what is desired.

Rich rules carry no owner, so the router keeps a list of those that lvsfleet put there (``owned``, a
line ``ZONE RULE`` each). A rule that is not on it is somebody else's: it counts where it does what
is wanted, and it stays.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from xml.etree import ElementTree

from inventory.desired import Backend, Desired
from inventory.rules import AcceptProtocol, Mark, Rule, Ruleset
from tasks.backends import rich
from tasks.backends.protocol import Change, Covered, no_service_has, refuse_conflicts
from tasks.bus import bus_strings
from tasks.errors import Conflict, NotReady
from tasks.observe import Observed
from tasks.outcome import Edit, Finding, Op, Severity, Where

OWNED = "file:/var/lib/lvsfleet/owned"
"""The section with the router's list of our own rules."""

START = "systemctl start firewalld"
ENABLE = "systemctl enable firewalld"

_RIVALS = ("iptables", "ip6tables", "nftables")
"""Services that firewalld's unit conflicts with: starting it stops them."""


@dataclass(frozen=True, slots=True)
class _Side:
    """A zone's rules, in the runtime or as they are saved.

    Attributes:
        rules: its rich rules.
        other: what its other settings do that counts as ours, e.g. ``<protocol value="vrrp"/>``.
    """

    rules: tuple[rich.RichRule, ...] = ()
    other: Ruleset = field(default_factory=Ruleset)


@dataclass(frozen=True, slots=True)
class _Zone:
    name: str
    wanted: Ruleset
    owned: Ruleset
    runtime: _Side
    saved: _Side

    def side(self, where: Where) -> _Side:
        return self.runtime if where is Where.RUNTIME else self.saved


def plan(desired: Desired, observed: Observed) -> Change:
    """See `tasks.backends.protocol.PacketFilter.plan`."""
    starts = _has_to_start(desired, observed)
    zones = _zones(desired, observed, starts=starts)
    edits: list[Edit] = []
    findings: list[Finding] = []
    for where in (Where.RUNTIME, Where.SAVED):
        for zone in zones:
            edits += _edits(desired, zone, where)
    for zone in zones:
        findings += _findings(zone)
    if starts:
        edits.append(Edit(Op.ADD, Where.RUNTIME, START, None, "systemd"))
    if desired.start and not observed.units["firewalld"].enabled:
        edits.append(Edit(Op.ADD, Where.SAVED, ENABLE, None, "systemd"))
    elif not observed.units["firewalld"].enabled:
        findings.append(
            Finding(
                "LVS011",
                Severity.WARNING,
                "firewalld runs, but is not enabled: after a reboot there are no marks",
                f"{ENABLE}, or start: true in the inventory",
            )
        )
    owned = "".join(_owned_lines(zones, edits))
    change = assemble([zone.name for zone in zones], edits, observed, owned=owned)
    return replace(change, findings=tuple(findings))


def assemble(
    zones: Sequence[str], edits: Sequence[Edit], observed: Observed, *, owned: str
) -> Change:
    """A change from its edits.

    Args:
        zones: those that the edits are in.
        edits: all of them.
        observed: what the router is.
        owned: the list of our own rules as it is to be in the end.
    """
    return Change(
        backend=Backend.FIREWALLD,
        edits=tuple(edits),
        files=_files(zones, edits, observed, owned=owned),
        commands=tuple(_commands(edits)),
        lets_in=any(each.rule.endswith(" accept") or not each.zone for each in edits),
    )


def _has_to_start(desired: Desired, observed: Observed) -> bool:
    """Whether firewalld is to be started.

    Raises:
        NotReady: it does not run and may not, or cannot, be started.
        Conflict: starting it would stop another packet filter.
    """
    unit = observed.units["firewalld"]
    if unit.active:
        return False
    if not unit.known:
        raise NotReady(
            "firewalld is not installed (or its unit is masked)",
            "Install the package firewalld, or say backend: iptables",
        )
    if not desired.start:
        raise NotReady(
            "firewalld does not run",
            "Say start: true in the inventory and it is started with its rules already in place,"
            " or: systemctl enable --now firewalld",
        )
    for rival in _RIVALS:
        if observed.units[rival].active:
            raise Conflict(
                f"{rival}.service runs, and starting firewalld would stop it",
                f"Say backend: iptables, or systemctl disable --now {rival}",
            )
    if observed.units["netfilter-persistent"].active:
        raise Conflict(
            "netfilter-persistent.service has loaded iptables rules, which would go on filtering"
            " beside firewalld's",
            "Say backend: iptables, or flush them and systemctl disable --now netfilter-persistent",
        )
    return True


def _zones(desired: Desired, observed: Observed, *, starts: bool) -> list[_Zone]:
    """The desired zone, then those that lvsfleet left rules in earlier.

    Raises:
        NotReady: the zone does not exist.
        NotUnderstood: firewalld's answer makes no sense.
    """
    target = desired.zone or (observed.text("firewalld:default") or "").strip()
    owned = owned_rules(observed)
    zones = [_zone(target, desired.ruleset, owned.pop(target, Ruleset()), observed, starts=starts)]
    for name, rules in owned.items():
        if observed.text(f"firewalld:saved:{name}") is not None:
            zones.append(_zone(name, Ruleset(), rules, observed, starts=starts))
    return zones


def _zone(name: str, wanted: Ruleset, owned: Ruleset, observed: Observed, *, starts: bool) -> _Zone:
    saved = observed.text(f"firewalld:saved:{name}")
    if saved is None:
        raise NotReady(
            f"firewalld has no zone {name!r}",
            "firewall-cmd --get-zones lists those it has;"
            f" firewall-cmd --permanent --new-zone={name} makes one",
        )
    runtime = _Side() if starts else _runtime(name, observed)
    return _Zone(name, wanted, owned, runtime, _saved(name, saved))


def owned_rules(observed: Observed) -> dict[str, Ruleset]:
    """The rules that lvsfleet put into each zone, as the router's own list says."""
    owned: dict[str, list[Rule]] = {}
    for line in (observed.text(OWNED) or "").split("\n"):
        zone, _, words = line.partition(" ")
        rule = rich.parse(words).rule
        if rule is not None:
            owned.setdefault(zone, []).append(rule)
    return {zone: Ruleset.of(rules) for zone, rules in owned.items()}


def _runtime(name: str, observed: Observed) -> _Side:
    section = observed.sections.get(f"firewalld:rich:{name}")
    protocols = observed.sections.get(f"firewalld:protocols:{name}")
    if section is None or protocols is None or section.status or protocols.status:
        said = section.text.strip() if section else "nothing"
        raise NotReady(
            f"firewalld does not tell its rules in zone {name!r}: {said[-300:]}",
            f"Look at: firewall-cmd --zone={name} --list-all",
        )
    rules, names = _told(section.text, "\n"), _told(protocols.text, " ")
    return _Side(tuple(rich.parse(rule) for rule in rules), _let_in(names))


def _told(text: str, between: str) -> list[str]:
    """The strings of one answer: of D-Bus, or where that failed of firewall-cmd."""
    if text.startswith("{"):
        return bus_strings(text)
    return [word for word in text.rstrip("\n").split(between) if word]


def _saved(name: str, text: str) -> _Side:
    try:
        zone = ElementTree.fromstring(_bytes(text))  # noqa: S314 - root's own; expat bounds expansion
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise NotReady(
            f"the file of firewalld's zone {name!r} is broken: {error}",
            "firewall-cmd --check-config names it",
        ) from error
    rules = tuple(rich.from_xml(each) for each in zone.iter("rule"))
    return _Side(rules, _let_in(each.get("value", "") for each in zone.findall("protocol")))


def _let_in(protocols: Iterable[str]) -> Ruleset:
    """What a zone's own list of protocols lets in."""
    parsed = [rich.parse(f'rule protocol value="{name}" accept').rule for name in protocols]
    return Ruleset.of(rule for rule in parsed if isinstance(rule, AcceptProtocol))


def _edits(desired: Desired, zone: _Zone, where: Where) -> Iterator[Edit]:
    """What comes and goes on one side: all that comes first."""
    scope = f"zone {zone.name}"
    side = zone.side(where)
    kept: list[Rule] = []
    stale: list[rich.RichRule] = []
    foreign: list[tuple[str, Mark]] = []
    wanted, owned = Covered(zone.wanted), Covered(zone.owned)
    for each in side.rules:
        if each.rule is None:
            continue
        if each.rule in wanted:
            kept.append(each.rule)
        elif each.rule in owned:
            stale.append(each)
        elif isinstance(each.rule, Mark):
            foreign.append((each.text, each.rule))
    refuse_conflicts(zone.wanted, foreign, where=f"firewalld's zone {zone.name}")
    for rule in zone.wanted - (side.other | Ruleset.of(kept)):
        yield Edit(Op.ADD, where, rich.render(rule), desired.service_of(rule), scope)
    for each in stale:
        service = desired.service_of(each.rule) if each.rule else None
        yield Edit(Op.REMOVE, where, each.text, service, scope)


def _findings(zone: _Zone) -> Iterator[Finding]:
    """Marks that nobody explains; said once, though they be both running and saved."""
    known = Covered(zone.wanted | zone.owned)
    both = {each.text: each for side in (zone.runtime, zone.saved) for each in side.rules}
    for text, each in both.items():
        if isinstance(each.rule, Mark) and each.rule not in known:
            delete = f"firewall-cmd --zone={zone.name} --remove-rich-rule={shlex.quote(text)}"
            yield no_service_has(text, f"firewalld's zone {zone.name}", delete)


def sides(zone: str, observed: Observed) -> dict[Where, tuple[rich.RichRule, ...]]:
    """A zone's rich rules as saved and, if firewalld runs, in the runtime.

    Raises:
        NotReady: the zone does not exist, or firewalld does not tell.
        NotUnderstood: its answer makes no sense.
    """
    starts = not observed.units["firewalld"].active
    both = _zone(zone, Ruleset(), Ruleset(), observed, starts=starts)
    found = {Where.SAVED: both.saved.rules}
    return found if starts else {Where.RUNTIME: both.runtime.rules, **found}


def _files(
    zones: Sequence[str], edits: Sequence[Edit], observed: Observed, *, owned: str
) -> dict[str, str]:
    """What the remote scripts work by; see ``begin.sh`` and ``firewalld-change.sh``.

    A firewalld that is to be started gets its saved rules before that; else they come last.
    """
    ops = {each.rule: each.op for each in edits if not each.zone}
    starts, stops = ops.get(START) is Op.ADD, ops.get(START) is Op.REMOVE
    told = [observed.sections.get(f"firewalld:rich:{zone}") for zone in zones]
    seen = hashlib.sha256(_bytes("".join(each.text for each in told if each))).hexdigest()
    was = "".join(f"{line}\n" for line in (observed.text(OWNED) or "").split("\n") if line)
    files = {
        "backend": "firewalld\n",
        "seen": f"{'-' if starts else seen}\n",
        # Until the end the list has also what is about to go: a rule of ours is never a stranger's.
        "owned-meanwhile": was + "".join(x for x in owned.splitlines(True) if x not in was),
        "owned": owned,
        "do/edits": _list(edits, Where.RUNTIME),
        "undo/edits": _list(edits, Where.RUNTIME, undo=True),
        "do/saved-edits": _list(edits, Where.SAVED) if starts else "",
        "save/saved-edits": "" if starts else _list(edits, Where.SAVED),
        "undo/saved-edits": "" if starts else _list(edits, Where.SAVED, undo=True),
    }
    for folder in ("do", "undo", "save"):
        files[f"{folder}/zones"] = "".join(f"{zone}\n" for zone in zones)
    if starts:
        files |= {"do/start": "", "undo/stop": ""}
    if stops:
        files |= {"do/stop": "", "undo/start": ""}
    if ENABLE in ops:
        on, off = ("enable", "disable") if ops[ENABLE] is Op.ADD else ("disable", "enable")
        files |= {f"save/{on}": "", f"undo/{off}": ""}
    return files


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _list(edits: Iterable[Edit], where: Where, *, undo: bool = False) -> str:
    """The edits of one side as ``add|remove ZONE RULE`` lines; for the undo, turned round."""
    turned = {Op.ADD: Op.REMOVE, Op.REMOVE: Op.ADD}
    return "".join(
        f"{(turned[each.op] if undo else each.op).value} {each.zone} {each.rule}\n"
        for each in edits
        if each.where is where and each.zone
    )


def _owned_lines(zones: Iterable[_Zone], edits: Iterable[Edit]) -> Iterator[str]:
    """The list of our own rules after the change."""
    for zone in zones:
        added = [
            rule
            for each in edits
            if each.op is Op.ADD and each.zone == zone.name
            if (rule := rich.parse(each.rule).rule) is not None
        ]
        ours = zone.owned | Ruleset.of(added)
        ours -= ours - zone.wanted
        yield from (f"{zone.name} {rich.render(rule)}\n" for rule in ours)


def _commands(edits: Iterable[Edit]) -> Iterator[str]:
    for each in edits:
        if each.zone:
            permanent = " --permanent" if each.where is Where.SAVED else ""
            rule = f"--{each.op.value}-rich-rule={shlex.quote(each.rule)}"
            yield f"firewall-cmd{permanent} --zone={each.zone} {rule}"
        elif each.op is Op.ADD:
            yield each.rule
        else:
            yield each.rule.replace(" start ", " stop ").replace(" enable ", " disable ")


def by_hand(desired: Desired) -> tuple[str, ...]:
    """See `tasks.backends.protocol.PacketFilter.by_hand`."""
    zone = f" --zone={desired.zone}" if desired.zone else ""
    rules = [shlex.quote(rich.render(rule)) for rule in desired.ruleset]
    return tuple(
        f"firewall-cmd{permanent}{zone} --add-rich-rule={rule}"
        for permanent in ("", " --permanent")
        for rule in rules
    )
