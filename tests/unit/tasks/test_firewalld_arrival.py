"""firewalld: which zone a VIP's packets come by, and what is said where it is not ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.backends.firewalld_arrival import Bindings, arrivals, networks
from tasks.backends.firewalld_place import groups
from tasks.errors import Conflict
from tasks.outcome import Severity
from tasks.sections import Section

ADDRESSES = """\
1: lo    inet 127.0.0.1/8 scope host lo
1: lo    inet 203.0.113.99/32 scope global lo
2: eth0    inet 198.18.0.12/24 scope global eth0
3: eth1    inet 203.0.113.102/24 scope global eth1
3: eth1    inet6 2001:db8:1::102/64 scope global
3: eth1    inet6 fe80::1/64 scope link
4: eth2    inet 192.0.2.1 peer 192.0.2.2/32 scope global eth2
5: odd     inet nonsense scope global odd
"""
WEB, WEB6, ROUTED = (
    ip_address(each) for each in ("203.0.113.10", "2001:db8:1::10", "198.51.100.7")
)

Active = Mapping[str, Mapping[str, Sequence[str]]]


def said(vip: object, ours: str, active: Active, default: str = "public") -> list[str]:
    """The findings' words; an error passes through."""
    bindings = Bindings(default, active, networks(ADDRESSES))
    found = list(arrivals([ip_address(str(vip))], ours, bindings))
    assert {each.severity for each in found} <= {Severity.INFO}
    return [each.message for each in found]


@pytest.mark.parametrize("vip", [WEB, WEB6])
@pytest.mark.parametrize(
    ("ours", "active"),
    [
        pytest.param("public", {}, id="all in the default zone"),
        pytest.param("public", {"public": {"interfaces": ["eth0", "eth1"]}}, id="bound to it"),
        pytest.param("dmz", {"dmz": {"interfaces": ["eth1"]}}, id="bound to another, with ours"),
        pytest.param("dmz", {"dmz": {"interfaces": ["eth+"]}}, id="by a wildcard"),
        pytest.param("public", {"internal": {"interfaces": ["eth0"]}}, id="management is apart"),
        pytest.param("dmz", {"dmz": {"sources": ["0.0.0.0/0", "::/0"]}}, id="all sources"),
    ],
)
def test_nothing_is_said_where_the_packets_come_by(vip: object, ours: str, active: Active) -> None:
    assert said(vip, ours, active) == []


@pytest.mark.parametrize("vip", [WEB, WEB6])
@pytest.mark.parametrize(
    ("ours", "active", "words"),
    [
        (
            "public",
            {"internal": {"interfaces": ["eth1"]}},
            "eth1 is in zone internal.* zone public",
        ),
        (
            "public",
            {"internal": {"interfaces": ["eth*"]}},
            "eth1 is in zone internal.* zone public",
        ),
        ("dmz", {}, "eth1 is in zone public.* zone dmz"),
        ("dmz", {"dmz": {"interfaces": ["eth0"]}}, "eth1 is in zone public.* zone dmz"),
        (
            "public",
            {"office": {"sources": ["203.0.112.0/23", "2001:db8::/32"]}},
            "source .* in zone office.* zone public",
        ),
        ("public", {"all": {"sources": ["0.0.0.0/0", "::/0"]}}, "in zone all.* zone public"),
    ],
)
def test_both_zones_are_named_where_they_do_not(
    vip: object, ours: str, active: Active, words: str
) -> None:
    with pytest.raises(Conflict, match=words) as caught:
        said(vip, ours, active)
    assert "policy:" in caught.value.hint
    assert "zone: " in caught.value.hint


@pytest.mark.parametrize(
    ("ours", "active", "words"),
    [
        pytest.param("public", {"office": {"sources": ["203.0.113.101"]}}, "office", id="a peer"),
        pytest.param("public", {"trusted": {"sources": ["10.0.0.0/8"]}}, "trusted", id="far away"),
        pytest.param("public", {"bans": {"sources": ["ipset:banned"]}}, "banned", id="an ipset"),
        pytest.param("public", {"kin": {"sources": ["02:00:00:00:00:01"]}}, "kin", id="a MAC"),
        pytest.param("dmz", {"dmz": {"sources": ["10.0.0.0/8"]}}, "sources of zone dmz", id="ours"),
    ],
)
def test_what_is_not_certain_is_no_error(ours: str, active: Active, words: str) -> None:
    (message,) = said(WEB, ours, active)
    assert words in message


def test_a_vip_in_no_network_may_arrive_anywhere() -> None:
    assert said(ROUTED, "public", {}) == []
    (message,) = said(ROUTED, "public", {"internal": {"interfaces": ["eth1"]}})
    assert "not known" in message
    with pytest.raises(Conflict, match="eth0 or eth1 or eth2"):
        said(ROUTED, "dmz", {})


def test_a_router_without_addresses_says_nothing() -> None:
    bindings = Bindings("public", {}, ())
    assert list(arrivals([WEB], "dmz", bindings)) == []


BUS = 'a{sa{sas}} 2 "internal" 1 "interfaces" 1 "eth1" "office" 1 "sources" 1 "192.0.2.0/25"\n'
TEXT = "internal\n  interfaces: eth1\noffice\n  sources: 192.0.2.0/25\n"
NEWER = "internal (active)\n  interfaces: eth1\noffice\n  sources: 192.0.2.0/25\n"


@pytest.mark.parametrize("text", [BUS, TEXT, NEWER])
def test_the_bindings_are_read_over_the_bus_and_by_firewall_cmd(text: str) -> None:
    assert groups(Section(text, 0)) == {
        "internal": {"interfaces": ["eth1"]},
        "office": {"sources": ["192.0.2.0/25"]},
    }


def test_no_answer_is_none() -> None:
    assert groups(None) is None
    assert groups(Section("FirewallD is not running\n", 252)) is None


@given(st.text(alphabet="ab: \n\t-()", max_size=60))
def test_any_answer_is_read(text: str) -> None:
    assert groups(Section(text, 0)) is not None
