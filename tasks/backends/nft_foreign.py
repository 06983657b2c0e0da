"""The mark rules that others have in nftables: read where they are plain, noticed where not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from inventory.rules import Mark, PortRange, Protocol
from tasks.backends.nft_json import Chain, Object
from tasks.backends.nft_table import PRIORITY

_AT_IPVS = 99
"""Where IPVS takes its packets, at hook input; a mark set behind that comes too late."""


@dataclass(frozen=True, slots=True)
class ForeignMark:
    """A rule of somebody's that sets the mark.

    Attributes:
        chain: where it stands.
        marks: what it marks; empty where it is not of the plain kind.
        behind: it comes after ours, so that it has the last word.
    """

    chain: Chain
    marks: tuple[Mark, ...]
    behind: bool

    def words(self, mark: Mark) -> str:
        """One of its marks as a rule of nft."""
        family = "ip" if mark.vip.version == 4 else "ip6"  # noqa: PLR2004
        to = f"{family} daddr {mark.vip} {mark.protocol.value} dport {mark.ports}"
        return f"{to} meta mark set {mark.mark:#x}"


def foreign_marks(tables: Iterable[Mapping[str, Chain]]) -> Iterator[ForeignMark]:
    """The rules that set the mark of what comes in, before IPVS looks at it."""
    for chains in tables:
        behind: dict[str, bool] = {}
        for base in chains.values():
            late = base.hook == "input" and base.priority < _AT_IPVS
            if late or base.hook == "prerouting":
                for name in _reached(base.name, chains):
                    after = late or base.priority >= PRIORITY
                    behind[name] = behind.get(name, False) or after
        for name, after in behind.items():
            for rule in chains[name].rules:
                if any(_sets_mark(each) for each in rule):
                    yield ForeignMark(chains[name], tuple(_plain(rule)), after)


def _reached(name: str, chains: Mapping[str, Chain]) -> Iterable[str]:
    """The chains that packets get to from one, itself first."""
    found: dict[str, None] = {}
    left = [name]
    while left:
        now = left.pop()
        if now in found or now not in chains:
            continue
        found[now] = None
        for rule in chains[now].rules:
            left += (target for each in rule for target in _targets(each))
    return found


def _targets(body: Any) -> Iterator[str]:
    """The chains that an expression jumps to, also by a map of verdicts."""
    if isinstance(body, dict):
        for kind, value in body.items():
            if kind in ("jump", "goto") and isinstance(value, dict):
                yield str(value.get("target"))
            else:
                yield from _targets(value)
    elif isinstance(body, list):
        for each in body:
            yield from _targets(each)


def _sets_mark(body: Object) -> bool:
    match body:
        case {"mangle": {"key": {"meta": {"key": "mark"}}}}:
            return True
        case {"xt": {"type": "target", "name": "MARK" | "CONNMARK"}}:
            return True
    return False


def _plain(rule: Iterable[Object]) -> Iterator[Mark]:
    """The marks of a rule such as ``ip daddr A tcp dport { P, Q } meta mark set M``; else none."""
    said: dict[str, Any] = {}
    for each in rule:
        part = _part(each)
        if part is None:
            return
        said |= part
    try:
        protocol = Protocol(said["protocol"])
        for address in _each(said["address"]):
            for port in _each(said["ports"]):
                first, last = port["range"] if isinstance(port, dict) else (port, port)
                ports = PortRange(int(first), int(last))
                yield Mark(ip_address(address), protocol, ports, said["mark"])
    except (ValueError, TypeError, KeyError):
        return


def _part(body: Object) -> dict[str, Any] | None:
    """What one expression says; None where it is not of a plain mark rule."""
    match body:
        case {"counter": _} | {"log": _}:
            return {}
        case {"mangle": {"key": {"meta": {"key": "mark"}}, "value": int(mark)}}:
            return {"mark": mark}
        case {"match": {"op": "==", "left": left, "right": right}}:
            match left:
                case {"payload": {"protocol": "ip" | "ip6", "field": "daddr"}}:
                    return {"address": right}
                case {"payload": {"protocol": str(name), "field": "dport"}}:
                    return {"ports": right} | ({} if name == "th" else {"protocol": name})
                case {"meta": {"key": "l4proto"}} | {"payload": {"field": "protocol"}}:
                    return {"protocol": right}
    return None


def _each(right: Any) -> list[Any]:
    return list(right["set"]) if isinstance(right, dict) and "set" in right else [right]
