"""firewalld's policies: what there must be for one to have the rules, and where they wait for it.

firewalld loads a new policy when it starts or reloads, and in no other way: over D-Bus policies are
made in the permanent configuration only. A reload costs packets, so lvsfleet makes the policy for
the next start, and until then the running rules stand in ``allow-host-ipv6``: a policy that every
firewalld with policies comes with and has loaded, for the same packets. Its priority is -15000, so
the rules come before other policies': where one of those turns packets away, the policy has to be
loaded by hand.
"""

from __future__ import annotations

import re

from tasks.backends.firewalld_place import Place, Side, groups, running
from tasks.bus import bus_value, is_bus
from tasks.checks.catalog.services import LVS017
from tasks.errors import Conflict, NotReady
from tasks.observe import Observed
from tasks.outcome import Finding

STAND_IN = Place("policy", "allow-host-ipv6")
"""Shipped with firewalld 0.9.0 and newer, from ANY to HOST."""

_SINCE = (0, 9)


def refuse_too_old(observed: Observed, place: Place) -> None:
    """Stop where firewalld has no policies.

    Raises:
        NotReady: it is older than 0.9.0.
    """
    text = (observed.text("firewalld:version") or "").strip()
    version = str(bus_value(text)) if is_bus(text) else text
    match = re.match(r"(\d+)\.(\d+)", version)
    if match and (int(match[1]), int(match[2])) < _SINCE:
        raise NotReady(
            f"firewalld {version} has no policies, so none can be called {place.name}:"
            " they came with firewalld 0.9.0",
            "Say zone: NAME in the inventory instead of policy:, or update firewalld",
        )


def refuse_reach(place: Place, side: Side | None) -> None:
    """Stop where a policy of that name is for other packets.

    Raises:
        Conflict: it is not for all that are for the router itself, or comes behind the zones.
    """
    if side is not None and not side.reach.is_everywhere:
        raise Conflict(
            f"firewalld's policy {place.name} is for packets from {side.reach}; the marks need one"
            " from ANY to HOST, with a priority below 0",
            "Say another name in the inventory, and lvsfleet makes that policy; or change this one",
        )


def stand_in(observed: Observed, place: Place) -> Place:
    """The policy that the running rules wait in until ``place`` is loaded.

    Raises:
        NotReady: there is none to wait in.
        NotUnderstood: firewalld's answer makes no sense.
    """
    side = running(STAND_IN, observed)
    active = groups(observed.sections.get("firewalld:policies"))
    if side is None or active is None or not side.reach.is_everywhere:
        raise _not_loaded(place, f"its rules cannot wait in {STAND_IN.name}, which is not there")
    others = []
    for name in active:
        other = running(Place("policy", name), observed)
        if name != place.name and (other is None or other.turns_away):
            others.append(name)
    if others:
        raise _not_loaded(
            place,
            f"its rules cannot wait in {STAND_IN.name}, which comes before {', '.join(others)}"
            " and would let in what that turns away",
        )
    return STAND_IN


def _not_loaded(place: Place, why: str) -> NotReady:
    option = f"firewall-cmd --permanent {place.option}"
    return NotReady(
        f"firewalld has no policy {place.name} loaded, loads one only when it starts or reloads,"
        f" and {why}",
        "Load it yourself, once; a reload costs packets, so on a BACKUP and at a quiet time:"
        f" firewall-cmd --permanent --new-policy={place.name}; {option} --add-ingress-zone=ANY;"
        f" {option} --add-egress-zone=HOST; firewall-cmd --reload",
    )


def waiting(place: Place) -> Finding:
    """The running rules are in another policy than the saved ones."""
    return LVS017.finding(
        f"the running rules stand in policy {STAND_IN.name} until firewalld starts anew and loads"
        f" policy {place.name}; they do the same there",
        "Nothing needs to be done: a reload is not worth the packets that it costs",
    )
