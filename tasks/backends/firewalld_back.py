"""firewalld: the way back from an earlier change, by the opposite of each of its edits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from inventory.rules import Rule, Ruleset
from tasks.backends import rich
from tasks.backends.firewalld_files import LIST, OWNED, assemble, policy_edit, policy_of
from tasks.backends.firewalld_owned import MADE, owned_rules, sides
from tasks.backends.firewalld_place import Place, running, saved
from tasks.backends.firewalld_policy import STAND_IN
from tasks.backends.firewalld_start import ENABLE, START
from tasks.backends.protocol import Back, Covered
from tasks.errors import NotReady
from tasks.observe import Observed
from tasks.outcome import Edit, Op, Where

_Sides = dict[Where, tuple[rich.RichRule, ...]]


def plan_back(
    edits: Sequence[Edit], *, before: Observed, after: Observed | None, now: Observed
) -> Back:
    """See `tasks.backends.protocol.WayBack`.

    A firewalld that the earlier change started is stopped again: with its rules gone it would turn
    the services' traffic away. One that it stopped is started again, its rules in place.
    """
    unit = now.units["firewalld"]
    edits = _as_of(now, edits)
    services = {(each.rule, each.op) for each in edits if not each.place}
    stops = unit.active and (START, Op.ADD) in services
    zones = list(dict.fromkeys(each.place for each in edits if each.place))
    opposite: list[Edit] = []
    for where in Where:
        if where is Where.RUNTIME and (stops or not unit.active):
            continue
        for zone in zones:
            mine = [each for each in edits if each.where is where and each.place == zone]
            was = _sides(zone, before).get(where, ())
            opposite += _opposite(mine, was, sides(zone, now)[where])
    opposite += _policies(edits, now, opposite)
    if stops:
        opposite.append(Edit(Op.REMOVE, Where.RUNTIME, START, None, "systemd"))
    if not unit.active and (START, Op.REMOVE) in services:
        opposite.append(Edit(Op.ADD, Where.RUNTIME, START, None, "systemd"))
    if unit.enabled and (ENABLE, Op.ADD) in services:
        opposite.append(Edit(Op.REMOVE, Where.SAVED, ENABLE, None, "systemd"))
    if not unit.enabled and (ENABLE, Op.REMOVE) in services:
        opposite.append(Edit(Op.ADD, Where.SAVED, ENABLE, None, "systemd"))
    listed = list(_unlisted(edits, before, now))
    off = {each.rule for each in listed}
    owned = "".join(f"{x}\n" for x in _owned(zones, opposite, before, now) if x not in off)
    opposite += listed
    change = assemble(zones, opposite, now, owned=owned)
    since = _since(zones, before, after, now) if after else ()
    return Back(change, tuple(since))


def _sides(zone: str, observed: Observed) -> _Sides:
    """A zone's rules; none where it was not asked about, or there was no such zone."""
    try:
        return sides(zone, observed)
    except NotReady:
        return {}


def _seen(word: str, observed: Observed) -> _Sides:
    """The same; a policy's running rules may wait in the one that stands in for it."""
    found = _sides(word, observed)
    if Place.of(word).kind == "policy" and Where.RUNTIME in found:
        waiting = _sides(STAND_IN.word, observed)[Where.RUNTIME]
        found[Where.RUNTIME] = (*found[Where.RUNTIME], *waiting)
    return found


def _as_of(now: Observed, edits: Sequence[Edit]) -> list[Edit]:
    """The edits, but those of policies in the runtime as the daemon has the policies now.

    It may have started since, and then a policy's rules wait in another one no more: so what runs
    follows what was saved. What left one policy for another stayed where it was.
    """
    twins: list[Edit] = []
    for each in edits:
        place = Place.of(each.place)
        if each.where is Where.SAVED and place.kind == "policy":
            at = place if running(place, now) is not None else STAND_IN
            twins.append(replace(each, where=Where.RUNTIME, scope=at.scope))
    done = {(each.op, each.rule) for each in map(_by_value, twins)}
    kept: list[Edit] = []
    for each in edits:
        place = Place.of(each.place)
        if each.where is Where.RUNTIME and place.kind == "policy":
            value = _by_value(each)
            if (value.op, value.rule) in done:
                continue
            if running(place, now) is None:
                kept.append(replace(each, scope=STAND_IN.scope))
                continue
        kept.append(each)
    turned = {(_SWAPPED[each.op], each.rule, each.scope) for each in map(_by_value, twins)}
    stays = [t for t in twins if (t.op, _by_value(t).rule, t.scope) not in turned]
    return kept + stays


_SWAPPED = {Op.ADD: Op.REMOVE, Op.REMOVE: Op.ADD}


def _by_value(edit: Edit) -> Edit:
    """The edit with its rule in our own spelling."""
    rule = rich.parse(edit.rule).rule
    return replace(edit, rule=rich.render(rule)) if rule else edit


def _policies(edits: Sequence[Edit], now: Observed, opposite: Sequence[Edit]) -> Iterator[Edit]:
    """Policies that the earlier change made go, if nothing is left in them; those it took come."""
    for each in edits:
        word = policy_of(each)
        if word is None:
            continue
        place = Place.of(word)
        side = saved(place, now)
        if each.op is Op.REMOVE and side is None:
            yield policy_edit(Op.ADD, place)
        elif each.op is Op.ADD and side is not None and side.bare:
            going = {e.rule for e in opposite if (e.where, e.place) == (Where.SAVED, word)}
            if all(rule.text in going for rule in side.rules):
                yield policy_edit(Op.REMOVE, place)


def _opposite(
    edits: Sequence[Edit], was: Sequence[rich.RichRule], present: Sequence[rich.RichRule]
) -> Iterator[Edit]:
    """What takes ``edits`` back, as far as they still stand; rules are known by what they do."""
    for each in edits:
        rule = rich.parse(each.rule).rule
        if each.op is Op.REMOVE and not _alike(each.rule, rule, present):
            yield Edit(Op.ADD, each.where, each.rule, each.service, each.scope)
        elif each.op is Op.ADD and not _alike(each.rule, rule, was):
            for text in _alike(each.rule, rule, present):
                yield Edit(Op.REMOVE, each.where, text, each.service, each.scope)


def _alike(text: str, rule: Rule | None, rules: Sequence[rich.RichRule]) -> list[str]:
    """The texts of those of ``rules`` that do the same."""
    return [each.text for each in rules if each.text == text or (rule and each.rule == rule)]


def _owned(
    zones: Sequence[str], opposite: Sequence[Edit], before: Observed, now: Observed
) -> Iterator[str]:
    """The list of our own rules after the way back: those of before and of now that are there."""
    there: dict[str, set[Rule | None]] = {}
    for zone in zones:
        mine = [each for each in opposite if each.place == zone]
        come = {rich.parse(each.rule).rule for each in mine if each.op is Op.ADD}
        for where, rules in sides(zone, now).items():
            gone = {each.rule for each in mine if each.where is where and each.op is Op.REMOVE}
            come |= {each.rule for each in rules if each.text not in gone}
        there[zone] = come - {None}
    was, is_ = (each.text(OWNED) or "" for each in (before, now))
    elsewhere = set(is_.split("\n"))
    for line in dict.fromkeys(f"{was}\n{is_}".split("\n")):
        zone, _, words = line.partition(" ")
        if words == MADE:
            place = Place.of(zone)
            stays = saved(place, now) is not None and policy_edit(Op.REMOVE, place) not in opposite
            if stays or policy_edit(Op.ADD, place) in opposite:
                yield line
        elif line and (
            rich.parse(words).rule in there[zone] if zone in there else line in elsewhere
        ):
            yield line


def _unlisted(edits: Sequence[Edit], before: Observed, now: Observed) -> Iterator[Edit]:
    """What goes from the list of our own rules, since the earlier change only put it there."""
    was, is_ = ((each.text(OWNED) or "").split("\n") for each in (before, now))
    for each in edits:
        if each.scope == LIST and each.op is Op.ADD and each.rule in is_ and each.rule not in was:
            yield replace(each, op=Op.REMOVE)


def _since(zones: Sequence[str], before: Observed, after: Observed, now: Observed) -> Iterator[str]:
    """What became of our own rules after the earlier change; what is as before is no loss."""
    for zone in zones:
        owned = [each.get(zone, Ruleset()) for each in (owned_rules(after), owned_rules(now))]
        ours = Covered(owned[0] | owned[1])
        then, here, once = (_seen(zone, each) for each in (after, now, before))
        for where in Where:
            if where not in then or where not in here:
                continue
            old = {each.rule for each in once.get(where, ())}
            was = {r.rule: r.text for r in then[where] if r.rule and r.rule in ours}
            is_ = {r.rule: r.text for r in here[where] if r.rule and r.rule in ours}
            scope = f"{Place.of(zone).scope}, {where.value}"
            gone = (text for rule, text in was.items() if rule not in is_ and rule in old)
            new = (text for rule, text in is_.items() if rule not in was and rule not in old)
            yield from (f"{scope}: - {text}" for text in gone)
            yield from (f"{scope}: + {text}" for text in new)
