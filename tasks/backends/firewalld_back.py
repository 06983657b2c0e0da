"""firewalld: the way back from an earlier change, by the opposite of each of its edits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inventory.rules import Ruleset
from tasks.backends import rich
from tasks.backends.firewalld import ENABLE, OWNED, START, assemble, owned_rules, sides
from tasks.backends.protocol import Back, Covered
from tasks.observe import Observed
from tasks.outcome import Edit, Op, Where


def plan_back(
    edits: Sequence[Edit], *, before: Observed, after: Observed | None, now: Observed
) -> Back:
    """See `tasks.backends.protocol.WayBack`.

    A firewalld that the earlier change started is stopped again: with its rules gone it would turn
    the services' traffic away.
    """
    runs = now.units["firewalld"].active
    stops = runs and any(each.rule == START for each in edits)
    zones = list(dict.fromkeys(each.zone for each in edits if each.zone))
    opposite: list[Edit] = []
    for where in Where:
        if where is Where.RUNTIME and (stops or not runs):
            continue
        for zone in zones:
            mine = [each for each in edits if each.where is where and each.zone == zone]
            opposite += _opposite(mine, sides(zone, now)[where])
    if stops:
        opposite.append(Edit(Op.REMOVE, Where.RUNTIME, START, None, "systemd"))
    if now.units["firewalld"].enabled and any(each.rule == ENABLE for each in edits):
        opposite.append(Edit(Op.REMOVE, Where.SAVED, ENABLE, None, "systemd"))
    was = before.text(OWNED) or ""
    change = assemble(zones, opposite, now, owned=was)
    return Back(change, tuple(_since(zones, after, now)) if after else ())


def _opposite(edits: Sequence[Edit], present: Sequence[rich.RichRule]) -> Iterator[Edit]:
    """What takes ``edits`` back, as far as they still stand; rules are known by what they do."""
    for each in edits:
        rule = rich.parse(each.rule).rule
        here = [r.text for r in present if r.text == each.rule or (rule and r.rule == rule)]
        if each.op is Op.REMOVE and not here:
            yield Edit(Op.ADD, each.where, each.rule, each.service, each.scope)
        elif each.op is Op.ADD:
            yield from (
                Edit(Op.REMOVE, each.where, text, each.service, each.scope) for text in here
            )


def _since(zones: Sequence[str], after: Observed, now: Observed) -> Iterator[str]:
    """What became of our own rules after the earlier change."""
    for zone in zones:
        owned = [each.get(zone, Ruleset()) for each in (owned_rules(after), owned_rules(now))]
        ours = Covered(owned[0] | owned[1])
        then, here = sides(zone, after), sides(zone, now)
        for where in Where:
            if where not in then or where not in here:
                continue
            was = {r.rule: r.text for r in then[where] if r.rule and r.rule in ours}
            is_ = {r.rule: r.text for r in here[where] if r.rule and r.rule in ours}
            scope = f"zone {zone}, {where.value}"
            yield from (f"{scope}: - {text}" for rule, text in was.items() if rule not in is_)
            yield from (f"{scope}: + {text}" for rule, text in is_.items() if rule not in was)
