"""From the text of a keepalived configuration to its values; nothing is raised, whatever it says.

Keywords are taken in both spellings that keepalived takes, old and new.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address, ip_interface, ip_network

from inventory.rules import MAX_MARK, MAX_PORT, Address
from tasks.keepalived.config import (
    Config,
    Endpoint,
    Fwmark,
    Group,
    RealServer,
    Target,
    VirtualAddress,
    VirtualServer,
    VrrpInstance,
)
from tasks.keepalived.files import Files
from tasks.keepalived.lines import Problem, Reader
from tasks.keepalived.tree import Node, tree

FIRST_OWN_MARK = 1000
"""Where keepalived's own marks begin with ``nftables_ipvs`` (keepalived.conf(5))."""

_PERSISTENCE = 360
"""Seconds, where ``persistence_timeout`` does not say (keepalived.conf(5))."""

_FAMILIES = {"inet": 4, "inet6": 6}
_WORDS_OF_A_SERVER = 3
_METHODS = {
    "real_server": ("lvs_method", "lb_kind"),
    "sorry_server": ("sorry_server_lvs_method", "sorry_server_lb_kind"),
}
"""What says how packets get to a server, if not as to all; the sorry server's stands beside it."""


def read(files: Files) -> Config:
    """What the files say together."""
    reader = Reader(files)
    root, problems = tree(reader.lines())
    found = _Findings(root, [*reader.problems, *problems])
    groups = {group.name: group for group in found.groups()}
    return Config(
        instances=tuple(found.instances()),
        virtual_servers=tuple(found.virtual_servers(groups)),
        groups=groups,
        own_marks=_own_marks(root),
        problems=tuple(found.problems),
    )


class _Findings:
    """What is found in the nodes; what is not understood goes to the problems."""

    def __init__(self, root: Node, problems: list[Problem]) -> None:
        self.root = root
        self.problems = problems

    def refuse(self, node: Node, what: str) -> None:
        words = " ".join(node.words)[:80]
        self.problems.append(Problem(node.place, f"{words!r} {what}"))

    def instances(self) -> Iterator[VrrpInstance]:
        for node in self.root.of("vrrp_instance"):
            router_id = node.value("virtual_router_id")
            ah = any(each.value("auth_type").upper() == "AH" for each in node.of("authentication"))
            yield VrrpInstance(
                name=_word(node, 1),
                interface=node.value("interface"),
                state=node.value("state").upper(),
                router_id=_number(router_id, 255),
                ah=ah,
                addresses=tuple(self._addresses(node)),
                place=node.place,
            )

    def _addresses(self, instance: Node) -> Iterator[VirtualAddress]:
        for keyword in ("virtual_ipaddress", "virtual_ipaddress_excluded"):
            for block in instance.of(keyword):
                for node in block.block:
                    try:
                        interface = ip_interface(node.keyword)
                    except ValueError:
                        self.refuse(node, "is no address")
                        continue
                    named = dict(zip(node.words[1:], node.words[2:], strict=False))
                    yield VirtualAddress(
                        address=interface.ip,
                        prefix=interface.network.prefixlen,
                        device=named.get("dev"),
                        label=named.get("label"),
                        excluded=keyword.endswith("excluded"),
                        place=node.place,
                    )

    def groups(self) -> Iterator[Group]:
        targets: dict[str, list[Target]] = {}
        first: dict[str, Node] = {}
        for node in self.root.of("virtual_server_group"):
            name = _word(node, 1)
            first.setdefault(name, node)
            found = targets.setdefault(name, [])
            for member in node.block:
                target = _target(member.words)
                if target is None:
                    self.refuse(member, "is no address, range or fwmark")
                else:
                    found.append(target)
        for name, node in first.items():
            yield Group(name, tuple(targets[name]), node.place, node.comment)

    def virtual_servers(self, groups: dict[str, Group]) -> Iterator[VirtualServer]:
        for node in self.root.of("virtual_server"):
            group = _word(node, 2) if _word(node, 1) == "group" else None
            targets: tuple[Target, ...] = ()
            if group is not None:
                if group in groups:
                    targets = groups[group].targets
                else:
                    self.refuse(node, "names a group that there is none of")
            else:
                target = _target(node.words[1:])
                if target is None:
                    self.refuse(node, "is no address and port, no fwmark and no group")
                else:
                    targets = (target,)
            yield VirtualServer(
                targets=targets,
                group=group,
                scheduler=node.value("lvs_sched", "lb_algo"),
                method=node.value("lvs_method", "lb_kind").upper() or "NAT",
                protocol=node.value("protocol").upper(),
                persistence=_persistence(node),
                real_servers=tuple(self._real_servers(node)),
                comment=node.comment,
                place=node.place,
                sorry=next(reversed([*self._real_servers(node, "sorry_server")]), None),
            )

    def _real_servers(self, server: Node, keyword: str = "real_server") -> Iterator[RealServer]:
        for node in server.of(keyword):
            try:
                address = ip_address(_word(node, 1))
            except ValueError:
                self.refuse(node, "has no address")
                continue
            port = _number(_word(node, 2), MAX_PORT)
            if port is None and len(node.words) >= _WORDS_OF_A_SERVER:
                self.refuse(node, "has no port that is one")
            own = node if keyword == "real_server" else server
            method = own.value(*_METHODS[keyword]).upper()
            yield RealServer(address, port or None, node.place, method)


def _word(node: Node, number: int) -> str:
    return node.words[number] if len(node.words) > number else ""


def _number(text: str, most: int) -> int | None:
    if not (text.isascii() and text.isdecimal() and len(text) < len(str(MAX_MARK)) + 1):
        return None
    return int(text) if int(text) <= most else None


def _persistence(node: Node) -> int | None:
    if not any(node.of("persistence_timeout")):
        return None
    return _number(node.value("persistence_timeout"), MAX_MARK) or _PERSISTENCE


def _own_marks(root: Node) -> int | None:
    settings = list(root.of("global_defs"))
    if not any(True for each in settings for _ in each.of("nftables_ipvs")):
        return None
    said = (each.value("nftables_ipvs_start_fwmark") for each in reversed(settings))
    return next((number for text in said if (number := _number(text, MAX_MARK))), FIRST_OWN_MARK)


def _target(words: tuple[str, ...]) -> Target | None:
    """What ``fwmark N [inet|inet6]``, ``ADDRESS [PORT]`` or ``RANGE [PORT]`` means."""
    if not words:
        return None
    if words[0] == "fwmark":
        mark = _number(words[1], MAX_MARK) if len(words) > 1 else None
        version = _FAMILIES.get(words[2]) if len(words) > 2 else None  # noqa: PLR2004
        return Fwmark(mark, version) if mark else None
    port = _number(words[1], MAX_PORT) if len(words) > 1 else 0
    ends = span_of(words[0])
    if port is None or ends is None:
        return None
    return Endpoint(*ends, port or None)


def span_of(text: str) -> tuple[Address, Address] | None:
    """``A``, ``A-B``, ``192.0.2.1-10``, ``2001:db8::1-ff`` (the last part), ``192.0.2.8/29``."""
    with suppress(ValueError):
        if "/" in text:
            network = ip_network(text, strict=False)
            return network[0], network[-1]
        first, dash, last = text.partition("-")
        begin = ip_address(first)
        if not dash:
            return begin, begin
        if re.fullmatch(r"[0-9a-fA-F]{1,4}", last):
            last = first[: max(first.rfind("."), first.rfind(":")) + 1] + last
        end = ip_address(last)
        if begin.version == end.version and int(begin) <= int(end):
            return begin, end
    return None
