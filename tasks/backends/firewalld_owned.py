"""What of firewalld's rules is ours, by the router's own list, and what each place has.

Rich rules carry no owner, so the router keeps a list of those that lvsfleet put there (``owned``, a
line ``PLACE RULE`` each). A rule that is not on it is somebody else's: it counts where it does what
is wanted, and it stays.
"""

from __future__ import annotations

from inventory.rules import Rule, Ruleset
from tasks.backends import rich
from tasks.backends.firewalld_files import OWNED
from tasks.backends.firewalld_place import Place, Side, running, saved
from tasks.errors import NotReady
from tasks.observe import Observed
from tasks.outcome import Where

MADE = "made"
"""In the list, in a rule's place: lvsfleet made the policy itself."""


def owned_rules(observed: Observed) -> dict[str, Ruleset]:
    """The rules that lvsfleet put into each place, by its word, as the router's own list says."""
    owned: dict[str, list[Rule]] = {}
    for line in (observed.text(OWNED) or "").split("\n"):
        word, _, words = line.partition(" ")
        rule = rich.parse(words).rule
        if rule is not None:
            owned.setdefault(word, []).append(rule)
        elif words == MADE:
            owned.setdefault(word, [])
    return {word: Ruleset.of(rules) for word, rules in owned.items()}


def sides(word: str, observed: Observed) -> dict[Where, tuple[rich.RichRule, ...]]:
    """A place's rich rules as saved and, if firewalld runs, in the runtime.

    Raises:
        NotReady: there is no such zone, or firewalld does not tell.
        NotUnderstood: its answer makes no sense.
    """
    place = Place.of(word)
    starts = not observed.units["firewalld"].active
    there = both_sides(place, observed, starts=starts)
    if place.kind == "zone" and there[Where.SAVED] is None:
        raise NotReady(f"firewalld has no zone {place.name!r}", "firewall-cmd --get-zones")
    known = {where: side.rules if side else () for where, side in there.items()}
    return {Where.SAVED: known[Where.SAVED]} if starts else known


def both_sides(place: Place, observed: Observed, *, starts: bool) -> dict[Where, Side | None]:
    """What a place has; a zone that is not saved is none."""
    stored = saved(place, observed)
    gone = starts or (place.kind == "zone" and stored is None)
    return {Where.RUNTIME: None if gone else running(place, observed), Where.SAVED: stored}
