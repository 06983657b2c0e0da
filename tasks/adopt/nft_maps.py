"""Marks that nftables looks up in a map, as the rules that would do the same one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tasks.backends.nft_json import Chain, Object, objects

Maps = Mapping[tuple[str, str, str], list[Any]]


def maps_of(text: str) -> Maps:
    """The elements of every map of a listing, by family, table and name.

    Raises:
        NotUnderstood: it is no listing.
    """
    return {
        (str(body.get("family")), str(body.get("table")), str(body.get("name"))): body["elem"]
        for kind, body in objects(text)
        if kind == "map" and isinstance(body.get("elem"), list)
    }


def one_by_one(chain: Chain, maps: Maps) -> Chain:
    """The chain with a rule for each element of a map that its rules take marks from."""
    rules = [new for rule in chain.rules for new in _rules(chain, rule, maps)]
    return replace(chain, rules=tuple(rules))


def _rules(chain: Chain, rule: tuple[Object, ...], maps: Maps) -> Iterator[tuple[Object, ...]]:
    for at, expression in enumerate(rule):
        match expression:
            case {
                "mangle": {"key": {"meta": {"key": "mark"}} as mark, "value": {"map": dict(map_)}}
            }:
                elements = list(_elements(chain, map_, maps))
                for matches, value in elements:
                    mangle: Object = {"mangle": {"key": mark, "value": value}}
                    yield (*rule[:at], *matches, mangle, *rule[at + 1 :])
                if elements:
                    return
    yield rule


def _elements(
    chain: Chain, map_: Mapping[str, Any], maps: Maps
) -> Iterator[tuple[list[Object], Any]]:
    """Each element as what it compares, and its mark; none where the map is not known."""
    data = map_.get("data")
    if isinstance(data, str):
        listed = maps.get((chain.family, chain.table, data.removeprefix("@")), [])
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
            yield [{"match": {"op": "==", "left": a, "right": b}} for a, b in pairs], value


def _bare(value: Any) -> Any:
    """An element without its counter, comment or timeout."""
    return value["elem"].get("val") if isinstance(value, dict) and "elem" in value else value


def _parts(value: Any) -> list[Any]:
    return list(value["concat"]) if isinstance(value, dict) and "concat" in value else [value]
