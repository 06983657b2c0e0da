"""The base chains of what ``nft --json list ruleset`` prints."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from tasks.backends.nft_json import objects, reading
from tasks.walk.chain import Base, Chain
from tasks.walk.nft_atom import Sets
from tasks.walk.nft_rule import rule_of
from tasks.walk.place import zone_of

Elements = Mapping[tuple[str, str, str], list[Any]]
"""Of sets and maps, by family, table and name."""

_NONE: Elements = {}
_VERSIONS = {"inet": (4, 6), "ip": (4,), "ip6": (6,), "netdev": (4, 6)}

Table = tuple[str, str]
"""A table's family and name."""


def bases(
    listing: str,
    *,
    without: Collection[Table] = (),
    whole_sets: bool = True,
    maps: Elements = _NONE,
) -> list[Base]:
    """The chains that packets come to by themselves.

    Args:
        listing: as nft printed it.
        without: tables that are looked at elsewhere.
        whole_sets: named sets are listed with their elements (not so with ``--terse``).
        maps: the elements of some that are not.

    Raises:
        NotUnderstood: it is no listing.
    """
    with reading(listing):
        return _bases(objects(listing), without, maps, whole_sets=whole_sets)


def _bases(
    listed: Iterable[tuple[str, dict[str, Any]]],
    without: Collection[Table],
    maps: Elements,
    *,
    whole_sets: bool,
) -> list[Base]:
    chains: dict[Table, dict[str, dict[str, Any]]] = {}
    rules: dict[Table, dict[str, list[dict[str, Any]]]] = {}
    sets: dict[Table, dict[str, Any]] = {}
    for kind, body in listed:
        table = (str(body.get("family")), str(body.get("table")))
        if table in without or table[0] not in _VERSIONS:
            continue
        if kind == "chain":
            chains.setdefault(table, {})[str(body.get("name"))] = body
        elif kind == "rule":
            rules.setdefault(table, {}).setdefault(str(body.get("chain")), []).append(body)
        elif kind in ("set", "map"):
            name = str(body.get("name"))
            elements = list(body.get("elem") or ()) if whole_sets else maps.get((*table, name))
            sets.setdefault(table, {})[name] = elements
    return [
        base
        for table, bodies in chains.items()
        for base in _of_table(table, bodies, rules.get(table, {}), Sets(sets.get(table, {})))
    ]


def _of_table(
    table: Table,
    bodies: Mapping[str, dict[str, Any]],
    rules: Mapping[str, list[dict[str, Any]]],
    sets: Sets,
) -> Iterator[Base]:
    family, name = table
    found: dict[str, Chain] = {}
    for chain, body in bodies.items():
        zone, place = zone_of(chain) if name == "firewalld" else ("", "")
        found[chain] = Chain(
            chain,
            place or f"nftables' chain {chain} of table {family} {name}",
            tuple(
                rule_of(_expressions(rule), str(rule.get("comment") or ""), sets)
                for rule in rules.get(chain, ())
            ),
            zone,
            f"policy {body['policy']}" if "policy" in body else "",
            f"{family} {name} {chain}",
        )
    for chain, body in bodies.items():
        if "hook" not in body:
            continue
        for device in _devices(body.get("dev")):
            yield Base(
                _VERSIONS[family],
                str(body["hook"]),
                int(body.get("prio", 0)),
                found[chain],
                found,
                device,
            )


def _expressions(rule: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [each for each in rule.get("expr", ()) if isinstance(each, dict)]


def _devices(listed: Any) -> list[str]:
    """The interfaces of an ingress chain; older nft does not tell, which is taken for all."""
    if isinstance(listed, list):
        return [str(each) for each in listed]
    return [str(listed or "")]
