"""firewalld: the change from what a zone has, running and saved, to what is desired.

Rich rules carry no owner, so the router keeps a list of those that lvsfleet put there (``owned``, a
line ``ZONE RULE`` each). A rule that is not on it is somebody else's: it counts where it does what
is wanted, and it stays.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree

from inventory.desired import Backend, Desired
from inventory.rules import AcceptProtocol, Mark, Ruleset
from tasks.backends import rich
from tasks.backends.protocol import Change, no_service_has, refuse_conflicts
from tasks.errors import Conflict, NotReady
from tasks.observe import Observed, bus_strings
from tasks.outcome import Edit, Finding, Op, Severity, Where

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
    enables = desired.start and not observed.units["firewalld"].enabled
    boot = []
    if starts:
        boot.append(Edit(Op.ADD, Where.RUNTIME, "systemctl start firewalld", None, "systemd"))
    if enables:
        boot.append(Edit(Op.ADD, Where.SAVED, "systemctl enable firewalld", None, "systemd"))
    elif not observed.units["firewalld"].enabled:
        findings.append(
            Finding(
                "LVS011",
                Severity.WARNING,
                "firewalld runs, but is not enabled: after a reboot there are no marks",
                "systemctl enable firewalld, or start: true in the inventory",
            )
        )
    files = _files(zones, edits, observed, starts=starts, enables=enables)
    return Change(
        backend=Backend.FIREWALLD,
        edits=(*edits, *boot),
        findings=tuple(findings),
        files=files,
        commands=tuple(_commands(edits, boot)),
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
    return True


def _zones(desired: Desired, observed: Observed, *, starts: bool) -> list[_Zone]:
    """The desired zone, then those that lvsfleet left rules in earlier.

    Raises:
        NotReady: the zone does not exist.
        NotUnderstood: firewalld's answer makes no sense.
    """
    target = desired.zone or (observed.text("firewalld:default") or "").strip()
    owned = _owned(observed)
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


def _owned(observed: Observed) -> dict[str, Ruleset]:
    """The rules that lvsfleet put into each zone, as the router's own list says."""
    owned: dict[str, Ruleset] = {}
    for line in (observed.text("file:/var/lib/lvsfleet/owned") or "").splitlines():
        zone, _, words = line.partition(" ")
        rule = rich.parse(words).rule
        if rule is not None:
            owned[zone] = owned.get(zone, Ruleset()) | Ruleset.of([rule])
    return owned


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
    kept = side.other
    stale: list[rich.RichRule] = []
    foreign: list[tuple[str, Mark]] = []
    for each in side.rules:
        if each.rule is None:
            continue
        rules = Ruleset.of([each.rule])
        if zone.wanted.covers(rules):
            kept |= rules
        elif zone.owned.covers(rules):
            stale.append(each)
        elif isinstance(each.rule, Mark):
            foreign.append((each.text, each.rule))
    refuse_conflicts(zone.wanted, foreign, where=f"firewalld's zone {zone.name}")
    for rule in zone.wanted - kept:
        yield Edit(Op.ADD, where, rich.render(rule), desired.service_of(rule), scope)
    for each in stale:
        service = desired.service_of(each.rule) if each.rule else None
        yield Edit(Op.REMOVE, where, each.text, service, scope)


def _findings(zone: _Zone) -> Iterator[Finding]:
    """Marks that nobody explains; said once, though they be both running and saved."""
    both = {each.text: each for side in (zone.runtime, zone.saved) for each in side.rules}
    for text, each in both.items():
        if not isinstance(each.rule, Mark):
            continue
        rules = Ruleset.of([each.rule])
        if not zone.wanted.covers(rules) and not zone.owned.covers(rules):
            delete = f"firewall-cmd --zone={zone.name} --remove-rich-rule={shlex.quote(text)}"
            yield no_service_has(text, f"firewalld's zone {zone.name}", delete)


def _files(
    zones: list[_Zone], edits: list[Edit], observed: Observed, *, starts: bool, enables: bool
) -> dict[str, str]:
    """What the remote scripts work by; see ``begin.sh`` and ``firewalld.sh``."""
    names = "".join(f"{zone.name}\n" for zone in zones)
    seen = [observed.sections.get(f"firewalld:rich:{zone.name}") for zone in zones]
    told = "".join(section.text for section in seen if section is not None)
    files = {
        "backend": "firewalld\n",
        "seen": ("-" if starts else hashlib.sha256(_bytes(told)).hexdigest()) + "\n",
        "owned-meanwhile": "".join(_owned_lines(zones, edits, after=False)),
        "owned": "".join(_owned_lines(zones, edits, after=True)),
        "save/saved-edits": "" if starts else _list(edits, Where.SAVED, undo=False),
        "undo/saved-edits": "" if starts else _list(edits, Where.SAVED, undo=True),
    }
    for folder in ("do", "undo", "save"):
        files[f"{folder}/zones"] = names
    if starts:
        files |= {"do/saved-edits": _list(edits, Where.SAVED, undo=False)}
        files |= {"do/start": "", "undo/stop": ""}
    else:
        files |= {"do/edits": _list(edits, Where.RUNTIME, undo=False)}
        files |= {"undo/edits": _list(edits, Where.RUNTIME, undo=True)}
    if enables:
        files |= {"save/enable": "", "undo/disable": ""}
    return files


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _list(edits: Iterable[Edit], where: Where, *, undo: bool) -> str:
    """The edits of one side as ``add|remove ZONE RULE`` lines; for the undo, turned round."""
    turned = {Op.ADD: Op.REMOVE, Op.REMOVE: Op.ADD}
    return "".join(
        f"{(turned[each.op] if undo else each.op).value} {each.scope.split()[1]} {each.rule}\n"
        for each in edits
        if each.where is where
    )


def _owned_lines(zones: Iterable[_Zone], edits: Iterable[Edit], *, after: bool) -> Iterator[str]:
    """The list of our own rules: until the commit also those that are about to go."""
    for zone in zones:
        added = [
            rule
            for each in edits
            if each.op is Op.ADD and each.scope == f"zone {zone.name}"
            if (rule := rich.parse(each.rule).rule) is not None
        ]
        ours = zone.owned | Ruleset.of(added)
        if after:
            ours -= ours - zone.wanted
        yield from (f"{zone.name} {rich.render(rule)}\n" for rule in ours)


def _commands(edits: Iterable[Edit], boot: Iterable[Edit]) -> Iterator[str]:
    for each in edits:
        permanent = " --permanent" if each.where is Where.SAVED else ""
        zone = each.scope.split()[1]
        rule = shlex.quote(each.rule)
        yield f"firewall-cmd{permanent} --zone={zone} --{each.op.value}-rich-rule={rule}"
    yield from (each.rule for each in boot)


def by_hand(desired: Desired) -> tuple[str, ...]:
    """See `tasks.backends.protocol.PacketFilter.by_hand`."""
    zone = f" --zone={desired.zone}" if desired.zone else ""
    rules = [shlex.quote(rich.render(rule)) for rule in desired.ruleset]
    return tuple(
        f"firewall-cmd{permanent}{zone} --add-rich-rule={rule}"
        for permanent in ("", " --permanent")
        for rule in rules
    )
