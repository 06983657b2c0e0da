"""Plain rules of nftables: one that does exactly what a rule of an inventory does, in one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any

from inventory.rules import (
    Accept,
    AcceptProtocol,
    Mark,
    PortRange,
    Protocol,
    RouterProtocol,
    Ruleset,
)
from tasks.backends.nft_json import Chain, Object
from tasks.walk.packet import NUMBERS

_VERSIONS: Mapping[str, tuple[int, ...]] = {"inet": (4, 6), "ip": (4,), "ip6": (6,)}
_BOTH: tuple[int, ...] = (4, 6)


def plain_marks(rule: Iterable[Object]) -> Iterator[Mark]:
    """The marks of a rule such as ``ip daddr A tcp dport { P, Q } meta mark set M``; else none."""
    said = _said(rule)
    if said is None or "accept" in said:
        return
    try:
        for address, protocol, ports in list(_products(said)):
            yield Mark(address, protocol, ports, said["mark"])
    except (ValueError, TypeError, KeyError):
        return


def plain_accepts(tables: Iterable[Mapping[str, Chain]], wanted: Ruleset) -> Ruleset:
    """What rules such as ``ip daddr A tcp dport P accept`` let in, in chains at hook input.

    An accept of a protocol counts where it is for every IP version that ``wanted`` has marks in.
    """
    found: list[Accept] = []
    protocols: dict[RouterProtocol, set[int]] = {}
    for chains in tables:
        for chain in chains.values():
            if chain.hook != "input":
                continue
            for rule in chain.rules:
                said = _said(rule)
                if said is None or "accept" not in said or "mark" in said:
                    continue
                found += _accepts(said)
                for protocol, versions in _protocols(said, _VERSIONS.get(chain.family, ())):
                    protocols.setdefault(protocol, set()).update(versions)
    needed: set[int] = {mark.vip.version for mark in wanted.marks} or set(_BOTH)
    whole = [AcceptProtocol(each) for each, versions in protocols.items() if needed <= versions]
    return Ruleset.of([*found, *whole])


def _accepts(said: Mapping[str, Any]) -> Iterator[Accept]:
    try:
        for address, protocol, ports in list(_products(said)):
            yield Accept(address, protocol, ports)
    except (ValueError, TypeError, KeyError):
        return


def _protocols(
    said: Mapping[str, Any], versions: tuple[int, ...]
) -> Iterator[tuple[RouterProtocol, set[int]]]:
    """VRRP and AH, from and to anywhere."""
    if said.keys() - {"version"} != {"accept", "protocol"}:
        return
    for each in _each(said["protocol"]):
        name = _NUMBERS.get(str(each), each)
        if name in _ROUTERS:
            yield (
                RouterProtocol(name),
                {each for each in versions if each in said.get("version", _BOTH)},
            )


_ROUTERS = tuple(each.value for each in RouterProtocol)
_NUMBERS = {str(number): name for name, number in NUMBERS.items()}
"""nft prints a protocol as a number where the router has no /etc/protocols."""


def _products(said: Mapping[str, Any]) -> Iterator[tuple[Any, Protocol, PortRange]]:
    """Each address, protocol and ports that a rule is for.

    Raises:
        ValueError, TypeError, KeyError: it is not for such.
    """
    for name in _each(said["protocol"]):
        protocol = Protocol(_NUMBERS.get(str(name), name))
        for text in _each(said["address"]):
            address = ip_address(text)
            if address.version not in said.get("version", _BOTH):
                raise ValueError("no packet is that")
            for port in _each(said["ports"]):
                first, last = port["range"] if isinstance(port, dict) else (port, port)
                yield address, protocol, PortRange(int(first), int(last))


def _said(rule: Iterable[Object]) -> dict[str, Any] | None:
    """What a rule asks and does; None where that is not all, or one thing is asked twice."""
    said: dict[str, Any] = {}
    for each in rule:
        part = _part(each)
        if part is None or any(said.get(key, value) != value for key, value in part.items()):
            return None
        said |= part
    return said


def _part(body: Object) -> dict[str, Any] | None:
    """What one expression says; None where it is not of a plain rule."""
    match body:
        case {"counter": _} | {"log": _}:
            return {}
        case {"accept": _}:
            return {"accept": True}
        case {"mangle": {"key": {"meta": {"key": "mark"}}, "value": int(mark)}}:
            return {"mark": mark}
        case {"match": {"op": "==", "left": dict(left), "right": right}}:
            return _asked(left, right)
    return None


def _asked(left: Object, right: Any) -> dict[str, Any] | None:
    match left:
        case {"payload": {"protocol": "ip" | "ip6", "field": "daddr"}}:
            return {"address": right}
        case {"payload": {"protocol": "ip" as family, "field": "protocol"}} | {
            "payload": {"protocol": "ip6" as family, "field": "nexthdr"}
        }:
            return {"protocol": right, "version": (4,) if family == "ip" else (6,)}
        case {"payload": {"protocol": str(name), "field": "dport"}}:
            return {"ports": right} | ({} if name == "th" else {"protocol": name})
        case {"meta": {"key": "l4proto"}}:
            return {"protocol": right}
        case {"meta": {"key": "nfproto"}} if right in ("ipv4", "ipv6"):
            return {"version": (4,) if right == "ipv4" else (6,)}
    return None


def _each(right: Any) -> list[Any]:
    return list(right["set"]) if isinstance(right, dict) and "set" in right else [right]
