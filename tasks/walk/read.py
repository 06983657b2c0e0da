"""The base chains of all packet filters of a router, from what it answered."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.backends.nft_maps import maps_of
from tasks.backends.variants import Variant, variant_of
from tasks.observe import Observed
from tasks.walk import iptables, nft
from tasks.walk.chain import Base

_IPTABLES_FAMILIES = {4: "ip", 6: "ip6"}
_REFUSING = {("inet", "lvsfleet_drain")}
"""Behind IPVS: what it has, or schedules, never comes there."""

_INTERFACE = re.compile(r"^\d+: (?P<name>[^\s@]+)", re.MULTILINE)


def interfaces_of(observed: Observed) -> tuple[str, ...]:
    """The router's interfaces that have addresses."""
    addresses = observed.sections.get("addresses")
    names = _INTERFACE.findall(addresses.text) if addresses else []
    return tuple(dict.fromkeys(names))


def bases_of(observed: Observed) -> tuple[list[Base], str]:
    """All base chains as they are listed, and why some were not seen; empty where all were.

    Tables of iptables-nft are read from iptables-save: of their matches, nft knows but names.

    Raises:
        NotUnderstood: an answer of the router makes no sense.
    """
    found, covered = of_iptables(observed)
    listing = observed.text("nft:ruleset")
    if listing:
        found += nft.bases(listing, without=covered | _REFUSING)
    elif listing := observed.text("nftables:others"):
        own = observed.text("nftables:own")
        without = {*covered, *_REFUSING, *([("inet", "lvsfleet")] if own else [])}
        maps = maps_of(observed.text("nftables:marking") or '{"nftables": []}')
        found += nft.bases(listing, without=without, whole_sets=False, maps=maps)
        found += nft.bases(own) if own else ()
    return found, _gap(observed, found, listing)


def of_iptables(observed: Observed) -> tuple[list[Base], set[nft.Table]]:
    """The base chains of both variants, and the tables of nftables that they are."""
    found: list[Base] = []
    covered: set[nft.Table] = set()
    for version, family in _IPTABLES_FAMILIES.items():
        dumps: dict[Variant | None, str] = {}
        for program in ("iptables-nft", "iptables-legacy", "iptables"):
            text = observed.text(f"{program}:{version}")
            if text:
                dumps.setdefault(variant_of(text), text)
        for variant, text in dumps.items():
            found += iptables.bases(text, version)
            if variant is Variant.NFT:
                covered |= {(family, name) for name in iptables.tables(text)}
    return found, covered


def _gap(observed: Observed, found: Sequence[Base], listing: str | None) -> str:
    if listing:
        return ""
    said = observed.sections.get("nft:ruleset")
    if said is not None and said.status:
        return f"nft does not list its rules (exit status {said.status})"
    firewalld = observed.units.get("firewalld")
    if firewalld and firewalld.active and not any(b.chain.place.startswith("fire") for b in found):
        return "firewalld runs, and nft does not list the rules that it has made"
    dumped = any(observed.text(f"iptables:{version}") for version in _IPTABLES_FAMILIES)
    return "" if dumped else "neither nft nor iptables-save lists any rules"
