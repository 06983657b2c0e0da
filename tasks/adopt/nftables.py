"""nftables' marks: the rules of any table, but for those that iptables and firewalld make there."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.desired import Backend
from tasks.adopt.found import Found, Untold
from tasks.backends.nft_foreign import foreign_marks
from tasks.backends.nft_json import chains_of_others
from tasks.backends.nft_maps import maps_of
from tasks.backends.nftables import OWN, state_of
from tasks.errors import NotUnderstood
from tasks.observe import Observed

_OF_IPTABLES = ("filter", "mangle", "nat", "raw", "security")


def marks(observed: Observed) -> Iterator[Found | Untold]:
    """Every mark rule, also those that look the mark up in a map; ours have no say in that.

    Raises:
        NotUnderstood: nft's answer makes no sense.
    """
    text = observed.text("nft:ruleset")
    if not text:
        return
    try:
        yield from list(_of_others(text))
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise NotUnderstood(
            f"nft lists something that makes no sense: {error}",
            "nft --json list ruleset, on the router, shows it",
        ) from error
    if observed.text(OWN):
        for mark in state_of(observed).running.rules.marks:
            words = f"{mark.vip} {mark.protocol.value} {mark.ports} : {mark.mark}"
            yield Found(mark, words, "nftables, lvsfleet's own table", Backend.NFTABLES)


def _of_others(text: str) -> Iterator[Found | Untold]:
    maps = maps_of(text)
    for (family, table), chains in chains_of_others(text).items():
        if table == "firewalld" or (family in ("ip", "ip6") and table in _OF_IPTABLES):
            continue
        for each in foreign_marks([chains], maps):
            where = f"nftables, {each.chain}"
            for mark in each.marks:
                yield Found(mark, each.words(mark), where, Backend.NFTABLES)
            if not each.marks and not each.idle:
                why = "it is not of the form: one address, one protocol, ports, one mark"
                yield Untold(each.text, where, why)
