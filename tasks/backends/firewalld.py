"""firewalld: the change from what its zones and policies have to what is desired."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace

from inventory.desired import Backend, Desired, Foreign
from inventory.rules import Mark, Ruleset
from tasks.backends import rich
from tasks.backends.beside import findings_beside, told, unlike_beside
from tasks.backends.firewalld_arrival import Bindings, arrivals, networks
from tasks.backends.firewalld_edits import Placed, edits_of, owned_lines
from tasks.backends.firewalld_files import OWNED, assemble, policy_commands
from tasks.backends.firewalld_owned import MADE, both_sides, owned_rules
from tasks.backends.firewalld_place import Place, groups, saved
from tasks.backends.firewalld_policy import refuse_reach, refuse_too_old, stand_in, waiting
from tasks.backends.firewalld_start import ENABLE, START, has_to_start
from tasks.backends.firewalld_taking import taken_over, unlike
from tasks.backends.foreign import refuse_foreign
from tasks.backends.protocol import Change, Covered, no_service_has
from tasks.checks.catalog.services import LVS011
from tasks.errors import NotReady
from tasks.observe import Observed
from tasks.outcome import Edit, Finding, Op, Where


def plan(desired: Desired, observed: Observed) -> Change:
    """See `tasks.backends.protocol.PacketFilter.plan`."""
    starts = has_to_start(desired, observed)
    placed = _placed(desired, observed, starts=starts)
    edits: list[Edit] = []
    findings: list[Finding] = []
    if not desired.policy and not starts:
        findings += _arrivals(desired, placed[0].place.name, observed)
    beside = unlike_beside(observed, Backend.FIREWALLD, desired.ruleset)
    if desired.foreign is Foreign.REFUSE:
        refuse_foreign([*unlike(placed), *told(beside)])
    findings += findings_beside(beside)
    for where in Where:
        edits += edits_of(desired, placed, where)
    if desired.adopt:
        edits += taken_over(desired, placed)
    for each in placed if desired.foreign is not Foreign.REMOVE else ():
        findings += _findings(each)
    if desired.policy and not starts and placed[0].sides[Where.RUNTIME] is None:
        findings.append(waiting(placed[0].place))
    if starts:
        edits.append(Edit(Op.ADD, Where.RUNTIME, START, None, "systemd"))
    if desired.start and not observed.units["firewalld"].enabled:
        edits.append(Edit(Op.ADD, Where.SAVED, ENABLE, None, "systemd"))
    elif not observed.units["firewalld"].enabled:
        findings.append(
            LVS011.finding(
                "firewalld runs, but is not enabled: after a reboot there are no marks",
                f"{ENABLE}, or start: true in the inventory",
            )
        )
    owned = "".join(owned_lines(placed, edits))
    words = [each.place.word for n, each in enumerate(placed) if n == 0 or each.concerns_us]
    change = assemble(words, edits, observed, owned=owned)
    return replace(change, findings=tuple(findings))


def _placed(desired: Desired, observed: Observed, *, starts: bool) -> list[Placed]:
    """The place of the desired rules, then all that were asked about or have rules of ours.

    Raises:
        NotReady: the place does not exist and cannot be made.
        Conflict: the policy is for other packets.
        NotUnderstood: firewalld's answer makes no sense.
    """
    at = _wanted(desired, observed, starts=starts)
    owned = owned_rules(observed)
    target = next(iter(at))
    made = (observed.text(OWNED) or "").split("\n")
    nothing = dict.fromkeys(Where, Ruleset())
    found = []
    for place in dict.fromkeys([*at, *map(Place.of, owned), *_bystanders(desired, observed)]):
        there = both_sides(place, observed, starts=starts)
        if place not in at and not any(there.values()):
            continue
        minds = desired.policy or place == target
        found.append(
            Placed(
                place,
                at.get(place, nothing),
                owned.get(place.word, Ruleset()),
                f"{place.word} {MADE}" in made,
                there,
                desired.ruleset if minds else Ruleset(),
            )
        )
    return found


def _wanted(
    desired: Desired, observed: Observed, *, starts: bool
) -> dict[Place, dict[Where, Ruleset]]:
    """What each place should have on each side; the first is the inventory's.

    Raises:
        NotReady, Conflict, NotUnderstood: as above.
    """
    both = dict.fromkeys(Where, desired.ruleset)
    if not desired.policy:
        zone = desired.zone or (observed.text("firewalld:default") or "").strip()
        if saved(Place("zone", zone), observed) is None:
            raise NotReady(
                f"firewalld has no zone {zone!r}",
                "firewall-cmd --get-zones lists those it has;"
                f" firewall-cmd --permanent --new-zone={zone} makes one",
            )
        return {Place("zone", zone): both}
    place = Place("policy", desired.policy)
    refuse_too_old(observed, place)
    there = both_sides(place, observed, starts=starts)
    for side in there.values():
        refuse_reach(place, side)
    if starts or there[Where.RUNTIME] is not None or not desired.ruleset:
        return {place: both}
    waits = {Where.RUNTIME: desired.ruleset, Where.SAVED: Ruleset()}
    return {
        place: {Where.RUNTIME: Ruleset(), Where.SAVED: desired.ruleset},
        stand_in(observed, place): waits,
    }


def _bystanders(desired: Desired, observed: Observed) -> Iterator[Place]:
    """Where packets come by beside a policy: somebody may mark them otherwise there."""
    if desired.policy:
        for kind, section in (("zone", "firewalld:saved:"), ("policy", "firewalld:policy:")):
            for name in observed.sections:
                if name.startswith(section):
                    yield Place(kind, name.removeprefix(section))


def _arrivals(desired: Desired, zone: str, observed: Observed) -> Iterator[Finding]:
    """Whether the VIPs' packets come by the zone; nothing where the router does not tell."""
    active = groups(observed.sections.get("firewalld:active"))
    if active is not None:
        default = (observed.text("firewalld:default") or "").strip()
        bindings = Bindings(default, active, networks(observed.text("addresses") or ""))
        yield from arrivals((v for each in desired.services for v in each.vips), zone, bindings)


def _findings(placed: Placed) -> Iterator[Finding]:
    """Marks that nobody explains; said once, though they be both running and saved."""
    known = Covered(placed.desired | placed.wanted_at_all | placed.owned)
    both = {each.text: each for where in Where for each in placed.side(where).rules}
    for text, each in both.items():
        if isinstance(each.rule, Mark) and each.rule not in known:
            delete = f"firewall-cmd {placed.place.option} --remove-rich-rule={shlex.quote(text)}"
            yield no_service_has(text, f"firewalld's {placed.place.scope}", delete)


def by_hand(desired: Desired) -> tuple[str, ...]:
    """See `tasks.backends.protocol.PacketFilter.by_hand`."""
    rules = [f"--add-rich-rule={shlex.quote(rich.render(rule))}" for rule in desired.ruleset]
    if desired.policy:
        place = Place("policy", desired.policy)
        added = (f"firewall-cmd --permanent {place.option} {rule}" for rule in rules)
        return (*policy_commands(place), *added, "firewall-cmd --reload")
    zone = f" --zone={desired.zone}" if desired.zone else ""
    saving = ("", " --permanent")
    return tuple(f"firewall-cmd{each}{zone} {rule}" for each in saving for rule in rules)
