"""firewalld's rich language: rules to text and back, as values.

firewalld compares rich rules as text and keeps two spellings of one rule side by side, so a rule is
read into a value, compared as a value, and removed by exactly the text that firewalld printed.
Only what lvsfleet itself would write is understood; all else is somebody else's and stays as it is.
"""

from __future__ import annotations

import re
import shlex
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_interface
from xml.etree.ElementTree import Element

from inventory.rules import (
    MAX_MARK,
    Accept,
    AcceptProtocol,
    Address,
    Mark,
    PortRange,
    Protocol,
    RouterProtocol,
    Rule,
)

_PROTOCOL_NUMBERS = {"112": RouterProtocol.VRRP, "51": RouterProtocol.AH}
_TRANSPORT_NUMBERS = {"6": Protocol.TCP, "17": Protocol.UDP, "132": Protocol.SCTP}
_MARK = re.compile(r"(?P<hex>0[xX][0-9a-fA-F]+)|(?P<octal>0[0-7]*)|(?P<decimal>[1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class RichRule:
    """One rich rule as firewalld has it.

    Attributes:
        text: firewalld's own words, to remove it by.
        rule: what it does, or None where it is not of the kinds that lvsfleet writes.
    """

    text: str
    rule: Rule | None


def render(rule: Rule) -> str:
    """The rich rule for ``rule``, spelled as the Red Hat manual spells it.

    An address carries its full prefix length (``/32``, ``/128``), the mark is decimal.
    """
    if isinstance(rule, AcceptProtocol):
        return f'rule protocol value="{rule.protocol.value}" accept'
    action = f'mark set="{rule.mark}"' if isinstance(rule, Mark) else "accept"
    return (
        f'rule family="ipv{rule.vip.version}"'
        f' destination address="{rule.vip}/{rule.vip.max_prefixlen}"'
        f' port port="{rule.ports}" protocol="{rule.protocol.value}" {action}'
    )


@lru_cache(maxsize=16384)
def parse(text: str) -> RichRule:
    """Read one rich rule as ``firewall-cmd --list-rich-rules`` or D-Bus prints it; never raises.

    Kept, since a router says each rule several times and the routers of a cluster say the same.
    """
    try:
        return RichRule(text, _rule_of(dict(_elements(shlex.split(text)))))
    except (ValueError, OSError):
        return RichRule(text, None)


_ELEMENTS = frozenset({"rule", "destination", "port", "protocol", "mark", "accept"})


def _elements(words: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each element of the rule with its attributes.

    Raises:
        ValueError: there is an element that is not ours, or one comes twice.
    """
    seen: dict[str, dict[str, str]] = {}
    attributes: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            if name in attributes:
                raise ValueError(f"twice: {name}")
            attributes[name] = value
        else:
            if name not in _ELEMENTS or name in seen:
                raise ValueError(f"not ours: {name}")
            attributes = seen[name] = {}
    if "rule" not in seen:
        raise ValueError("no rule")
    yield from seen.items()


def _rule_of(elements: Mapping[str, Mapping[str, str]]) -> Rule:
    """The value of a rule.

    Raises:
        ValueError: it is not of the kinds that lvsfleet writes.
    """
    head = dict(elements["rule"])
    priority = int(head.pop("priority", "0"))
    match sorted(elements.keys() - {"rule"}):
        case ["accept", "protocol"] if not head and priority <= 0 and not elements["accept"]:
            (value,) = _attributes(elements["protocol"], "value")
            return AcceptProtocol(_PROTOCOL_NUMBERS.get(value) or RouterProtocol(value.lower()))
        case ["accept", "destination", "port"] if priority <= 0 and not elements["accept"]:
            return Accept(*_target(head, elements))
        case ["destination", "mark", "port"]:
            (mark,) = _attributes(elements["mark"], "set")
            return Mark(*_target(head, elements), parse_mark(mark))
        case _:
            raise ValueError("not of our shape")


def _attributes(element: Mapping[str, str], *names: str) -> tuple[str, ...]:
    if element.keys() != set(names):
        raise ValueError(f"not our attributes: {sorted(element)}")
    return tuple(element[name] for name in names)


def _target(
    head: Mapping[str, str], elements: Mapping[str, Mapping[str, str]]
) -> tuple[Address, Protocol, PortRange]:
    (family,) = _attributes(head, "family")
    (address,) = _attributes(elements["destination"], "address")
    ports, protocol = _attributes(elements["port"], "port", "protocol")
    vip = host_address(address)
    if family != f"ipv{vip.version}":
        raise ValueError(f"{address} is not {family}")
    carrier = transport(protocol)
    first, dash, last = ports.partition("-")
    ends = (first, last if dash else first)
    return vip, carrier, PortRange(*(port_number(end, carrier) for end in ends))


def transport(text: str) -> Protocol:
    """A transport protocol by its name, in capitals or not, or by its number.

    Raises:
        ValueError: it is another.
    """
    return _TRANSPORT_NUMBERS.get(text) or Protocol(text.lower())


def port_number(text: str, protocol: Protocol) -> int:
    """A port by its number, or by its name in /etc/services: both packet filters take either.

    Raises:
        ValueError, OSError: there is no such port.
    """
    if text.isascii() and text.isdecimal():
        return int(text)
    return socket.getservbyname(text, protocol.value)


def host_address(text: str) -> Address:
    """One address, with or without its full prefix length or netmask.

    Raises:
        ValueError: it is a network, or no address.
    """
    interface = ip_interface(text)
    if interface.network.prefixlen != interface.max_prefixlen:
        raise ValueError(f"a network, not an address: {text}")
    return interface.ip


def parse_mark(text: str) -> int:
    """A mark in any base that strtoul(3) takes, with a full mask or none.

    Raises:
        ValueError: it is masked (the other bits keep what they had), or no mark.
    """
    value, slash, mask = text.partition("/")
    if slash and _unsigned(mask) != MAX_MARK:
        raise ValueError(f"masked: {text}")
    return _unsigned(value)


def _unsigned(text: str) -> int:
    match = _MARK.fullmatch(text)
    if match is None:
        raise ValueError(f"no number: {text}")
    return int(text, {"hex": 16, "octal": 8, "decimal": 10}[str(match.lastgroup)])


def from_xml(element: Element) -> RichRule:
    """One ``<rule>`` of a zone or policy file, in the words that firewalld itself would print."""
    words = ["rule", *_xml_attributes(element)]
    for child in element:
        words += [str(child.tag), *_xml_attributes(child)]
        for grandchild in child:
            words += [str(grandchild.tag), *_xml_attributes(grandchild)]
    return parse(" ".join(words))


_PRINTED_FIRST = ("priority", "family", "address", "port", "protocol")


def _xml_attributes(element: Element) -> list[str]:
    """Attributes as firewalld prints them: quoted, but for the mark; inversion is a word."""
    attributes = dict(element.attrib)
    inverted = attributes.pop("invert", "no").lower() in ("yes", "true")
    names = [name for name in _PRINTED_FIRST if name in attributes]
    names += (name for name in attributes if name not in _PRINTED_FIRST)
    bare = element.tag == "mark"
    words = [f"{k}={attributes[k]}" if bare else f'{k}="{attributes[k]}"' for k in names]
    return ["NOT", *words] if inverted else words
