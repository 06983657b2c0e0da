"""A rule of nftables in nft's own language, from its JSON, for people to find it again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def words_of(expressions: Iterable[Mapping[str, Any]], comment: str = "") -> str:
    """The rule as ``nft list ruleset`` prints it, near enough to be found there."""
    words = [_value(each) for each in expressions if each]
    if comment:
        words.append(f'comment "{comment}"')
    return " ".join(words)


def _value(value: Any) -> str:
    if isinstance(value, str | int):
        return _BOOLEANS.get(str(value), str(value))
    if isinstance(value, list):
        return ",".join(map(_value, value))
    if not isinstance(value, dict) or len(value) != 1:
        return json.dumps(value)
    ((kind, inner),) = value.items()
    if kind in _OPERATORS and isinstance(inner, list):
        return f" {kind} ".join(map(_value, inner))
    try:
        return _WRITERS[kind](inner)
    except (KeyError, TypeError, ValueError, AttributeError):
        return str(kind) if inner is None or kind in _BARE else f"{kind} {json.dumps(inner)}"


_OPERATORS = ("|", "&", "^", "<<", ">>")
_BOOLEANS = {"True": "exists", "False": "missing"}
_BARE = ("counter", "log", "xt")


def _match(value: Any) -> str:
    op, left = value.get("op", "=="), _value(value["left"])
    operator = "" if op in ("==", "in") else f"{op} "
    return f"{left} {operator}{_value(value['right'])}"


def _limit(value: Any) -> str:
    return f"limit rate {'over ' if value.get('inv') else ''}{value['rate']}/{value['per']}"


def _reject(value: Any) -> str:
    return " ".join(["reject with", value["type"], *filter(None, [value.get("expr")])])


def _dnat(value: Any) -> str:
    return f"dnat to {_value(value['addr'])}" + (f":{value['port']}" if "port" in value else "")


def _meta(value: Any) -> str:
    key = str(value["key"])
    return key if key in ("iif", "iifname") else f"meta {key}"


def _ct(value: Any) -> str:
    return " ".join(filter(None, ("ct", value.get("dir"), value["key"])))


def _fib(value: Any) -> str:
    flags = value["flags"] if isinstance(value["flags"], list) else [value["flags"]]
    return f"fib {' . '.join(flags)} {value['result']}"


def _set(value: Any) -> str:
    """A set written in a rule, or a statement that adds to a named one."""
    if isinstance(value, list):
        return f"{{ {', '.join(map(_element, value))} }}"
    words = [value["elem"], *value.get("stmt", ())]
    return f"{value['op']} {value['set']} {{ {' '.join(map(_value, words))} }}"


def _element(element: Any) -> str:
    if isinstance(element, list) and len(element) == 2:  # noqa: PLR2004 - of a map: key and data
        return f"{_value(element[0])} : {_value(element[1])}"
    return _value(element)


_WRITERS: dict[str, Callable[[Any], str]] = {
    "match": _match,
    "mangle": lambda v: f"{_value(v['key'])} set {_value(v['value'])}",
    "vmap": lambda v: f"{_value(v['key'])} vmap {_value(v['data'])}",
    "map": lambda v: f"{_value(v['key'])} map {_value(v['data'])}",
    "jump": lambda v: f"jump {v['target']}",
    "goto": lambda v: f"goto {v['target']}",
    "reject": _reject,
    "log": lambda v: f'log prefix "{v["prefix"]}"',
    "limit": _limit,
    "dnat": _dnat,
    "redirect": lambda v: f"redirect to :{v['port']}",
    "xt": lambda v: f"({v['type']} {v['name']} of iptables)",
    "payload": lambda v: f"{v['protocol']} {v['field']}",
    "meta": _meta,
    "ct": _ct,
    "fib": _fib,
    "concat": lambda v: " . ".join(map(_value, v)),
    "set": _set,
    "range": lambda v: "-".join(map(_value, v)),
    "prefix": lambda v: f"{v['addr']}/{v['len']}",
    "elem": lambda v: _value(v["val"]),
}
