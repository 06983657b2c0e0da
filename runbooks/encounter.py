"""The look before a VIP comes or goes: may the routers have it, and is it what was shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from inventory.rules import Address
from runbooks.engine import Fleet, Job
from tasks.checks.catalog.vip import LVS071
from tasks.errors import ChangedMeanwhile, Outside, RouterError, Taken
from tasks.keepalived.answer import config_of
from tasks.look import Look
from tasks.neighbours import Network, answer_of, encounter, networks
from tasks.observe import Observed
from tasks.outcome import Edit, Finding, Outcome

Shown = Mapping[str, frozenset[Edit]]
"""By router what somebody was shown, and said yes to."""

_FORCE = "--force goes on all the same"


@dataclass(frozen=True, slots=True)
class Encounter:
    """How a cluster is looked at before its VIPs change.

    Attributes:
        new: the VIP that comes; None where one only goes.
        like: the VIP that it will stand beside.
        keepalived: its files are to hold the VIP; else somebody else sees to that.
        force: what speaks against its address is only told.
        shown: what is to be done, where somebody was asked about that; None where nobody was.
    """

    new: Address | None
    like: Address | None
    keepalived: bool = True
    force: bool = False
    shown: Shown | None = None

    def __call__(self, fleet: Fleet, jobs: Mapping[str, Job]) -> dict[str, Look | Outcome]:
        """Look at all; what must not go on has an error."""
        if self.new is not None:
            ask = encounter(self.new, self.like or self.new)
            jobs = {name: replace(job, ask=ask) for name, job in jobs.items()}
        looks = fleet.look(jobs)
        seen = {n: each for n, each in looks.items() if isinstance(each, Look) and each.observed}
        errors, told = self.judge({n: each.observed for n, each in seen.items() if each.observed})
        for name, each in seen.items():
            error = each.error or errors.get(name) or self._other_than_shown(name, each)
            change = each.change
            if change is not None:
                change = replace(change, findings=(*change.findings, *told))
            looks[name] = replace(each, change=change, error=error)
        return looks

    def judge(
        self, seen: Mapping[str, Observed]
    ) -> tuple[dict[str, RouterError], tuple[Finding, ...]]:
        """What speaks against the new VIP, by router, and what is told of all of them."""
        new = self.new
        if new is None or not seen:
            return {}, ()
        holders = [name for name, each in seen.items() if new in each.addresses]
        if holders and (not self.keepalived or any(_has(each, new) for each in seen.values())):
            return {}, ()  # it is there already: whoever answers for it is one of the routers
        if holders:
            errors = dict(_own(new, seen, holders[0]))
        else:
            errors = dict(self._taken(new, seen)) | dict(self._outside(new, seen))
        if self.force:
            return {}, tuple(dict.fromkeys(LVS071.finding(e.message) for e in errors.values()))
        if not errors and not any(answer_of(each).device for each in seen.values()):
            said = f"nobody could be asked who has {new}: no router is in its network"
            return {}, (LVS071.finding(said, f"arping -D {new} from a host of that network"),)
        return errors, ()

    def _taken(
        self, new: Address, seen: Mapping[str, Observed]
    ) -> Iterator[tuple[str, RouterError]]:
        for name, each in seen.items():
            answer = answer_of(each)
            if answer.mac:
                said = f"{new} is taken: {answer} answers for it"
                yield name, Taken(said, f"Choose another VIP, or take it from there; {_FORCE}")

    def _outside(
        self, new: Address, seen: Mapping[str, Observed]
    ) -> Iterator[tuple[str, RouterError]]:
        beside = {n for each in seen.values() for n in networks(each, of=self.like)}
        nets = beside or {n for each in seen.values() for n in networks(each)}
        if not any(new in network for network in nets):
            listed = sorted(str(n) for n in nets if n.version == new.version) or ["none"]
            where = f"of the interface that has {self.like}" if beside else "of the routers"
            said = f"{new} is in no network {where}: {_joined(listed)}"
        elif names := [_edge(new, network) for network in nets if _edge(new, network)]:
            said = f"{new} cannot be a host's: it is {_joined(sorted(names))}"
        else:
            return
        for name in seen:
            yield name, Outside(said, f"Look at the address; {_FORCE}")

    def _other_than_shown(self, name: str, look: Look) -> RouterError | None:
        if self.shown is None or look.change is None:
            return None
        if frozenset(look.change.edits) == self.shown.get(name, frozenset()):
            return None
        return ChangedMeanwhile(
            "what it needs now is not what was shown a moment ago: somebody else changed it",
            "Run again: it shows anew",
        )


def _edge(address: Address, network: Network) -> str:
    """What an address is to a network of IPv4 that has a broadcast address; empty: one of many."""
    if address.version != 4 or network.prefixlen > 30:  # noqa: PLR2004
        return ""
    if address == network.broadcast_address:
        return f"the broadcast address of {network}"
    return f"the address of the network {network}" if address == network.network_address else ""


def _has(observed: Observed, address: Address) -> bool:
    """Whether keepalived is told to hold an address."""
    config = config_of(observed.sections)
    return config is not None and any(each.address == address for each in config.addresses)


def _own(new: Address, seen: Iterable[str], holder: str) -> Iterator[tuple[str, RouterError]]:
    said = f"{new} is taken: {holder} has it as an address of its own, not by keepalived"
    for name in seen:
        yield name, Taken(said, f"Choose another VIP, or take it from there; {_FORCE}")


def _joined(words: Iterable[str]) -> str:
    return ", ".join(words)
