"""Rules of others that take a mark away, as a rollout tells of them: mangle, other nft tables."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from inventory.desired import Backend, Desired, Foreign, Service, ServicePorts
from inventory.rules import PortRange, Protocol
from tasks.errors import NotUnderstood
from tasks.last_word import last_word
from tasks.outcome import Finding, Severity, Where
from tasks.plan import plan
from tests.unit.tasks.nft_router import NftRouter
from tests.unit.tasks.routers import IptablesRouter

WEB = Service(
    "web",
    (ip_address("203.0.113.10"), ip_address("2001:db8::10")),
    tuple(ServicePorts(Protocol.TCP, PortRange(port, port)) for port in (80, 443)),
    80,
)
SITE = "-d 203.0.113.0/24 -p tcp -m tcp"
MARK_99 = "-j MARK --set-xmark 0x63/0xffffffff"


def desired(backend: Backend = Backend.IPTABLES, foreign: Foreign = Foreign.KEEP) -> Desired:
    return Desired("fra1", cluster="fra", backend=backend, services=(WEB,), foreign=foreign)


def router(*others: str, brought: bool = True) -> IptablesRouter:
    """A router with our rules, and then those of ``others`` as iptables-restore takes them."""
    found = IptablesRouter.booted({})
    if brought:
        found.bring(desired())
    lines = "".join(f"{line}\n" for line in others)
    found.running[4].restore(f"*mangle\n{lines}COMMIT\n", flush=False)
    return found


def told(found: IptablesRouter | NftRouter, wanted: Desired) -> tuple[Finding, ...]:
    observed = found.observe()
    return tuple(last_word(wanted, observed, plan(wanted, observed)))


@pytest.mark.parametrize("brought", [True, False], ids=["unchanged", "to-be-changed"])
@pytest.mark.parametrize(
    ("others", "named", "mark"),
    [
        ([f"-I PREROUTING 1 {SITE} -j ACCEPT"], f"-A PREROUTING {SITE} -j ACCEPT", "none"),
        ([f"-A INPUT {SITE} {MARK_99}"], f"-A INPUT {SITE} {MARK_99}", "99"),
        (
            [":SITE - [0:0]", f"-A SITE {MARK_99}", f"-A INPUT {SITE} -j SITE"],
            f"-A INPUT {SITE} -j SITE",
            "99",
        ),
    ],
)
def test_the_rule_that_takes_a_mark_away_is_named(
    brought: bool, others: list[str], named: str, mark: str
) -> None:
    (finding,) = told(router(*others, brought=brought), desired())
    assert (finding.id, finding.severity, finding.service) == ("LVS005", Severity.ERROR, "web")
    packets = "203.0.113.10 port 80/tcp; 203.0.113.10 port 443/tcp"
    assert f"{packets} ends with mark {mark}, not 80" in finding.message
    assert finding.message.endswith(f"{named} (iptables mangle)")


def test_two_rules_that_do_it_are_not_named_but_told() -> None:
    found = router(f"-A INPUT {SITE} {MARK_99}", f"-A INPUT {SITE} -j MARK --set-xmark 0x9/0xffff")
    (finding,) = told(found, desired())
    assert "mark 9, not 80" in finding.message
    assert finding.message.endswith("looks at all of the router's rules")


@pytest.mark.parametrize(
    "others",
    [
        [],
        [f"-I PREROUTING 1 {SITE} {MARK_99}"],
        ["-I PREROUTING 1 -d 192.0.2.0/24 -j ACCEPT"],
        [f"-A FORWARD {SITE} {MARK_99}"],
        [f"-A INPUT {SITE} -m tcp --dport 8080 {MARK_99}"],
        ["-I PREROUTING 1 -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff"],
    ],
)
def test_what_leaves_the_marks_alone_is_not_told(others: list[str]) -> None:
    assert told(router(*others), desired()) == ()


def test_a_rule_behind_our_jump_is_named_where_the_jump_moves() -> None:
    found = router(f"-A PREROUTING {SITE} {MARK_99}")
    change = plan(desired(), found.observe())
    assert {each.rule for each in change.pending(Where.RUNTIME)} == {
        "-A PREROUTING -j LVSFLEET-MARK"
    }
    (finding,) = told(found, desired())
    assert finding.severity is Severity.INFO
    assert f"put behind it: -A PREROUTING {SITE} {MARK_99}" in finding.message
    found.bring(desired())
    assert told(found, desired()) == ()


def test_a_rule_that_the_change_takes_away_is_not_told() -> None:
    found = router(f"-A PREROUTING {SITE} {MARK_99}", f"-A INPUT {SITE} {MARK_99}")
    assert len(told(found, desired())) == 2
    going = plan(replace(desired(), foreign=Foreign.REMOVE), found.observe())
    gone = {each.rule for each in going.pending(Where.RUNTIME)}
    left = told(found, replace(desired(), foreign=Foreign.REMOVE))
    assert f"-A INPUT {SITE} {MARK_99}" not in gone
    assert [each.severity for each in left] == [Severity.ERROR]


def other_table(*rules: list[Any]) -> str:
    """A table of others with one chain after ours, as nft lists it."""
    place = {"family": "ip", "table": "site"}
    chain = {"name": "late", "type": "filter", "hook": "prerouting", "prio": -100}
    objects = [
        {"metainfo": {"json_schema_version": 1}},
        {"table": {"family": "ip", "name": "site", "handle": 1}},
        {"chain": {**place, **chain, "handle": 2, "policy": "accept"}},
        *({"rule": {**place, "chain": "late", "handle": 7, "expr": rule}} for rule in rules),
    ]
    return json.dumps({"nftables": objects})


NFT_MARK: list[Any] = [
    {
        "match": {
            "op": "==",
            "left": {"payload": {"protocol": "ip", "field": "daddr"}},
            "right": {"prefix": {"addr": "203.0.113.0", "len": 24}},
        }
    },
    {"mangle": {"key": {"meta": {"key": "mark"}}, "value": 99}},
]


def test_rules_that_nobody_can_read_stand_in_no_changes_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unread(*_arguments: object) -> None:
        raise NotUnderstood("no sense", "Look at it")

    monkeypatch.setattr("tasks.walk.Filters.of", unread)
    assert told(router(f"-A INPUT {SITE} {MARK_99}"), desired()) == ()


def test_a_mark_in_another_table_of_nftables_is_named() -> None:
    wanted = desired(Backend.NFTABLES)
    found = NftRouter(others=other_table())
    found.bring(wanted)
    assert told(found, wanted) == ()
    found.others = other_table(NFT_MARK)
    assert plan(wanted, found.observe()).edits == ()
    (finding,) = told(found, wanted)
    assert "ends with mark 99, not 80" in finding.message
    assert finding.message.endswith("the rule with handle 7 (nft -a list chain ip site late)")
