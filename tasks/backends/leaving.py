"""What takes lvsfleet's rules out of a packet filter that does not have the marks any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from inventory.desired import Backend, Desired
from inventory.rules import Ruleset
from tasks.backends import firewalld_edits
from tasks.backends import iptables_change as ipt
from tasks.backends import nftables as nft
from tasks.backends.chains import MARKS, OwnChain, Place
from tasks.backends.firewalld_edits import Placed
from tasks.backends.firewalld_files import OWNED, assemble
from tasks.backends.firewalld_owned import MADE, both_sides, owned_rules
from tasks.backends.firewalld_place import Place as FirewalldPlace
from tasks.backends.iptables import aim_at
from tasks.backends.iptables_family import DEBIAN, PROGRAMS, RED_HAT, Family
from tasks.backends.iptables_save import Table, parse_dump
from tasks.backends.protocol import Change
from tasks.observe import Observed
from tasks.outcome import Where

_CHAINS = MARKS.chain.removesuffix("MARK")


def has_ours(backend: Backend, observed: Observed) -> bool:
    """Whether a router that was asked about a packet filter has rules of ours there."""
    match backend:
        case Backend.FIREWALLD:
            return bool(observed.text(OWNED))
        case Backend.NFTABLES:
            stored = observed.sections.keys() & {
                f"file:{path}" for path in (nft.LOADER.file, *nft.LOADER.texts)
            }
            return bool(observed.text(nft.OWN) or stored)
        case _:
            return any(True for _ in _families(observed))


def leave(backend: Backend, desired: Desired, observed: Observed) -> Change:
    """The change that takes all of ours out of a packet filter, running and saved.

    Args:
        backend: which one.
        desired: what the router should be, elsewhere; says whose rule a rule is.
        observed: what it is.

    Raises:
        Conflict: a rule of somebody else's needs what is to go.
        NotUnderstood: an answer of the router makes no sense.
    """
    return _LEAVE[backend](replace(desired, adopt=False), observed)


def _firewalld(desired: Desired, observed: Observed) -> Change:
    runs = observed.units["firewalld"].active
    listed = (observed.text(OWNED) or "").split("\n")
    placed = []
    for word, rules in owned_rules(observed).items():
        place = FirewalldPlace.of(word)
        there = both_sides(place, observed, starts=not runs)
        made = f"{word} {MADE}" in listed
        nothing = dict.fromkeys(Where, Ruleset())
        placed.append(Placed(place, nothing, rules, made, there, Ruleset()))
    edits = [
        edit
        for where in (Where if runs else (Where.SAVED,))
        for edit in firewalld_edits.edits_of(desired, placed, where)
    ]
    change = assemble([each.place.word for each in placed], edits, observed, owned="")
    if runs:
        return change
    return replace(change, files={**change.files, "seen": "-\n"})  # there is no runtime


def _iptables(desired: Desired, observed: Observed) -> Change:
    def aim(family: Family, place: Place, where: Where, table: Table) -> OwnChain:
        return aim_at(place, table, Ruleset(), family.named(where), ())

    return ipt.change(observed, _families(observed), aim, service=desired.service_of)


def _families(observed: Observed) -> Iterator[Family]:
    """Those that have something of ours, whatever loads it."""
    for version in PROGRAMS:
        dump = observed.text(f"iptables:{version}") or ""
        stored = {
            each[version]: observed.text(f"file:{each[version].path}") for each in (DEBIAN, RED_HAT)
        }
        loader = max(stored, key=lambda each: _CHAINS in (stored[each] or ""))
        if _CHAINS in dump or _CHAINS in (stored[loader] or ""):
            yield Family(version, loader, parse_dump(dump), stored[loader])


def _nftables(desired: Desired, observed: Observed) -> Change:
    return nft.change(observed, nft.State(), service=desired.service_of)


_LEAVE: Mapping[Backend, Callable[[Desired, Observed], Change]] = {
    Backend.FIREWALLD: _firewalld,
    Backend.IPTABLES: _iptables,
    Backend.NFTABLES: _nftables,
}
