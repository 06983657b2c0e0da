"""Taking over: an inventory from what people typed, their rules moved, their marks refused."""

from __future__ import annotations

import json

import pytest
import yaml

from lab.steady import steady
from lab.topology import Kind, Site
from tests.lab.rollout.fleet import AT_ONCE, CONTINUE, Fleet, differences
from tests.lab.rollout.rules import kind_of, running, saved
from tests.lab.rollout.traffic import no_takeover

ROUTERS = ("ams1", "ams2", "fra1", "fra2", "lon1", "lon2")
MASTERS = ("ams1", "fra1", "lon1")
SAVE = {
    Kind.IPTABLES_DEBIAN: "netfilter-persistent save",
    Kind.IPTABLES_RHEL: "iptables-save >/etc/sysconfig/iptables;"
    " ip6tables-save >/etc/sysconfig/ip6tables",
}
ODD = "-A PREROUTING -p udp -m udp --dport 5060 -j MARK --set-xmark 0x7/0xff"

# Spelled as people spell: by words, in a chain of their own, in hexadecimal.
IPTABLES = """set -e
iptables -t mangle -A PREROUTING -d {web4} -p tcp -m multiport --dports http,443 \\
    -j MARK --set-mark 80
iptables -t mangle -A PREROUTING -p udp --dport 5060 -j MARK --set-mark 0x7/0xff
iptables -t mangle -N passive
iptables -t mangle -A PREROUTING -d {ftp} -p tcp -j passive
iptables -t mangle -A passive -p tcp --dport 21 -j MARK --set-mark 0x15
iptables -t mangle -A passive -p tcp --dport 10000:20000 -j MARK --set-mark 21
ip6tables -t mangle -A PREROUTING -d {web6} -p tcp --dport 80 -j MARK --set-mark 80
ip6tables -t mangle -A PREROUTING -d {web6} -p tcp --dport 443 -j MARK --set-mark 80
iptables -I INPUT -p vrrp -j ACCEPT
ip6tables -I INPUT -p vrrp -j ACCEPT
iptables -I INPUT 3 -d {ftp} -p tcp -m multiport --dports 21,10000:20000 -j ACCEPT
"""
RICH = (
    'rule family="ipv4" destination address="{web4}" port port="80" protocol="tcp" mark set="0x50"',
    'rule family="ipv4" destination address="{web4}" port port="443" protocol="tcp" mark set="80"',
    'rule family="ipv6" destination address="{web6}" port port="80" protocol="tcp" mark set="80"',
    'rule family="ipv6" destination address="{web6}" port port="443" protocol="tcp" mark set="80"',
    'rule family="ipv4" destination address="{ftp}" port port="21" protocol="tcp" mark set="21"',
    "rule family=ipv4 destination address={ftp} port port=10000-20000 protocol=tcp mark set=21",
    'rule family="ipv4" destination address="{ftp}" service name="sip" mark set="7"',
    'rule protocol value="vrrp" accept',
)
KEEPALIVED = """
# the shop
virtual_server fwmark 80 {
    lvs_sched rr
}
virtual_server_group files {
    fwmark 21
}
virtual_server fwmark 99 {
    lvs_sched rr
}
"""


def words(site: Site) -> dict[str, str]:
    return {"web4": str(site.web[0]), "web6": str(site.web[1]), "ftp": str(site.ftp)}


def plant(fleet: Fleet, *routers: str) -> None:
    """What a careful person would have typed after the manual, running and saved."""
    for router in routers:
        site, kind = fleet.lab.router(router).site, kind_of(fleet, router)
        if kind is Kind.FIREWALLD:
            rules = " ".join(f"--add-rich-rule='{rule.format(**words(site))}'" for rule in RICH)
            fleet.sh(router, f"firewall-cmd {rules} && firewall-cmd --permanent {rules}")
        else:
            fleet.sh(router, IPTABLES.format(**words(site)) + SAVE[kind])
        conf = fleet.read(router, "/etc/keepalived/keepalived.conf")
        # Included, so that what keepalived runs with is not touched.
        fleet.write(router, "/etc/keepalived/servers/marks.conf", KEEPALIVED)
        fleet.write(router, "/etc/keepalived/keepalived.conf", conf + "include servers/*.conf\n")


@pytest.fixture(scope="module")
def fleet(fleet_of_module: Fleet) -> Fleet:
    """Routers with planted rules, and an inventory that has only their names."""
    fleet = fleet_of_module
    fleet.fresh(*ROUTERS)
    plant(fleet, *ROUTERS)
    fleet.groups = {}
    fleet.hosts = {name: {"hostname": host["hostname"]} for name, host in fleet.hosts.items()}
    return fleet


@pytest.fixture(scope="module")
def adopted(fleet: Fleet) -> Fleet:
    """The same, with the inventory that `lvsfleet adopt` wrote."""
    before = {router: fleet.state(router) for router in ROUTERS}
    folder = fleet.folder.parent / "site"
    answer = fleet.run("adopt", "--output", str(folder))
    assert answer.code == 0, answer
    for router in ROUTERS:
        assert differences(before[router], fleet.state(router)) == {}
    fleet.said = answer.stdout  # type: ignore[attr-defined]
    for name in ("hosts", "groups", "defaults"):
        setattr(fleet, name, yaml.safe_load((folder / f"{name}.yaml").read_text()))
    return fleet


def test_the_inventory_describes_what_is_there(adopted: Fleet) -> None:
    assert adopted.hosts["fra2"] == {
        "hostname": adopted.hosts["fra2"]["hostname"],
        "groups": ["fra"],
    }
    for site in adopted.lab.topology.sites:
        data = adopted.groups[site.name]["data"]
        accept = {"accept": True} if site.kind is not Kind.FIREWALLD else {}
        assert data == {
            "cluster": site.name,
            "backend": site.kind.backend,
            "services": {
                "files": {
                    "vips": [str(site.ftp)],
                    "ports": ["21/tcp", "10000-20000/tcp"],
                    "mark": 21,
                    **accept,
                },
                "the-shop": {
                    "vips": [str(vip) for vip in site.web],
                    "ports": ["80/tcp", "443/tcp"],
                    "mark": 80,
                },
            },
            "vrrp": {"accept": True},
        }
    said = str(adopted.said)  # type: ignore[attr-defined]
    assert f"fra1, fra2: {ODD} (iptables, chain PREROUTING of mangle): it sets some bits" in said
    assert "it names a service" in said
    assert "mark 99 (/etc/keepalived/servers/marks.conf:9): no rule sets this mark" in said
    assert "A rollout of it changes nothing." in said


def test_a_rollout_of_it_changes_nothing(adopted: Fleet) -> None:
    assert adopted.run("inventory", "check").code == 0
    answer = adopted.rollout(options=("--dry-run",))
    assert (answer.code, set(answer.statuses.values())) == (0, {"unchanged"}), answer


def test_files_are_never_written_over(adopted: Fleet) -> None:
    folder = adopted.folder.parent / "site"
    before = {each.name: each.read_text() for each in folder.iterdir()}
    answer = adopted.run("adopt", "--output", str(folder))
    assert answer.code == 2
    assert "--force" in answer.stderr
    assert {each.name: each.read_text() for each in folder.iterdir()} == before
    assert adopted.run("adopt", "--output", str(folder), "--force", "--limit", "fra1").code == 0


def test_equal_rules_are_taken_over_and_no_packet_pays(adopted: Fleet) -> None:
    with no_takeover(adopted.lab, *MASTERS):
        for router in MASTERS:
            taken_over_and_back(adopted, router)


def taken_over_and_back(fleet: Fleet, router: str) -> None:
    before = fleet.state(router)
    with steady(fleet.lab, [router]) as seen:
        answer = fleet.rollout(router, options=(*AT_ONCE, "--adopt"))
        assert answer.statuses == {router: "changed"}, answer
    assert seen[router].pays_nothing(80), seen
    again = fleet.rollout(router, options=(*AT_ONCE, "--adopt"))
    assert again.statuses == {router: "unchanged"}, again
    run = json.loads(answer.stdout)["run"]
    if kind_of(fleet, router) is not Kind.FIREWALLD:
        told = answer.changes(router, "runtime")
        assert (
            "remove",
            f"-A passive -p tcp -m tcp --dport 21 -j MARK --set-xmark {0x15:#x}/0xffffffff",
        ) in told
        for rules in (running(fleet, router), saved(fleet, router)):
            marks = [rule for rule in rules if "-j MARK" in rule and "LVSFLEET" not in rule]
            assert marks == [ODD]
    else:
        assert "sip" not in fleet.read(router, "/var/lib/lvsfleet/owned")
        assert fleet.read(router, "/var/lib/lvsfleet/owned").count("mark") == 6
    with steady(fleet.lab, [router]) as seen:
        back = fleet.run("rollback", run, "--format", "json", *AT_ONCE)
        assert back.statuses == {router: "changed"}, back
    assert seen[router].pays_nothing(80), seen
    changed = differences(before, fleet.state(router))
    for part in ("files", "snapshots", "timers", "locks"):
        changed.pop(part, None)
    assert changed == {}


def test_a_change_that_fails_brings_them_back(adopted: Fleet) -> None:
    fleet = adopted
    router = "fra2"
    before = fleet.state(router)
    fleet.program(
        router, "iptables-restore", 'case $* in *--test*) exit 1 ;; esac; exec $real "$@"'
    )
    try:
        answer = fleet.rollout(router, options=(*AT_ONCE, "--adopt"))
    finally:
        fleet.sh(router, "rm /usr/local/sbin/iptables-restore")
    assert answer.statuses == {router: "reverted"}, answer
    after = fleet.state(router)
    assert [after[part] for part in ("iptables", "ip6tables")] == [
        before[part] for part in ("iptables", "ip6tables")
    ]
    assert after["contents"] == before["contents"]


HOOK = "{ type filter hook prerouting priority -150; }"
BESIDE = "ip daddr 203.0.113.7 tcp dport 80 meta mark set 0x9"


def test_foreign_marks_are_refused_all_of_them(adopted: Fleet) -> None:
    """Those in another packet filter, too."""
    fleet = adopted
    fleet.defaults["data"] = {"foreign": "refuse"}
    for router in MASTERS:
        fleet.sh(
            router,
            f"nft 'add table ip ann; add chain ip ann pre {HOOK}; add rule ip ann pre {BESIDE}'",
        )
    before = {router: fleet.state(router) for router in MASTERS}
    answer = fleet.rollout(*MASTERS, options=CONTINUE)
    assert answer.code == 1
    for router in MASTERS:
        kind, message = answer.error(router)
        odd = (
            ODD if kind_of(fleet, router) is not Kind.FIREWALLD else 'service name="sip" mark set=7'
        )
        assert (kind, odd in message) == ("conflict", True), message
        assert f"nftables' chain pre of table ip ann: {BESIDE}" in message
        assert "PREROUTING -d" not in message
        assert differences(before[router], fleet.state(router)) == {}
        fleet.sh(router, "nft delete table ip ann")


def test_foreign_marks_are_removed_and_nothing_else(adopted: Fleet) -> None:
    fleet = adopted
    fleet.defaults["data"] = {"foreign": "remove"}
    before = {router: (running(fleet, router), saved(fleet, router)) for router in MASTERS}
    with no_takeover(fleet.lab, "fra1"), steady(fleet.lab, ["fra1"]) as seen:
        answer = fleet.rollout(*MASTERS)
    assert answer.statuses == dict.fromkeys(MASTERS, "changed"), answer
    assert seen["fra1"].pays_nothing(80), seen
    for router in MASTERS:
        gone = [
            (set(was) - set(now), set(now) - set(was))
            for was, now in zip(
                before[router], (running(fleet, router), saved(fleet, router)), strict=True
            )
        ]
        odd = {r for r in before[router][0] if "0x7/0xff" in r or "sip" in r}
        assert len(odd) == 1
        assert gone == [(odd, set()), (odd, set())]
        assert {("remove", rule) for rule in odd} == set(answer.changes(router))
