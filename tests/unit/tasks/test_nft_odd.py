"""No listing is too odd to read: what nft may come to print is refused or passed over."""

from __future__ import annotations

import json
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.desired import Backend, Desired
from inventory.rules import PortRange, Protocol, RouterProtocol
from tasks.backends.nft_json import parse_own
from tasks.backends.nft_table import OwnTable, parse_text
from tasks.errors import RouterError
from tasks.plan import plan
from tasks.walk import Filters, Packet
from tests.unit.tasks.cases import printed
from tests.unit.tasks.nft_router import NftRouter
from tests.unit.tasks.routers import observed
from tests.unit.tasks.worlds import crowded_states

quick = settings(max_examples=60, deadline=None, derandomize=True)

leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
leaves |= st.sampled_from(["accept", "drop", "input", "prerouting", "inet", "lo", "@banned", "tcp"])
KEYS = (
    "match",
    "vmap",
    "jump",
    "xt",
    "set",
    "concat",
    "range",
    "prefix",
    "elem",
    "key",
    "map",
    "&",
)
junk = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=2)
    ),
    max_leaves=6,
)


def spoil(value: Any, data: st.DataObject) -> Any:
    """The value with something else somewhere in it."""
    if not data.draw(st.integers(0, 4)) or not isinstance(value, dict | list) or not value:
        return data.draw(junk)
    if isinstance(value, dict):
        key = data.draw(st.sampled_from(sorted(value)))
        return value | {key: spoil(value[key], data)}
    at = data.draw(st.integers(0, len(value) - 1))
    return [*value[:at], spoil(value[at], data), *value[at + 1 :]]


@quick
@given(st.data(), crowded_states(Backend.NFTABLES))
def test_a_listing_of_others(data: st.DataObject, desired: Desired) -> None:
    router = NftRouter()
    for _ in range(2):
        router.others = json.dumps(spoil(json.loads(router.others), data))
    with suppress(RouterError):
        plan(desired, router.observe())


LISTINGS = [
    printed(f"way_in/{name}.nft.json") for name in ("hand-written", "firewalld-zones", "rejects")
]
VIP = ip_address("198.51.100.10")
PACKETS = (
    Packet(VIP, Protocol.TCP, 80),
    Packet(VIP, Protocol.UDP, PortRange(5, 99), ip_address("192.0.2.1"), "eth1"),
    Packet(ip_address("ff02::12"), RouterProtocol.VRRP),
)


@quick
@given(st.sampled_from(LISTINGS), st.data())
def test_a_packets_way_through_a_listing(listing: str, data: st.DataObject) -> None:
    listed = json.loads(listing)
    for _ in range(3):
        at = data.draw(st.integers(0, len(listed["nftables"]) - 1))
        listed["nftables"][at] = spoil(listed["nftables"][at], data)
    with suppress(RouterError):
        seen = observed({"units": "", "nft:ruleset": json.dumps(listed)})
        filters = Filters.of(seen)
        for packet in PACKETS:
            assert str(filters.verdict(packet))


@quick
@given(st.data(), crowded_states(Backend.NFTABLES))
def test_a_listing_of_our_table(data: st.DataObject, desired: Desired) -> None:
    router = NftRouter()
    router.bring(desired)
    own = router.observe().text("nftables:own") or printed("nftables/frame.json")
    with suppress(RouterError):
        parse_own(json.dumps(spoil(json.loads(own), data)))


@quick
@given(crowded_states(Backend.NFTABLES), st.data())
def test_a_file_that_was_cut_or_written_to(desired: Desired, data: st.DataObject) -> None:
    text = OwnTable.doing(desired.ruleset).text
    at = data.draw(st.integers(0, len(text)))
    new = text[:at] + data.draw(st.text(max_size=9)) + text[at + data.draw(st.integers(0, 9)) :]
    table = parse_text(new)
    assert (table == OwnTable.doing(desired.ruleset)) == (new == text)
