"""The tables of others: as they run, and as they are loaded at boot; what they do to a packet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_address

from inventory.rules import AcceptProtocol, Address, Mark, Rule, Ruleset
from tasks.backends.firewalld_files import OWNED
from tasks.backends.nft_foreign import ForeignMark, foreign_marks
from tasks.backends.nft_json import Chain, chains_of_others
from tasks.backends.nft_maps import Maps, maps_of
from tasks.backends.nft_own import own_base
from tasks.backends.nft_plain import plain_accepts
from tasks.backends.nft_table import DRAIN, FAMILY, NAME
from tasks.errors import NotReady
from tasks.observe import Observed
from tasks.walk import Filters, Packet
from tasks.walk import nft as nft_walk
from tasks.walk.chain import Base
from tasks.walk.read import interfaces_of, of_iptables

OTHERS, MARKING, BOOT = "nftables:others", "nftables:marking", "nftables:boot"
"""The sections with all tables without elements; with those that set marks, and their maps; with
what nft makes of the file that is loaded at boot."""

Table = tuple[str, str]
Chains = Mapping[str, Chain]

ADVERTS: Mapping[int, Address] = {4: ip_address("224.0.0.18"), 6: ip_address("ff02::12")}
"""Where VRRP's adverts go (RFC 9568, 5.1)."""


@dataclass(frozen=True)
class Side:
    """All tables but ours, running or as they are loaded at boot.

    Attributes:
        tables: their chains.
        maps: the elements of the maps that marks are taken from.
        listing: what they were read from.
        interfaces: the router's.
        iptables: the chains of iptables, which nft cannot tell enough of.
        without: the tables of nftables that these are.
    """

    tables: Mapping[Table, Chains]
    maps: Maps
    listing: str
    interfaces: tuple[str, ...] = ()
    iptables: tuple[Base, ...] = ()
    without: frozenset[Table] = frozenset()

    @cached_property
    def marks(self) -> tuple[ForeignMark, ...]:
        """The rules that set marks."""
        return tuple(foreign_marks(self.tables.values(), self.maps))

    @cached_property
    def bases(self) -> tuple[Base, ...]:
        """The chains that packets come to by themselves."""
        without = {*self.without, (FAMILY, NAME), (FAMILY, DRAIN)}
        listed = nft_walk.bases(self.listing, without=without, whole_sets=False, maps=self.maps)
        return (*self.iptables, *listed)

    def filters(self, ours: Iterable[Mark] = ()) -> Filters:
        """What becomes of packets that ours, beside them, gives these marks."""
        return Filters.over((*self.bases, own_base(ours)), self.interfaces)

    def does(self, wanted: Ruleset, going: Iterable[ForeignMark] = ()) -> Ruleset:
        """What of ``wanted`` plain rules of others do, and a packet gets to keep.

        Args:
            wanted: the desired rules.
            going: rules that are about to go.
        """
        left = [each for each in self.marks if each not in going]
        theirs = Ruleset.of(mark for each in left for mark in each.marks)
        same = wanted - (wanted - (theirs | plain_accepts(self.tables.values(), wanted)))
        if not same:
            return same
        filters, versions = self.filters(), versions_of(wanted)
        return Ruleset.of(rule for rule in same if _holds(rule, filters, versions))


def running(observed: Observed) -> Side:
    """The tables as they run.

    Raises:
        NotReady: nft does not tell.
        NotUnderstood: its answer makes no sense.
    """
    text = observed.text(OTHERS)
    if text is None:
        said = observed.sections.get(OTHERS)
        raise NotReady(
            f"nft does not list its tables (exit status {said.status if said else 'unknown'})",
            "Install nftables 0.9.4 or newer, and look at: nft --json list ruleset",
        )
    maps = maps_of(observed.text(MARKING) or '{"nftables": []}')
    iptables, without = of_iptables(observed)
    side = _side(text, maps, observed)
    # What firewalld does for us goes with it when our marks move here.
    leaving = [(family, "firewalld") for family in ("inet", "ip", "ip6") if observed.text(OWNED)]
    skipped = {*without, *leaving}
    tables = {table: chains for table, chains in side.tables.items() if table not in skipped}
    return replace(side, tables=tables, iptables=tuple(iptables), without=frozenset(without))


def at_boot(observed: Observed) -> Side | None:
    """The tables as nftables.service loads them at boot; None where that cannot be said.

    Raises:
        NotUnderstood: nft's answer makes no sense.
    """
    text = observed.text(BOOT)
    if not text or not observed.units["nftables"].enabled:
        return None
    return _side(text, maps_of(text), observed)


def _side(text: str, maps: Maps, observed: Observed) -> Side:
    return Side(chains_of_others(text), maps, text, interfaces_of(observed))


def packets_of(rule: Rule, versions: Sequence[int]) -> list[Packet]:
    """The packets that a rule is about; adverts in each of some IP versions."""
    if not isinstance(rule, AcceptProtocol):
        return [Packet(rule.vip, rule.protocol, rule.ports)]
    return [Packet(ADVERTS[version], rule.protocol) for version in versions]


def _holds(rule: Rule, filters: Filters, versions: Sequence[int]) -> bool:
    """Whether that is what becomes of all the packets that a rule is about."""
    parts = [said for packet in packets_of(rule, versions) for _, said in filters.by_ports(packet)]
    if isinstance(rule, Mark):
        return all(said.mark == rule.mark for said in parts)
    return all(said.strangers is True or said.accepted is True for said in parts)


def versions_of(rules: Ruleset) -> list[int]:
    """The IP versions that have marks; both where none has."""
    return sorted({mark.vip.version for mark in rules.marks} or {4, 6})
