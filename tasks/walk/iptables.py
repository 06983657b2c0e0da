"""The base chains of an iptables-save dump."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.backends.iptables_save import parse_dump
from tasks.walk.chain import Base, Chain
from tasks.walk.iptables_rule import rule_of
from tasks.walk.place import zone_of

PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}
"""Of the tables at prerouting and input (netfilter_ipv4.h)."""

_HOOKS = {"PREROUTING": "prerouting", "INPUT": "input"}
_NAT_AT_INPUT = 100
"""nat's INPUT comes after IPVS (NF_IP_PRI_NAT_SRC)."""


def tables(dump: str) -> list[str]:
    """The tables that a dump has."""
    return list(parse_dump(dump))


def bases(dump: str, version: int) -> Iterator[Base]:
    """The chains that packets come to by themselves.

    Args:
        dump: what iptables-save or ip6tables-save printed.
        version: 4 or 6.
    """
    program = "iptables" if version == 4 else "ip6tables"  # noqa: PLR2004
    for name, table in parse_dump(dump).items():
        lines: dict[str, list[str]] = {chain: [] for chain in table.chains}
        for line in table.rules:
            lines.setdefault(line.split(maxsplit=2)[1], []).append(line)
        by_firewalld = any(chain.endswith("_ZONES") for chain in lines)
        chains: dict[str, Chain] = {}
        for chain, own in lines.items():
            zone, place = zone_of(chain) if by_firewalld else ("", "")
            policy = table.policies.get(chain, "-")
            chains[chain] = Chain(
                chain,
                place or f"{program}' chain {chain} of table {name}",
                tuple(rule_of(line, version, lines) for line in own),
                zone,
                f"policy {policy}" if policy != "-" else "",
            )
        for chain, hook in _HOOKS.items():
            if chain in chains:
                priority = PRIORITIES.get(name, 0)
                if (name, hook) == ("nat", "input"):
                    priority = _NAT_AT_INPUT
                yield Base((version,), hook, priority, chains[chain], chains)
