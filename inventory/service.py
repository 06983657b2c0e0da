"""One service as an operator writes it, to a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from inventory import values
from inventory.desired import Draining, Service, ServicePorts
from inventory.problems import Finding, Owner, Path, did_you_mean, key_text, one_of, quote, step
from inventory.rules import Address
from inventory.values import Invalid

_T = TypeVar("_T")

KEYS = ("vips", "ports", "mark", "accept", "draining")
_MISSING = {
    "vips": "is missing: write vips: [203.0.113.10]",
    "ports": "is missing: write ports: [80/tcp, 443/tcp]",
    "mark": "is missing: write mark: 80",
}


def read_service(owner: Owner, path: Path, name: str, spec: Any) -> Service | list[Finding]:
    """The service that ``spec`` describes, or everything that is wrong with it.

    Args:
        owner: who says it.
        path: its place within its owner.
        name: its name, already checked.
        spec: what stood there.
    """
    if not isinstance(spec, dict):
        message = "is no service: write {vips: […], ports: […], mark: …}, or null to take it away"
        return [Finding(owner, path, quote(spec), message)]
    found: list[Finding] = []

    def told(key: Path, value: object, message: str) -> None:
        found.append(Finding(owner, (*path, *key), quote(value), message))

    for key in spec:
        if key not in KEYS:
            near = did_you_mean(key, KEYS) or f"a service has {one_of(KEYS, 'and')}"
            found.append(Finding(owner, (*path, step(key)), "", f"is no key of a service: {near}"))
    found += [
        Finding(owner, (*path, key), "", message)
        for key, message in _MISSING.items()
        if spec.get(key) is None
    ]

    vips = _list(spec, "vips", values.vip, told)
    ports = _list(spec, "ports", values.service_ports, told)
    _doubles(vips, told)
    _overlaps(ports, told)
    mark = _one(spec, "mark", values.mark, 1, told)
    accept = _one(spec, "accept", values.boolean, False, told)
    draining = _draining(spec, tuple(vips.values()), told)
    if found:
        return found
    return Service(name, tuple(vips.values()), tuple(ports.values()), mark, accept, draining)


_Told = Callable[[Path, object, str], None]


def _list(
    spec: dict[Any, Any], key: str, parse: Callable[[object], _T], told: _Told
) -> dict[int, _T]:
    """The valid items of a list, by their place in it."""
    items = spec.get(key)
    if items is None:
        return {}
    if not isinstance(items, list):
        shown = f"[{items}]" if isinstance(items, str) and key_text(items) == items else "[…]"
        told((key,), items, f"is no list: write {key}: {shown}")
        return {}
    if not items:
        told((key,), items, "is empty: a service has at least one")
    parsed = {}
    for place, item in enumerate(items):
        try:
            parsed[place] = parse(item)
        except Invalid as error:
            told((key, place), item, str(error))
    return parsed


def _one(
    spec: dict[Any, Any], key: str, parse: Callable[[object], _T], absent: _T, told: _Told
) -> _T:
    value = spec.get(key)
    if value is None:
        return absent
    try:
        return parse(value)
    except Invalid as error:
        told((key,), value, str(error))
        return absent


def _draining(
    spec: dict[Any, Any], vips: tuple[Address, ...], told: _Told
) -> tuple[tuple[Address, Draining], ...]:
    """The VIPs that drain, in the order of ``vips``, so that two spellings are equal."""
    said = spec.get("draining")
    if said is None:
        return ()
    if not isinstance(said, dict):
        shown = said if isinstance(said, str) and key_text(said) == said else "203.0.113.10"
        told(("draining",), said, f"is no mapping: write draining: {{{shown}: reject}}")
        return ()
    found: dict[Address, Draining] = {}
    for key, value in said.items():
        path: Path = ("draining", step(key))
        try:
            vip = values.vip(key)
        except Invalid as error:
            told(path, key, str(error))
            continue
        try:
            how = values.choice(value, Draining)
        except Invalid as error:
            told(path, value, str(error))
            continue
        if vip in found:
            told(path, key, "is the same address as one before it")
        elif vip not in vips:
            near = did_you_mean(str(key), map(str, vips))
            told(path, key, f"is no VIP of the service: {near or 'write one of its vips'}")
        found[vip] = how
    return tuple((vip, found[vip]) for vip in vips if vip in found)


def _doubles(vips: dict[int, Any], told: _Told) -> None:
    seen: dict[Any, int] = {}
    for place, vip in vips.items():
        if vip in seen:
            told(("vips", place), str(vip), f"is the same address as vips[{seen[vip]}]")
        else:
            seen[vip] = place


def _overlaps(ports: dict[int, ServicePorts], told: _Told) -> None:
    placed = sorted(ports.items(), key=lambda item: (item[1].protocol, item[1].ports))
    reach: tuple[int, ServicePorts] | None = None
    for place, each in placed:
        if reach is None or each.protocol is not reach[1].protocol:
            reach = (place, each)
            continue
        if each.ports.overlaps(reach[1].ports):
            later, earlier = max(place, reach[0]), min(place, reach[0])
            told(
                ("ports", later), str(ports[later]), f"overlaps {ports[earlier]} (ports[{earlier}])"
            )
        if each.ports.last > reach[1].ports.last:
            reach = (place, each)
