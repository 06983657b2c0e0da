"""firewalld's marks: the rich rules of every zone that somebody uses, in the runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from inventory.desired import Backend
from inventory.rules import Mark
from tasks.adopt.found import Found, Untold
from tasks.backends import rich
from tasks.backends.rich_marks import sets_mark, why_not
from tasks.bus import bus_strings, is_bus
from tasks.observe import Observed

_RICH = "firewalld:rich:"
Zones = Mapping[str, tuple[rich.RichRule, ...]]


def zones(observed: Observed) -> Zones:
    """The rich rules of each zone that was read.

    Raises:
        NotUnderstood: an answer makes no sense.
    """
    found: dict[str, tuple[rich.RichRule, ...]] = {}
    for name, section in observed.sections.items():
        if name.startswith(_RICH) and section.status == 0:
            said = section.text
            rules = bus_strings(said) if is_bus(said) else said.splitlines()
            zone = name.removeprefix(_RICH)
            found[zone] = tuple(rich.parse(rule) for rule in rules if rule.strip())
    return found


def default_zone(observed: Observed) -> str:
    """The router's default zone; empty where it has none."""
    return (observed.text("firewalld:default") or "").strip()


def zone_of(zones: Zones, observed: Observed) -> str | None:
    """The zone with most of the marks; the default one where there are none."""
    default = default_zone(observed)

    def marks(zone: str) -> tuple[int, bool]:
        return sum(isinstance(each.rule, Mark) for each in zones[zone]), zone == default

    return max(zones, key=marks, default=default) or None


def marks(zones: Zones, chosen: str | None) -> Iterator[Found | Untold]:
    """Every mark rule of every zone; ``chosen`` is the one that the inventory is to name."""
    for zone, rules in zones.items():
        where = f"firewalld's zone {zone}"
        for each in rules:
            if isinstance(each.rule, Mark) and zone == chosen:
                yield Found(each.rule, each.text, where, Backend.FIREWALLD)
            elif isinstance(each.rule, Mark):
                why = f"the other marks stand in zone {chosen}, and a router has its in one"
                yield Untold(each.text, where, why)
            elif sets_mark(each.text):
                yield Untold(each.text, where, why_not(each.text))
