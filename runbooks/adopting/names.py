"""Names of services: keepalived's own where it has any, else by their ports."""

from __future__ import annotations

import re
from collections.abc import Iterable

from inventory.desired import ServicePorts
from tasks.keepalived.config import Config, Fwmark

_PORTS = (
    ("web", {80, 443, 8080, 8443}),
    ("ftp", {21}),
    ("dns", {53}),
    ("smtp", {25, 465, 587}),
    ("imap", {143, 993}),
    ("pop3", {110, 995}),
    ("ssh", {22}),
    ("ntp", {123}),
    ("ldap", {389, 636}),
    ("rdp", {3389}),
    ("mysql", {3306}),
    ("postgresql", {5432}),
    ("sip", {5060, 5061}),
    ("mqtt", {1883, 8883}),
    ("kubernetes", {6443}),
    ("radius", {1812, 1813}),
    ("syslog", {514, 6514}),
    ("openvpn", {1194}),
)
_MOST_WORDS = 3
_LONGEST = 30


def service_name(
    mark: int, ports: Iterable[ServicePorts], told: Iterable[Config], taken: Iterable[str]
) -> tuple[str, str]:
    """A name for the service with this mark that is not taken, and where it comes from."""
    taken = set(taken)
    for name, why in (*_of_keepalived(mark, told), *_of_ports(ports)):
        if name not in taken:
            return name, why
        if f"{name}-{mark}" not in taken:
            return f"{name}-{mark}", why
    return f"mark{mark}", "its mark"


def _of_keepalived(mark: int, told: Iterable[Config]) -> Iterable[tuple[str, str]]:
    for config in told:
        for group in (config.groups or {}).values():
            marks = {each.mark for each in group.targets if isinstance(each, Fwmark)}
            name = slug(group.name)
            if marks == {mark} and name:
                yield name, f"virtual_server_group at {group.place}"
        for server in config.virtual_servers:
            name = slug(server.comment)
            if mark in server.marks and name:
                yield name, f"the remark at {server.place}"


def _of_ports(ports: Iterable[ServicePorts]) -> Iterable[tuple[str, str]]:
    ends = {each.ports.first for each in ports}
    for name, known in _PORTS:
        if ends & known:
            yield name, "its ports"


def slug(text: str) -> str:
    """A name made of a few words; empty where they are too many, or none."""
    words = re.findall(r"[A-Za-z0-9][A-Za-z0-9_.]*", text)
    name = "-".join(words).lower().rstrip(".")
    usable = 0 < len(words) <= _MOST_WORDS and len(name) <= _LONGEST and name != "vrrp"
    return name if usable and re.search(r"[a-z]", name) else ""
