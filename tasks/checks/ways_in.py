"""The way in: what becomes of packets to the VIPs and of VRRP, by the router's real rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address

from inventory.desired import Service
from inventory.rules import Address, Protocol, RouterProtocol
from tasks.checks.catalog.rules import LVS005
from tasks.checks.catalog.ways_in import LVS020, LVS021, LVS022, LVS023
from tasks.checks.subject import Subject, listed
from tasks.checks.turned_away import hint
from tasks.outcome import Edit, Finding, Op, Severity, Where
from tasks.walk import Doubt, Filters, Packet, Verdict

ADVERTS = {4: ip_address("224.0.0.18"), 6: ip_address("ff02::12")}
"""Where VRRP's adverts go (RFC 9568, 5.1)."""


_INVALID = ('"invalid"', "--ctstate INVALID -j DROP")
_NOTRACK = ('"notrack"', "-j NOTRACK", "--notrack")
"""As nft and iptables write it; firewalld may use either."""


def check(subject: Subject) -> Iterator[Finding]:
    """All of them; nothing where no packet filter's rules are there to walk."""
    filters = Filters.of(subject.observed)
    yield from _vrrp(subject, filters)
    for service in subject.desired.services:
        yield from _service(subject, service, filters)
    yield from _invalid(subject)


def _vrrp(subject: Subject, filters: Filters) -> Iterator[Finding]:
    """Adverts that are turned away; a rule of ours that lacks is told of as such."""
    config = subject.inspection.keepalived
    ours = subject.desired.vrrp.accept and _pending(subject, _lets_in)
    if config is None or subject.desired.cluster is None or ours:
        return
    asked: dict[tuple[RouterProtocol, int, str], None] = {}
    for instance in config.instances:
        protocol = RouterProtocol.AH if instance.ah else RouterProtocol.VRRP
        if instance.addresses:
            version = instance.addresses[0].address.version
            asked[protocol, version, instance.interface] = None
    for protocol, family, interface in asked:
        advert = Packet(ADVERTS[family], protocol, interface=interface or None)
        said = filters.verdict(advert)
        if said.accepted is False:
            ah = ", ah: true" if protocol is RouterProtocol.AH else ""
            on = f" on {interface}" if interface else ""
            yield LVS020.finding(
                f"{protocol.value.upper()} over IPv{family}{on} is turned away by {said}",
                f"vrrp: {{accept: true{ah}}} in the inventory, then lvsfleet rollout --limit"
                f" {subject.desired.router}",
            )


def _service(subject: Subject, service: Service, filters: Filters) -> Iterator[Finding]:
    """What becomes of the packets of one service; alike answers are told of together."""
    marks = not _pending(subject, lambda edit: _marks(edit, service))
    accepts = not (service.accept and _pending(subject, _lets_in))
    away: dict[Verdict, list[Packet]] = {}
    unclear: dict[Verdict, list[Packet]] = {}
    astray: dict[Verdict, list[Packet]] = {}
    for packet, said in _said(subject, service, filters):
        if said.strangers is False:
            away.setdefault(said, []).append(packet)
        elif said.strangers is None and said.doubt is Doubt.UNKNOWN:
            unclear.setdefault(said, []).append(packet)
        wanted = 0 if service.how_drains(packet.destination) else service.mark
        if said.mark not in (None, wanted) and not _never_came_so_far(said):
            astray.setdefault(said, []).append(packet)
    name = service.name
    for said, packets in away.items() if accepts else ():
        yield LVS021.finding(
            f"service {name}: {_named(packets)} is turned away by {said}",
            hint(subject.desired.router, service, packets, said),
            service=name,
        )
    for said, packets in unclear.items() if accepts else ():
        yield LVS021.finding(
            f"service {name}: whether {_named(packets)} is let in cannot be said: {said}",
            severity=Severity.INFO,
            service=name,
        )
    if marks and subject.change is not None:
        for said, packets in astray.items():
            yield _astray(subject, service, said, packets)


def _never_came_so_far(said: Verdict) -> bool:
    """Whether it was turned away before anything could mark it; a zone's rules would have."""
    return said.strangers is False and said.mark == 0 and not said.zones


def _named(packets: list[Packet]) -> str:
    return listed([f"{p.destination} port {p.port}/{p.protocol.value}" for p in packets])


def _said(subject: Subject, service: Service, filters: Filters) -> Iterator[tuple[Packet, Verdict]]:
    """What becomes of a service's packets, by VIP and ports that are treated alike."""
    for vip in service.vips:
        interface = _arrives_on(subject, vip)
        for each in service.ports:
            whole = Packet(vip, Protocol(each.protocol), each.ports, interface=interface)
            yield from filters.by_ports(whole)


def _astray(subject: Subject, service: Service, said: Verdict, packets: list[Packet]) -> Finding:
    """The rules are there, and the packets do not get their mark."""
    if said.mark == 0 and said.zones:
        zones = ", ".join(said.zones)
        return LVS022.finding(
            f"service {service.name}: {_named(packets)} comes by zone {zones}, where nothing marks"
            " it",
            f"Say zone: {said.zones[0]} in the inventory, or policy: lvsfleet, then lvsfleet"
            f" rollout --limit {subject.desired.router}",
            service=service.name,
        )
    drains = all(service.how_drains(each.destination) for each in packets)
    wanted = "though it drains" if drains else f"not {service.mark}"
    return LVS005.finding(
        f"service {service.name}: {_named(packets)} ends with mark {said.mark}, {wanted}:"
        " another rule has the last word",
        "Look for it among what sets marks in PREROUTING and INPUT; it is not lvsfleet's",
        service=service.name,
    )


def _arrives_on(subject: Subject, vip: Address) -> str | None:
    """The interface that keepalived puts a VIP on; None where it does not say."""
    config = subject.inspection.keepalived
    for instance in config.instances if config else ():
        for each in instance.addresses:
            if each.address == vip:
                return each.device or instance.interface or None
    return None


def _pending(subject: Subject, concerns: Callable[[Edit], bool]) -> bool:
    """Whether a rollout would add something of a kind to the runtime."""
    edits = subject.change.edits if subject.change else ()
    return any(
        edit.op is Op.ADD and edit.where is Where.RUNTIME and concerns(edit) for edit in edits
    )


def _lets_in(edit: Edit) -> bool:
    """An accept, or what one is reached by."""
    words = edit.rule.lower()
    return "accept" in words or "protocols" in words or words.endswith("lvsfleet-in")


def _marks(edit: Edit, service: Service) -> bool:
    """A mark of the service, or what marks are reached by."""
    return edit.service == service.name or edit.service is None


def _invalid(subject: Subject) -> Iterator[Finding]:
    """The drop of invalid packets by firewalld, which those of direct routing may seem to be."""
    config = subject.inspection.keepalived
    if config is None or not subject.observed.units["firewalld"].active:
        return
    sections = ("nft:ruleset", "iptables:4", "iptables:6", "iptables-legacy:4")
    listing = "\n".join(subject.observed.text(name) or "" for name in sections)
    if not any(word in listing for word in _INVALID) or any(w in listing for w in _NOTRACK):
        return
    routed = {
        mark for each in config.virtual_servers if "DR" in each.methods for mark in each.marks
    }
    names = [each.name for each in subject.desired.services if each.mark in routed]
    if names:
        yield LVS023.finding(
            f"firewalld drops what conntrack calls invalid, and {', '.join(names)} is balanced by"
            " direct routing, of which conntrack sees one half only",
            "nft add table inet lvs-dr; nft add chain inet lvs-dr pre '{ type filter hook"
            " prerouting priority raw; }'; nft add rule inet lvs-dr pre ip daddr VIP notrack; and"
            " the same in a file that is loaded at boot",
        )
