"""Marks that nftables looks up in a map, as the rules that would do the same one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.backends.nft_json import Chain, Object, listings

Maps = Mapping[tuple[str, str, str], list[Any]]
"""The elements of maps, by family, table and name."""


@dataclass(frozen=True, slots=True)
class One:
    """What a rule does to the packets of one element of its map; or all of a rule without one.

    Attributes:
        expressions: the rule that would do that alone.
        name: the named map; empty for one that is written in the rule itself, and for none.
        key: the element's, as nft lists it.
        idle: the map has no elements, so nothing is marked yet.
    """

    expressions: tuple[Object, ...]
    name: str = ""
    key: Any = None
    idle: bool = False


def maps_of(text: str) -> Maps:
    """The elements of every map of some listings.

    One of maps alone has all of their elements; one of whole tables may have been made without.

    Raises:
        NotUnderstood: they are none.
    """
    found: dict[tuple[str, str, str], list[Any]] = {}
    for listed in listings(text):
        whole = all(kind == "map" for kind, _ in listed)
        for kind, body in listed:
            elements = body.get("elem", [] if whole else None)
            if kind == "map" and isinstance(elements, list):
                key = (str(body.get("family")), str(body.get("table")), str(body.get("name")))
                found[key] = elements
    return found


def one_by_one(chain: Chain, rule: tuple[Object, ...], maps: Maps) -> Iterator[One]:
    """A rule for each element of the map that a rule takes marks from."""
    for at, expression in enumerate(rule):
        match expression:
            case {
                "mangle": {"key": {"meta": {"key": "mark"}} as mark, "value": {"map": dict(map_)}}
            }:
                elements = list(_elements(chain, map_, maps))
                for name, key, matches, value in elements:
                    mangle: Object = {"mangle": {"key": mark, "value": value}}
                    yield One((*rule[:at], *matches, mangle, *rule[at + 1 :]), name, key)
                if not elements and _is_empty(chain, map_, maps):
                    yield One(rule, idle=True)
                    return
                if elements:
                    return
    yield One(rule)


def _is_empty(chain: Chain, map_: Mapping[str, Any], maps: Maps) -> bool:
    """Whether a named map is known to have no elements, so that its rule marks nothing."""
    name = str(map_.get("data")).removeprefix("@")
    return maps.get((chain.family, chain.table, name)) == []


def _elements(
    chain: Chain, map_: Mapping[str, Any], maps: Maps
) -> Iterator[tuple[str, Any, list[Object], Any]]:
    """Each element: its map and key, what it compares, its mark; none where it is not known."""
    data = map_.get("data")
    name = ""
    if isinstance(data, str):
        name = data.removeprefix("@")
        listed = maps.get((chain.family, chain.table, name), [])
    else:
        listed = data.get("set", []) if isinstance(data, dict) else []
    left = _parts(map_.get("key"))
    for element in listed:
        if not (isinstance(element, list) and len(element) == 2):  # noqa: PLR2004 - key and value
            continue
        key, value = (_bare(each) for each in element)
        right = _parts(key)
        if len(left) == len(right):
            pairs = zip(left, right, strict=True)
            matches: list[Object] = [
                {"match": {"op": "==", "left": a, "right": b}} for a, b in pairs
            ]
            yield name, key, matches, value


def _bare(value: Any) -> Any:
    """An element without its counter, comment or timeout."""
    return value["elem"].get("val") if isinstance(value, dict) and "elem" in value else value


def _parts(value: Any) -> list[Any]:
    return list(value["concat"]) if isinstance(value, dict) and "concat" in value else [value]
