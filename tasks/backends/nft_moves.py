"""Mark rules of others that go, and come back: as nft's commands, and as lines of a diff."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tasks.backends.nft_foreign import ForeignMark
from tasks.backends.nft_json import Chain, Object, objects
from tasks.backends.nft_sides import Side
from tasks.walk.nft_words import words_of


def place(each: ForeignMark) -> str:
    """What it stands in, as the scope of an edit: family and table."""
    return f"{each.chain.family} {each.chain.table}"


def line(each: ForeignMark) -> str:
    """The command that would make it."""
    if each.map:
        return f"add element {place(each)} {each.map} {{ {_element(each)} }}"
    comment = str(_listed(each).get("comment") or "")
    return f"add rule {place(each)} {each.chain.name} {words_of(each.rule, comment)}"


def deletions(going: Iterable[ForeignMark]) -> str:
    """What takes them out, in one transaction."""
    lines = []
    for each in _once(going):
        if each.map:
            key = _element(each).partition(" : ")[0]
            lines.append(f"delete element {place(each)} {each.map} {{ {key} }}\n")
        else:
            rule = f"delete rule {place(each)} {each.chain.name}"
            lines.append(f"{rule} handle {handle_of(_listed(each))}\n")
    return "".join(lines)


def additions(coming: Iterable[ForeignMark], now: Mapping[tuple[str, str], Any]) -> str:
    """What puts them back where they stood, as nft's JSON; empty for nothing.

    Args:
        coming: as they were listed when they were there.
        now: the tables as they are, or will be.
    """
    commands: list[Object] = []
    for each in _once(coming):
        family, table = each.chain.family, each.chain.table
        if each.map:
            body = {"family": family, "table": table, "name": each.map, "elem": [_json(each)]}
            commands.append({"add": {"element": body}})
            continue
        listed = _listed(each)
        rule = {"family": family, "table": table, "chain": each.chain.name}
        rule |= {key: listed[key] for key in ("comment", "expr") if key in listed}
        there = now.get((family, table), {}).get(each.chain.name)
        before = _follower(each, there) if there is not None else None
        if before is None:
            commands.append({"add": {"rule": rule}})
        else:
            commands.append({"insert": {"rule": {**rule, "handle": before}}})
    return json.dumps({"nftables": commands}) + "\n" if commands else ""


def less(side: Side, going: Iterable[ForeignMark]) -> Side:
    """The tables without these rules and elements."""
    those = tuple(going)
    if not those:
        return side
    rules = {(*_table(each), each.chain.name, each.at) for each in those if not each.map}
    elements = {(*_table(each), each.map, str(each.key)) for each in those if each.map}
    tables = {
        table: {name: _without(chain, rules) for name, chain in chains.items()}
        for table, chains in side.tables.items()
    }
    maps = {
        name: [e for e in listed if (*name, str(_bare(e))) not in elements]
        for name, listed in side.maps.items()
    }
    return replace(side, tables=tables, maps=maps, listing=_listing(side.listing, tables))


def _without(chain: Chain, rules: set[tuple[Any, ...]]) -> Chain:
    key = (chain.family, chain.table, chain.name)
    kept = [n for n in range(len(chain.rules)) if (*key, n) not in rules]
    return replace(
        chain,
        rules=tuple(chain.rules[n] for n in kept),
        listed=tuple(chain.listed[n] for n in kept),
    )


def _listing(text: str, tables: Mapping[tuple[str, str], Mapping[str, Chain]]) -> str:
    """A listing with the rules that those tables have."""
    kept: list[Object] = [{kind: body} for kind, body in objects(text) if kind != "rule"]
    kept += (
        {"rule": rule} for chains in tables.values() for c in chains.values() for rule in c.listed
    )
    return json.dumps({"nftables": kept})


def _table(each: ForeignMark) -> tuple[str, str]:
    return each.chain.family, each.chain.table


def _once(those: Iterable[ForeignMark]) -> Iterator[ForeignMark]:
    """A rule that several base chains come to is met several times."""
    seen = set()
    for each in those:
        key = (*_table(each), each.map or each.chain.name, str(each.key) if each.map else each.at)
        if key not in seen:
            seen.add(key)
            yield each


def _listed(each: ForeignMark) -> Object:
    return each.chain.listed[each.at]


def _follower(each: ForeignMark, now: Chain) -> int | None:
    """The handle of the first rule behind it that is there still; None where none is."""
    there = {handle_of(rule) for rule in now.listed}
    behind = (handle_of(rule) for rule in each.chain.listed[each.at + 1 :])
    return next((handle for handle in behind if handle and handle in there), None)


def handle_of(rule: Object) -> int:
    """The kernel's number for a rule; 0 where nft tells none."""
    handle = rule.get("handle")
    return handle if isinstance(handle, int) else 0


def _element(each: ForeignMark) -> str:
    """An element of a map as nft's commands have it."""
    return f"{words_of([{'elem': {'val': each.key}}])} : {each.marks[0].mark:#x}"


def _json(each: ForeignMark) -> list[Any]:
    return [each.key, each.marks[0].mark]


def _bare(element: Any) -> Any:
    key = element[0] if isinstance(element, list) and element else element
    return key["elem"].get("val") if isinstance(key, dict) and "elem" in key else key
