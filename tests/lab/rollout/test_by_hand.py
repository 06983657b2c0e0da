"""Rules that somebody typed after the manual: equal ones count, others stop the rollout."""

from __future__ import annotations

import pytest

from lab.topology import Kind
from tests.lab.rollout.fleet import CONTINUE, Fleet, differences
from tests.lab.rollout.rules import kind_of, running, saved, saved_path

ROUTERS = ("ams2", "fra2", "lon2")


@pytest.fixture
def fleet(fleet: Fleet) -> Fleet:
    """An inventory with the web alone."""
    for site in fleet.lab.topology.sites:
        data = fleet.data(site.name)
        data["services"] = {"web": data["services"]["web"]}
        data["vrrp"] = {"accept": False}
    return fleet


def keep(fleet: Fleet, router: str) -> None:
    """Save what runs, as the distribution does."""
    for version, program in ((4, "iptables-save"), (6, "ip6tables-save")):
        fleet.sh(router, f"{program} >{saved_path(fleet, router, version)}")


def type_rich_rules(fleet: Fleet, rules: list[str], *options: str) -> None:
    for rule in rules:
        fleet.lab.exec("ams2", ["firewall-cmd", *options, f"--add-rich-rule={rule}"])


def type_marks(fleet: Fleet, router: str, mark: str = "80") -> None:
    """The marks of the web, the way each kind's users would type them, run and saved."""
    web4, web6 = fleet.lab.router(router).site.web
    if kind_of(fleet, router) is Kind.FIREWALLD:
        to4, to6 = 'rule family="ipv4" destination', 'rule family="ipv6" destination'
        marks, full = f'mark set="{mark}"', f"{mark}/0xffffffff"
        rules = [
            f'{to4} address="{web4}" port port="80" protocol="tcp" mark set={int(mark):#x}',
            f'{to4} address="{web4}/32" port port="443-443" protocol=tcp mark set={full}',
            f'{to6} address="{web6.exploded}" port port="80-80" protocol="tcp" {marks}',
            f'{to6} address="{web6}/128" port port="443" protocol="tcp" {marks}',
        ]
        type_rich_rules(fleet, rules)
        type_rich_rules(fleet, rules, "--permanent")
        return
    fleet.sh(
        router,
        f"""set -e
        iptables -t mangle -A PREROUTING -d {web4}/32 -p tcp -m multiport --dports 80,443 \\
            -j MARK --set-mark {mark}
        ip6tables -t mangle -A PREROUTING -p tcp -d {web6.exploded} --dport http \\
            -j MARK --set-mark {int(mark):#x}
        ip6tables -t mangle -A PREROUTING -p tcp -d {web6} --dport https -m comment \\
            --comment "typed by hand" -j MARK --set-xmark {mark}
        """,
    )
    keep(fleet, router)


def test_equal_rules_count_however_they_are_spelt(fleet: Fleet) -> None:
    fleet.fresh(*ROUTERS)
    for router in ROUTERS:
        type_marks(fleet, router)
    before = {router: fleet.state(router) for router in ROUTERS}

    answer = fleet.rollout(*ROUTERS)

    assert answer.code == 0
    assert answer.statuses == dict.fromkeys(ROUTERS, "unchanged"), answer
    for router in ROUTERS:
        assert differences(before[router], fleet.state(router)) == {}


def test_only_what_is_missing_is_added_to_them(fleet: Fleet) -> None:
    fleet.fresh(*ROUTERS)
    before = {}
    for router in ROUTERS:
        type_marks(fleet, router)
        before[router] = running(fleet, router), saved(fleet, router)
        web = fleet.services(fleet.lab.router(router).site.name)["web"]
        web["ports"] = ["80/tcp", "443/tcp", "8443/tcp"]

    answer = fleet.rollout(*ROUTERS)

    assert answer.code == 0, answer
    for router in ROUTERS:
        after = running(fleet, router), saved(fleet, router)
        for was, now in zip(before[router], after, strict=True):
            came = [rule for rule in now if rule not in was]
            assert [rule for rule in was if rule not in now] == []
            assert all("8443" in rule or "-j LVSFLEET-MARK" in rule for rule in came)
            assert sum("8443" in rule for rule in came) == 2


def test_what_was_typed_and_not_saved_is_saved(fleet: Fleet) -> None:
    fleet.fresh(*ROUTERS)
    for router in ROUTERS:
        type_into_the_runtime(fleet, router)
    before = {router: running(fleet, router) for router in ROUTERS}

    answer = fleet.rollout(*ROUTERS)

    assert answer.code == 0, answer
    for router in ROUTERS:
        assert answer.changes(router, "saved")
        assert not answer.changes(router, "runtime")
        assert running(fleet, router) == before[router]
    fleet.reboot(*ROUTERS)
    again = fleet.rollout(*ROUTERS)
    assert again.statuses == dict.fromkeys(ROUTERS, "unchanged"), again


def type_into_the_runtime(fleet: Fleet, router: str) -> None:
    web4, web6 = fleet.lab.router(router).site.web
    if kind_of(fleet, router) is Kind.FIREWALLD:
        rules = [
            f'rule family="ipv{vip.version}" destination address="{vip}" port port="{port}"'
            ' protocol="tcp" mark set="80"'
            for vip in (web4, web6)
            for port in (80, 443)
        ]
        type_rich_rules(fleet, rules)
        return
    for program, vip in (("iptables", web4), ("ip6tables", web6)):
        rule = f"-d {vip} -p tcp -m multiport --dports 80,443 -j MARK --set-mark 80"
        fleet.sh(router, f"{program} -t mangle -A PREROUTING {rule}")


def test_another_mark_on_the_same_packets_stops_the_rollout(fleet: Fleet) -> None:
    fleet.fresh(*ROUTERS)
    for router in ROUTERS:
        type_marks(fleet, router, "81")
    before = {router: fleet.state(router) for router in ROUTERS}

    # One of them fails; the others are asked all the same.
    answer = fleet.rollout(*ROUTERS, options=CONTINUE)

    assert answer.code == 1
    assert answer.statuses == dict.fromkeys(ROUTERS, "failed")
    for router in ROUTERS:
        kind, message = answer.error(router)
        vips = [str(vip) for vip in fleet.lab.router(router).site.web]
        assert kind == "conflict"
        assert any(vip in message for vip in vips)
        assert "81" in message
        assert differences(before[router], fleet.state(router)) == {}
