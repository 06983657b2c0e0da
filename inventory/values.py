"""From what an operator writes to a value: addresses, ports, marks, and the names of things.

Each function takes whatever stood in the inventory and raises `Invalid` with what would be right.
"""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeVar

from inventory.desired import ServicePorts
from inventory.problems import did_you_mean, one_of
from inventory.rules import MAX_MARK, MAX_PORT, Address, PortRange, Protocol

_Choice = TypeVar("_Choice", bound=StrEnum)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")
_ROUTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}\Z")
# firewalld builds chain names of at most 28 characters from "POST_" and the like, the zone or the
# policy, and "_allow".
_ZONE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,16}\Z")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}\Z")
_INTERFACE = re.compile(r"[A-Za-z0-9_.-]{1,15}\Z")
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")
_PORTS = re.compile(r"(0|[1-9][0-9]{0,4})(?:-(0|[1-9][0-9]{0,4}))?/([a-z]+)\Z")
_BARE_PORTS = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?\Z")
_DIGITS = re.compile(r"[0-9]+\Z")
_TEXT_MARK = re.compile(r"0*([0-9]{1,10}|0[xX][0-9a-fA-F]{1,8})\Z")

_BROADCAST = IPv4Address("255.255.255.255")
_LONGEST_HOSTNAME = 253
_PORT_HINT = "write 80/tcp, 53/udp or 10000-20000/tcp"


class Invalid(ValueError):
    """A value is refused; the text reads on after it: ``is no port: write 80/tcp``."""


def name(value: object) -> str:
    """A name of a group, a cluster or a service; at most 63 characters."""
    return _matching(value, _NAME, "is no name: use at most 63 letters, digits, '.', '_' and '-'")


def service_name(value: object) -> str:
    """A service's name: any but the one that reports use for the routers' own protocol."""
    if value == "vrrp":
        raise Invalid("is what reports call the routers' own protocol: choose another name")
    return name(value)


def router_name(value: object) -> str:
    """A router's name; at most 253 characters, so that a full domain name fits."""
    return _matching(value, _ROUTER, "is no name: use letters, digits, '.', '_' and '-'")


def zone(value: object) -> str:
    """The name of a firewalld zone; at most 17 characters."""
    return _matching(value, _ZONE, "is no zone: use at most 17 letters, digits, '.', '_' and '-'")


def policy(value: object) -> str:
    """The name of a firewalld policy; at most 17 characters."""
    return _matching(value, _ZONE, "is no policy: use at most 17 letters, digits, '.', '_' and '-'")


def username(value: object) -> str:
    """Whom SSH logs in as."""
    return _matching(value, _USER, "is no user name: use letters, digits, '.', '_', '@', '+', '-'")


def secret(value: object) -> str:
    """A password; what is wrong with it is said without showing it."""
    if not isinstance(value, str):
        raise Invalid("is no text: put it in quotes")
    if not value or not value.isprintable():
        raise Invalid("is empty or contains a control character")
    return value


def _matching(value: object, pattern: re.Pattern[str], message: str) -> str:
    if not isinstance(value, str):
        raise Invalid("is no text: put it in quotes")
    if not pattern.match(value):
        raise Invalid(message)
    return value


def hostname(value: object) -> str:
    """A host name or an IP address that SSH can connect to."""
    if not isinstance(value, str):
        raise Invalid("is no host name: write a name or an address, in quotes")
    try:
        address = ip_address(value)
    except ValueError:
        address = None
    scope = getattr(address, "scope_id", None)
    if address is not None and (scope is None or _INTERFACE.match(scope)):
        return value
    labels = value.removesuffix(".").split(".")
    if re.search(r"[0-9A-Za-z]@", value):
        raise Invalid("is no host name: write the user under username")
    if re.match(r"\[.*\]\Z|[^:]*:[0-9]+\Z", value):
        raise Invalid("is no host name: write the port under port, and an address without [ ]")
    if (
        len(value) > _LONGEST_HOSTNAME
        or not all(map(_LABEL.match, labels))
        or _DIGITS.match(labels[-1])
    ):
        raise Invalid("is no host name and no IP address")
    return value


def port(value: object) -> int:
    """A TCP port to connect to, 1 to 65535."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(f"is no port number: write 1 to {MAX_PORT}, without quotes")
    if not 1 <= value <= MAX_PORT:
        raise Invalid(f"is no port number: write 1 to {MAX_PORT}")
    return value


def boolean(value: object) -> bool:
    """True or false and nothing that only looks like it."""
    if not isinstance(value, bool):
        raise Invalid("is neither true nor false: write true or false, without quotes")
    return value


def choice(value: object, among: type[_Choice]) -> _Choice:
    """One of a few words."""
    known = {member.value: member for member in among}
    if isinstance(value, str) and value in known:
        return known[value]
    near = did_you_mean(value, known) if isinstance(value, str) else ""
    raise Invalid(f"is not understood: {near or 'write ' + one_of(known)}")


def vip(value: object) -> Address:
    """A virtual IP address: unicast, without prefix or zone id."""
    if not isinstance(value, str):
        raise Invalid("is no address: write 203.0.113.10 or '2001:db8::10'")
    try:
        address = ip_address(value)
    except ValueError:
        raise Invalid(_no_address(value)) from None
    kind = _unusable(address)
    if kind:
        raise Invalid(f"cannot be a VIP: {kind}")
    return address


def _no_address(text: str) -> str:
    if "/" in text:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            return "is no address: write 203.0.113.10 or '2001:db8::10'"
        if network.num_addresses == 1:
            return f"has a prefix: write {network.network_address}"
        return "is a network: write each address, without a prefix"
    if text != text.strip():
        return "has spaces around it: take them away"
    return "is no address: write 203.0.113.10 or '2001:db8::10'"


def _unusable(address: Address) -> str:
    v6 = isinstance(address, IPv6Address)
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    scoped = isinstance(address, IPv6Address) and address.scope_id is not None
    reasons = (
        (scoped, "a zone id (%…) means something on one machine only"),
        (mapped is not None, f"this is an IPv4 address in IPv6's clothes, write {mapped}"),
        (address == _BROADCAST, "this is the broadcast address"),
        (address.is_unspecified, "this is the unspecified address"),
        (address.is_loopback, "this is a loopback address"),
        (address.is_multicast, "this is a multicast address"),
        (v6 and address.is_link_local, "a link-local address is not routed"),
    )
    return next((reason for wrong, reason in reasons if wrong), "")


def service_ports(value: object) -> ServicePorts:
    """Ports of one protocol, from ``80/tcp`` or ``10000-20000/tcp``."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Invalid(f"is no port: {_PORT_HINT}")
    text = str(value) if isinstance(value, str) else f"{value:d}"
    if _BARE_PORTS.match(text):
        raise Invalid(f"has no protocol: write {text}/tcp, {text}/udp or {text}/sctp")
    parts = _PORTS.match(text)
    if not parts:
        if _PORTS.match(text.lower()):
            raise Invalid(f"is no port: write {text.lower()}")
        raise Invalid(f"is no port: {_PORT_HINT}")
    first, last = int(parts[1]), int(parts[2] or parts[1])
    protocols = {protocol.value: protocol for protocol in Protocol}
    if parts[3] not in protocols:
        raise Invalid(f"has no protocol that IPVS balances by port: {one_of(protocols)}")
    if first > last:
        raise Invalid(f"is no range: write {last}-{first}/{parts[3]}")
    if first < 1 or last > MAX_PORT:
        raise Invalid(f"is no port: ports are 1 to {MAX_PORT}")
    return ServicePorts(protocols[parts[3]], PortRange(first, last))


def mark(value: object) -> int:
    """A firewall mark: 1 to 2³²−1."""
    text = _TEXT_MARK.match(value) if isinstance(value, str) else None
    if text:
        raise Invalid(f"is text, not a number: write {text[1]}, without quotes or leading zeros")
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(f"is no mark: write a whole number, 1 to {MAX_MARK}")
    if value == 0:
        raise Invalid(f"is no mark: 0 means unmarked, write 1 to {MAX_MARK}")
    if not 1 <= value <= MAX_MARK:
        raise Invalid(f"is no mark: write 1 to {MAX_MARK}")
    return value
