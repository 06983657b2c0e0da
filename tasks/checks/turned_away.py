"""What to do about a rule that turns a service's packets away, by where that rule stands."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inventory.desired import Service
from tasks.walk import Packet, Verdict

_OF_IPTABLES = re.compile(r"(ip6?tables)' chain (\S+) of table (\w+)")


def hint(router: str, service: Service, packets: Sequence[Packet], said: Verdict) -> str:
    """The way out: let the service in where that helps, else what to do where the rule stands.

    An accept of lvsfleet's helps against the last word of a filter, which is for whatever nobody
    lets in: not against a rule that is meant for these packets, nor against another table.

    Args:
        router: its name.
        service: whose packets they are.
        packets: those that it turns away.
        said: what becomes of them.
    """
    by_iptables = _OF_IPTABLES.match(said.place)
    in_filter = by_iptables is not None and by_iptables[3] == "filter"
    meant = any(str(packet.destination) in said.by for packet in packets) or "dport" in said.by
    if not (service.accept or meant) and (in_filter or said.place.startswith("firewalld's ")):
        return (
            "accept: true for it in the inventory, then lvsfleet rollout --limit"
            f" {router}; or let it in by a rule of the site's own"
        )
    way = "No accept of lvsfleet's overrules that"
    if said.place.startswith("firewalld's "):
        return f"{way}: take it out of firewalld, running and --permanent"
    if by_iptables and said.by.startswith("-A "):
        program, _, table = by_iptables.groups()
        return f"{way}: {program} -t {table} -D {said.by[3:]}; and where it is saved"
    if by_iptables:
        program, chain, table = by_iptables.groups()
        first = packets[0]
        return (
            f"{way}: {program} -t {table} -I {chain} -d {first.destination} -p"
            f" {first.protocol.value} --dport {str(first.port).replace('-', ':')} -j ACCEPT, for"
            " each; and where it is saved"
        )
    if said.path:
        return f"{way}: let it in there first: {_inserted(said.path, packets[0])}; and in its file"
    return way


def _inserted(path: str, packet: Packet) -> str:
    family = "ip" if packet.destination.version == 4 else "ip6"  # noqa: PLR2004
    return (
        f"nft insert rule {path} {family} daddr {packet.destination} {packet.protocol.value}"
        f" dport {packet.port} accept"
    )
