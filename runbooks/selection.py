"""Which routers a command is about: ``--limit`` and ``--filter``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from inventory.errors import LvsfleetError

if TYPE_CHECKING:
    from nornir.core.inventory import Host

_OWN_FIELDS = ("name", "hostname", "platform")
_SHOWN = 5


class NothingSelected(LvsfleetError):
    """A part of ``--limit`` or ``--filter`` is about no router; nothing was contacted."""


def select(
    hosts: Mapping[str, Host], limit: Sequence[str] = (), filters: Sequence[str] = ()
) -> tuple[str, ...]:
    """The names of the routers meant, in the inventory's order.

    Args:
        hosts: all routers by name.
        limit: what was given with each ``--limit``: names of routers or groups, or globs over
            both, separated by commas. A router is meant when one of them matches.
        filters: what was given with each ``--filter``: ``key=value``, where the key is ``name``,
            ``hostname``, ``platform``, ``group``, or one of the inventory's data (``a.b`` reaches
            into a mapping). All of them must hold.

    Raises:
        NothingSelected: a piece of ``limit``, a filter, or all of them together match nothing.
    """
    limited = _limited(hosts, [piece for text in limit for piece in _pieces(text)])
    conditions = [_condition(text) for text in filters]
    for key, value in conditions:
        if not any(_holds(host, key, value) for host in hosts.values()):
            raise NothingSelected(f"--filter {key}={value} matches no router", _known(hosts, key))
    chosen = tuple(
        name
        for name, host in hosts.items()
        if name in limited and all(_holds(host, key, value) for key, value in conditions)
    )
    if not chosen:
        where = "--limit and --filter together" if hosts else "the inventory"
        what = "match no router" if hosts else "has no router"
        raise NothingSelected(f"{where} {what}", "`lvsfleet inventory check` counts them.")
    return chosen


def _pieces(text: str) -> list[str]:
    return [piece.strip() for piece in text.split(",") if piece.strip()]


def _groups(host: Host) -> list[str]:
    """The names of a router's groups, inherited ones too."""
    return [group.name for group in host.extended_groups()]


def _limited(hosts: Mapping[str, Host], pieces: Sequence[str]) -> set[str]:
    if not pieces:
        return set(hosts)
    by_name: dict[str, list[str]] = {}
    for host in hosts.values():
        for name in dict.fromkeys([host.name, *_groups(host)]):
            by_name.setdefault(name, []).append(host.name)
    chosen: set[str] = set()
    unknown: list[str] = []
    for piece in pieces:
        found = [name for name in by_name if name == piece or fnmatchcase(name, piece)]
        if not found:
            unknown.append(piece)
        for name in found:
            chosen.update(by_name[name])
    if unknown:
        verb = "names" if len(unknown) == 1 else "name"
        raise NothingSelected(
            f"--limit: {_listed(unknown)} {verb} no router and no group", _nearest(unknown, by_name)
        )
    return chosen


def _nearest(unknown: Iterable[str], known: Iterable[str]) -> str:
    known = list(known)
    near = {name: None for text in unknown for name in get_close_matches(text, known, n=3)}
    if near:
        return f"Did you mean {_listed(near, last='or')}?"
    return f"There are {_listed(known)}."


def _condition(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key.strip() and equals):
        raise NothingSelected(
            f"--filter {text!r} is no key=value", "Write --filter cluster=ams, for example."
        )
    return key.strip(), value.strip()


def _value(host: Host, key: str) -> Any:
    """The value under ``key``; credentials are none of a filter's business."""
    if key == "group":
        return _groups(host)
    if key in _OWN_FIELDS:
        return getattr(host, key)
    first, *steps = key.split(".")
    value: Any = host.extended_data().get(first)
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _holds(host: Host, key: str, value: str) -> bool:
    actual = _value(host, key)
    if isinstance(actual, Mapping | list | tuple):
        return value in {_text(each) for each in actual}
    return actual is not None and _text(actual) == value


def _text(value: object) -> str:
    """A value as it is written in YAML."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _known(hosts: Mapping[str, Host], key: str) -> str:
    values: dict[str, None] = {}
    for host in hosts.values():
        actual = _value(host, key)
        several = isinstance(actual, Mapping | list | tuple)
        values.update({_text(each): None for each in (actual if several else [actual])})
    values.pop("None", None)
    if values:
        return f"Its values are {_listed(values)}."
    keys = {"group", *_OWN_FIELDS, *(key for host in hosts.values() for key in host)}
    return f"No router has {key!r}. {_nearest([key], sorted(keys))}"


def _listed(names: Iterable[str], last: str = "and") -> str:
    shown = [repr(name) for name in names]
    if len(shown) > _SHOWN:
        shown = [*shown[:_SHOWN], f"{len(shown) - _SHOWN} more"]
    return f" {last} ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) if shown else "none"
