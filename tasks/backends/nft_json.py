"""What ``nft --json list`` prints: our own table as a value, those of others to be looked into."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from inventory.rules import Rule, Ruleset
from tasks.backends.nft_table import DRAIN, FAMILY, FRAME, NAME, TABLE, OwnTable, rule_of
from tasks.errors import NotUnderstood

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of somebody's table.

    Attributes:
        family: ``inet``, ``ip``, ``ip6``, …
        table: its table's name.
        name: its own.
        hook: where it is hooked; empty for one that is only jumped to.
        priority: of the hook.
        policy: what becomes of a packet at its end, ``accept`` or ``drop``.
        rules: the expressions of each of its rules, in order.
        listed: the rules themselves as they are listed, with handle and comment; in the same order.
    """

    family: str
    table: str
    name: str
    hook: str
    priority: int
    policy: str
    rules: tuple[tuple[Object, ...], ...]
    listed: tuple[Object, ...] = ()

    def __str__(self) -> str:
        return f"chain {self.name} of table {self.family} {self.table}"


_ODD = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)


@contextmanager
def reading(text: str) -> Iterator[None]:
    """What is no such listing raises NotUnderstood."""
    try:
        yield
    except _ODD as error:
        raise NotUnderstood(
            f"nft printed something that is no listing: {text[:200]!r}",
            "nft --json list ruleset, on the router, shows it; nft has to be built with JSON",
        ) from error


def objects(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Each object of a listing with its kind: table, chain, rule, map and so on.

    Args:
        text: what nft printed, one listing or several.

    Raises:
        NotUnderstood: it is no such listing.
    """
    return [each for listed in listings(text) for each in listed]


def listings(text: str) -> list[list[tuple[str, dict[str, Any]]]]:
    """The same, one listing after the other.

    Raises:
        NotUnderstood: one is none.
    """
    with reading(text):
        return [
            [
                (kind, dict(body))
                for each in document["nftables"]
                for kind, body in each.items()
                if kind != "metainfo"
            ]
            for document in _documents(text)
        ]


def _documents(text: str) -> Iterator[Any]:
    decoder, rest = json.JSONDecoder(), text.strip()
    while True:
        document, end = decoder.raw_decode(rest)
        yield document
        rest = rest[end:].lstrip()
        if not rest:
            return


def parse_own(text: str) -> OwnTable:
    """Our table from ``nft --json list table inet lvsfleet``.

    Raises:
        NotUnderstood: it is no such listing.
    """
    with reading(text):
        return _own(objects(text))


def _own(listed: Iterable[tuple[str, dict[str, Any]]]) -> OwnTable:
    frame: list[str] = []
    rules: list[Rule] = []
    for kind, body in listed:
        name = body.get("name", "")
        for element in body.pop("elem", None) or ():
            rule = _element(name, element)
            if rule is None:
                frame.append(f"add element {TABLE} {name} {{ {_compact(element)} }}")
            else:
                rules.append(rule)
        frame.append(_line(kind, body))
    ruleset = Ruleset.of(rules)
    return OwnTable(tuple(sorted(frame)), ruleset, exact=set(rules) == set(ruleset))


def _element(name: str, element: Any) -> Rule | None:
    key, data = element if isinstance(element, list) and len(element) == 2 else (element, None)  # noqa: PLR2004 - key and data
    try:
        parts = key["concat"] if isinstance(key, dict) else [key]
        return rule_of(name, parts, data)
    except _ODD:
        return None


def _line(kind: str, body: dict[str, Any]) -> str:
    """An object as the command that would make it; what is not ours as its JSON."""
    body.pop("handle", None)
    if isinstance(body.get("flags"), str):  # nft 1.1.2 and newer print a single flag so
        body["flags"] = [body["flags"]]
    known = _KNOWN.get(_compact({kind: body}))
    if known:
        return known
    where = " ".join(str(body.pop(part)) for part in ("chain", "name") if part in body)
    for part in ("family", "table"):
        body.pop(part, None)
    return f"add {kind} {TABLE} {where} {_compact(body)}"


def _compact(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _frame_objects() -> Iterator[dict[str, Any]]:
    """`FRAME` as nft lists it, in the same order."""
    ours = {"family": FAMILY, "table": NAME}
    yield {"table": {"family": FAMILY, "name": NAME}}
    for kind, name in (("map", "mark"), ("set", "accept")):
        for version in (4, 6):
            types = [f"ipv{version}_addr", "inet_proto", "inet_service"]
            body: dict[str, Any] = {**ours, "name": f"{name}{version}", "type": types}
            body |= {"flags": ["interval"]} | ({"map": "mark"} if kind == "map" else {})
            yield {kind: body}
    yield {"set": {**ours, "name": "protocols", "type": "inet_proto"}}
    for name, priority in (("prerouting", -145), ("input", 0)):
        hook = {"type": "filter", "hook": name, "prio": priority, "policy": "accept"}
        yield {"chain": {**ours, "name": name, **hook}}
    keys = [
        {
            "concat": [
                {"payload": {"protocol": protocol, "field": "daddr"}},
                {"meta": {"key": "l4proto"}},
                {"payload": {"protocol": "th", "field": "dport"}},
            ]
        }
        for protocol in ("ip", "ip6")
    ]
    for key, data in zip(keys, ("@mark4", "@mark6"), strict=True):
        value = {"map": {"key": key, "data": data}}
        mangle = {"mangle": {"key": {"meta": {"key": "mark"}}, "value": value}}
        yield {"rule": {**ours, "chain": "prerouting", "expr": [mangle]}}
    for key, right in ((keys[0], "@accept4"), (keys[1], "@accept6")):
        match = {"match": {"op": "==", "left": key, "right": right}}
        yield {"rule": {**ours, "chain": "input", "expr": [match, {"accept": None}]}}
    match = {"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "@protocols"}}
    yield {"rule": {**ours, "chain": "input", "expr": [match, {"accept": None}]}}


_KNOWN = dict(zip(map(_compact, _frame_objects()), FRAME, strict=True))


def chains_of_others(text: str) -> dict[tuple[str, str], dict[str, Chain]]:
    """The chains of every table but ours, by table (family and name), by name.

    Raises:
        NotUnderstood: it is no listing.
    """
    with reading(text):
        return _chains(objects(text))


def _chains(
    listed: Iterable[tuple[str, dict[str, Any]]],
) -> dict[tuple[str, str], dict[str, Chain]]:
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    rules: dict[tuple[str, str, str], list[Object]] = {}
    for kind, body in listed:
        table = (str(body.get("family")), str(body.get("table")))
        if table in ((FAMILY, NAME), (FAMILY, DRAIN)):
            continue
        if kind == "chain":
            found.setdefault(table, {})[str(body.get("name"))] = body
        elif kind == "rule":
            rules.setdefault((*table, str(body.get("chain"))), []).append(body)
    return {
        table: {
            name: Chain(
                *table,
                name,
                str(body.get("hook", "")),
                int(body.get("prio", 0)),
                str(body.get("policy", "accept")),
                tuple(map(_expressions, rules.get((*table, name), ()))),
                tuple(rules.get((*table, name), ())),
            )
            for name, body in chains.items()
        }
        for table, chains in found.items()
    }


def _expressions(rule: Object) -> tuple[Object, ...]:
    return tuple(each for each in rule.get("expr", ()) if isinstance(each, dict) and each)
