"""Where firewalld has rules, zones and policies, as a router tells of them: running and saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self
from xml.etree import ElementTree

from inventory.rules import AcceptProtocol, Ruleset
from tasks.backends import rich
from tasks.bus import bus_strings, bus_value, is_bus
from tasks.errors import NotReady, NotUnderstood
from tasks.observe import Observed
from tasks.sections import Section

_POLICY = "policy:"


@dataclass(frozen=True, slots=True)
class Place:
    """A zone, or a policy; rules of either are rich rules.

    Attributes:
        kind: ``zone`` or ``policy``.
        name: its name.
    """

    kind: str
    name: str

    @classmethod
    def of(cls, word: str) -> Self:
        """The place that ``word`` stands for on the router: ``public``, ``policy:lvsfleet``."""
        name = word.removeprefix(_POLICY)
        return cls("zone" if name == word else "policy", name)

    @property
    def word(self) -> str:
        """One word for it, in our own lists and in the scripts; no zone has a colon."""
        return self.name if self.kind == "zone" else _POLICY + self.name

    @property
    def scope(self) -> str:
        """As reports have it: ``zone public``."""
        return f"{self.kind} {self.name}"

    @property
    def option(self) -> str:
        """Of firewall-cmd: ``--zone=public``."""
        return f"--{self.kind}={self.name}"


@dataclass(frozen=True, slots=True)
class Reach:
    """Which packets come by a policy.

    Attributes:
        ingress, egress: the zones that they go from and to, or ``ANY`` and ``HOST``.
        priority: below 0 it comes before the zones.
    """

    ingress: tuple[str, ...]
    egress: tuple[str, ...]
    priority: int = -1

    @property
    def is_everywhere(self) -> bool:
        """All that are for the router itself, before a zone could turn them away."""
        return (self.ingress, self.egress) == (("ANY",), ("HOST",)) and self.priority < 0

    def __str__(self) -> str:
        ends = (" ".join(each) or "nowhere" for each in (self.ingress, self.egress))
        return f"{' to '.join(ends)}, priority {self.priority}"


EVERYWHERE = Reach(("ANY",), ("HOST",))
"""The reach of a policy that lvsfleet makes; -1 is what firewalld gives one that says nothing."""


_TURN_AWAY = frozenset({"DROP", "REJECT", "%%REJECT%%", "drop", "reject"})


@dataclass(frozen=True, slots=True)
class Side:
    """The rules of a place, in the runtime or as they are saved.

    Attributes:
        rules: its rich rules.
        other: what its other settings do that counts as ours, e.g. ``<protocol value="vrrp"/>``.
        reach: of a policy.
        bare: it has nothing but rich rules (and a name and a reach).
        turns_away: of a running policy, something that comes by it.
    """

    rules: tuple[rich.RichRule, ...] = ()
    other: Ruleset = field(default_factory=Ruleset)
    reach: Reach = EVERYWHERE
    bare: bool = True
    turns_away: bool = False


def running(place: Place, observed: Observed) -> Side | None:
    """What the daemon has there; None where it knows of no such policy.

    Raises:
        NotReady: it does not tell.
        NotUnderstood: its answer makes no sense.
    """
    if place.kind == "zone":
        rules = _answer(place, observed.sections.get(f"firewalld:rich:{place.name}"))
        protocols = _answer(place, observed.sections.get(f"firewalld:protocols:{place.name}"))
        return _side(_strings(rules, "\n"), _strings(protocols, " "))
    section = observed.sections.get(f"firewalld:policy:{place.name}")
    if section is None or "INVALID_POLICY" in section.text:
        return None
    told = _settings(_answer(place, section))
    ends = (_tuple(told.get("ingress_zones")), _tuple(told.get("egress_zones")))
    try:
        reach = Reach(*ends, int(str(told.get("priority", EVERYWHERE.priority))))
    except ValueError as error:
        raise NotUnderstood(f"firewalld says of {place.scope}: {section.text[:200]!r}") from error
    rich_rules = _tuple(told.get("rich_rules"))
    target = told.get("target", "")
    targets = (target,) if isinstance(target, str) else _tuple(target)
    words = (*targets, *(word for rule in rich_rules for word in rule.split()))
    turns_away = not _TURN_AWAY.isdisjoint(words)
    return replace(_side(rich_rules, _tuple(told.get("protocols")), reach), turns_away=turns_away)


def saved(place: Place, observed: Observed) -> Side | None:
    """What will be loaded at boot; None where there is no such place.

    Raises:
        NotReady: its file is broken.
    """
    name = "saved" if place.kind == "zone" else "saved-policy"
    text = observed.text(f"firewalld:{name}:{place.name}")
    if text is None:
        return None
    try:
        root = ElementTree.fromstring(_as_bytes(text))  # noqa: S314 - root's own; expat bounds it
        ends = (_names(root, "ingress-zone"), _names(root, "egress-zone"))
        reach = Reach(*ends, int(root.get("priority", EVERYWHERE.priority)))
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise NotReady(
            f"the file of firewalld's {place.kind} {place.name!r} is broken: {error}",
            "firewall-cmd --check-config names it",
        ) from error
    rules = tuple(rich.from_xml(each) for each in root.iter("rule"))
    others = {each.tag for each in root} - {
        "short", "description", "ingress-zone", "egress-zone", "rule",
    }  # fmt: skip
    let_in = _let_in(each.get("value", "") for each in root.findall("protocol"))
    return Side(rules, let_in, reach, not others)


def _names(root: ElementTree.Element, tag: str) -> tuple[str, ...]:
    return tuple(each.get("name", "") for each in root.findall(tag))


def groups(section: Section | None) -> dict[str, dict[str, list[str]]] | None:
    """What ``--get-active-zones`` and ``--get-active-policies`` are about, or None for no answer.

    By zone its ``interfaces`` and ``sources``; by policy ``ingress_zones`` and ``egress_zones``.

    Raises:
        NotUnderstood: it makes no sense.
    """
    if section is None or section.status:
        return None
    found: dict[str, dict[str, list[str]]] = {}
    if is_bus(section.text):
        told = bus_value(section.text)
        for name, group in (told if isinstance(told, dict) else {}).items():
            items = group.items() if isinstance(group, dict) else ()
            found[str(name)] = {str(key): list(_tuple(value)) for key, value in items}
        return found
    name = ""
    for line in section.text.splitlines():
        if line[:1].strip():
            name = line.split()[0]  # newer releases print (default) behind it
            found[name] = {}
        elif name:
            key, _, value = line.strip().partition(":")
            found[name][key.replace("-", "_")] = value.split()
    return found


def _as_bytes(text: str) -> bytes:
    """A section's bytes, as they came."""
    return text.encode("utf-8", "surrogateescape")


def _answer(place: Place, section: Section | None) -> str:
    if section is None or section.status:
        said = section.text.strip() if section else "nothing"
        raise NotReady(
            f"firewalld does not tell its rules in {place.kind} {place.name!r}: {said[-300:]}",
            f"Look at: firewall-cmd {place.option} --list-all",
        )
    return section.text


def _strings(text: str, between: str) -> list[str]:
    """The strings of one answer: of D-Bus, or where there is no busctl of firewall-cmd."""
    if is_bus(text):
        return bus_strings(text)
    return [word for word in text.rstrip("\n").split(between) if word]


def _settings(text: str) -> Mapping[str, object]:
    """A policy's settings: of D-Bus, or of ``firewall-cmd --policy=… --list-all``."""
    if is_bus(text):
        told = bus_value(text)
        return told if isinstance(told, dict) else {}
    found: dict[str, object] = {}
    rules: list[str] = []
    for line in text.splitlines():
        key, _, value = line.strip().partition(":")
        if line.startswith("\t"):
            rules.append(line.strip())
        elif key == "priority":
            found["priority"] = value.strip()
        else:
            found[key.replace("-", "_")] = value.split()
    return {**found, "rich_rules": [rule for rule in rules if rule.startswith("rule")]}


def _tuple(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _side(rules: Iterable[str], protocols: Iterable[str], reach: Reach = EVERYWHERE) -> Side:
    return Side(tuple(rich.parse(rule) for rule in rules), _let_in(protocols), reach)


def _let_in(protocols: Iterable[str]) -> Ruleset:
    """What a place's own list of protocols lets in."""
    parsed = [rich.parse(f'rule protocol value="{name}" accept').rule for name in protocols]
    return Ruleset.of(rule for rule in parsed if isinstance(rule, AcceptProtocol))
