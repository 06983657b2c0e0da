"""The marks that a router sets at this moment, whoever wrote the rules."""

from __future__ import annotations

import re

from tasks.backends.iptables_save import parse_dump
from tasks.checks.subject import Subject

_SETS = re.compile(
    r"--set-x?mark (0x[0-9a-fA-F]+|\d+)"  # iptables
    r"|mark set=\\?\"?(0x[0-9a-fA-F]+|\d+)"  # firewalld
)
_OF_NFT = re.compile(r'"key": ?\{"meta": ?\{"key": ?"mark"\}\}, ?"value": ?(\d+)')


def running_marks(subject: Subject) -> frozenset[int]:
    """Every number that some rule sets a mark to; more than are set is possible, fewer is not."""
    observed = subject.observed
    texts = [
        "\n".join(parse_dump(text)["mangle"].rules)
        for version in (4, 6)
        if "mangle" in parse_dump(text := observed.text(f"iptables:{version}") or "")
    ]
    places = ("firewalld:rich:", "firewalld:policy:")
    texts += (observed.text(name) or "" for name in observed.sections if name.startswith(places))
    found = {int(a or b, 0) for text in texts for a, b in _SETS.findall(text)}
    for name in ("nft:ruleset", "nftables:others"):
        found |= {int(number) for number in _OF_NFT.findall(observed.text(name) or "")}
    found |= {service.mark for service in subject.desired.services}
    return frozenset(found)
