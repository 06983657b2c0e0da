"""nftables' marks: the rules of any table, but for those that iptables and firewalld make there."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.desired import Backend
from tasks.adopt.found import Found, Untold
from tasks.backends.nft_foreign import foreign_marks
from tasks.backends.nft_json import chains_of_others
from tasks.observe import Observed

_OF_IPTABLES = ("filter", "mangle", "nat", "raw", "security")


def marks(observed: Observed) -> Iterator[Found | Untold]:
    """Every mark rule.

    Raises:
        NotUnderstood: nft's answer makes no sense.
    """
    text = observed.text("nft:ruleset")
    if not text:
        return
    tables = chains_of_others(text)
    for (family, table), chains in tables.items():
        if table == "firewalld" or (family in ("ip", "ip6") and table in _OF_IPTABLES):
            continue
        for each in foreign_marks([chains]):
            where = f"nftables, {each.chain}"
            for mark in each.marks:
                yield Found(mark, each.words(mark), where, Backend.NFTABLES)
            if not each.marks:
                yield Untold(
                    "meta mark set", where, "it is not of the form: one address, ports, one mark"
                )
