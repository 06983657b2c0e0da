"""What an operator calls a chain: firewalld's chains are of a zone, or of a policy."""

from __future__ import annotations

import re

_OF_FIREWALLD = re.compile(
    r"(?:(?:filter|mangle|nat|raw)_)?(?:IN|PRE)_(?P<policy>policy_)?(?P<name>.+?)"
    r"(?:_(?:pre|log|deny|allow|post))?"
)


def zone_of(chain: str) -> tuple[str, str]:
    """The zone of one of firewalld's chains, and what to call its place; a policy has no zone.

    firewalld names its chains ``filter_IN_public_allow`` or, with iptables, ``IN_public_allow``.
    """
    match = _OF_FIREWALLD.fullmatch(chain)
    if match is None:
        return "", f"firewalld's {chain}"
    if match["policy"]:
        return "", f"firewalld's policy {match['name']}"
    return match["name"], f"firewalld's zone {match['name']}"
