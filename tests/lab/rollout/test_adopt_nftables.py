"""Taking over on nftables: rules and maps that people typed count, move, and come back exactly."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from lab.packets import Probe
from lab.steady import steady
from tests.lab.rollout.fleet import AT_ONCE, CONTINUE, Fleet, differences
from tests.lab.rollout.test_adopt import KEEPALIVED
from tests.lab.rollout.traffic import Packet, fates, no_takeover

ROUTERS = ("ams1", "ams2")
MARKS = "/etc/nftables.d/marks.nft"
CONF = "/etc/nftables.conf"
ODD = "udp dport 5060 meta mark set 7"

# As a person keeps them: a folder that is included, definitions, names of ports, remarks, a map,
# two rules on a line, and a mark that no inventory can describe.
HAND = f"""\
# The shop.   Ask before you touch this!
define SHOP = {{web4}}
table inet site {{{{
	map passive {{{{
		type ipv4_addr . inet_proto . inet_service : mark
		flags interval
		elements = {{{{ {{ftp}} . tcp . 10000-20000 : 21,
			     {{ftp}} . tcp . ftp : 0x15 }}}}
	}}}}

	chain pre {{{{
		type filter hook prerouting priority mangle; policy accept;
		{ODD} # the phones
		ip daddr $SHOP tcp dport {{{{ http, https }}}} counter meta mark set 80 comment "web; shop"
		# and the same for IPv6
		ip6 daddr {{web6}} tcp dport 80 mark set 0x50; ip6 daddr {{web6}} tcp dport 443 mark set 80
		meta mark set ip daddr . meta l4proto . th dport map @passive
	}}}}

	chain in {{{{ type filter hook input priority 1; policy accept;
		ip daddr {{ftp}} tcp dport {{{{ 21, 10000-20000 }}}} accept; meta l4proto vrrp accept
	}}}}
}}}}
"""  # noqa: E101 - as nft files are
LEFT = """\
# The shop.   Ask before you touch this!
define SHOP = {web4}
table inet site {{
	map passive {{
		type ipv4_addr . inet_proto . inet_service : mark
		flags interval
	}}

	chain pre {{
		type filter hook prerouting priority mangle; policy accept;
		udp dport 5060 meta mark set 7 # the phones
		# and the same for IPv6
		meta mark set ip daddr . meta l4proto . th dport map @passive
	}}

	chain in {{ type filter hook input priority 1; policy accept;
		ip daddr {ftp} tcp dport {{ 21, 10000-20000 }} accept; meta l4proto vrrp accept
	}}
}}
"""
INCLUDE = '\ninclude "/etc/nftables.d/*.nft"\n'


def words(fleet: Fleet) -> dict[str, str]:
    site = fleet.lab.router("ams1").site
    return {"web4": str(site.web[0]), "web6": str(site.web[1]), "ftp": str(site.ftp)}


def plant(fleet: Fleet, *routers: str) -> None:
    """What a careful person would have typed, running and saved."""
    for router in routers:
        fleet.write(router, MARKS, HAND.format(**words(fleet)), "640")
        fleet.write(router, CONF, fleet.read(router, CONF) + INCLUDE, "755")
        fleet.sh(router, "systemctl reload nftables")
        conf = fleet.read(router, "/etc/keepalived/keepalived.conf")
        fleet.write(router, "/etc/keepalived/servers/marks.conf", KEEPALIVED)
        fleet.write(router, "/etc/keepalived/keepalived.conf", conf + "include servers/*.conf\n")


@pytest.fixture(scope="module")
def planted(others: Fleet) -> Fleet:
    """ams1 and ams2 with planted rules, and an inventory that has only their names."""
    fleet = Fleet(others.lab, others.folder).patient()
    fleet.fresh(*ROUTERS)
    plant(fleet, *ROUTERS)
    fleet.groups = {}
    fleet.hosts = {name: {"hostname": fleet.hosts[name]["hostname"]} for name in ROUTERS}
    return fleet


@pytest.fixture(scope="module")
def adopted(planted: Fleet) -> Fleet:
    """The same, with the inventory that `lvsfleet adopt` wrote."""
    fleet = planted
    before = {router: fleet.state(router) for router in ROUTERS}
    folder = fleet.folder.parent / "site-nftables"
    answer = fleet.run("adopt", "--output", str(folder))
    assert answer.code == 0, answer
    for router in ROUTERS:
        assert differences(before[router], fleet.state(router)) == {}
    assert "mark 99 (/etc/keepalived/servers/marks.conf:9): no rule sets this mark" in answer.stdout
    assert (
        "udp dport 5060 meta mark set 7 (nftables, chain pre of table inet site)" in answer.stdout
    )
    assert "A rollout of it changes nothing." in answer.stdout
    for name in ("hosts", "groups", "defaults"):
        setattr(fleet, name, yaml.safe_load((folder / f"{name}.yaml").read_text()))
    return fleet


@pytest.fixture
def fleet(adopted: Fleet) -> Iterator[Fleet]:
    yield adopted
    adopted.defaults.pop("data", None)
    for router in ROUTERS:
        adopted.sh(router, "rm -rf /usr/local/sbin/* /run/once")


def test_the_inventory_describes_what_is_there(fleet: Fleet) -> None:
    site = fleet.lab.router("ams1").site
    assert fleet.groups["ams"]["data"] == {
        "cluster": "ams",
        "backend": "nftables",
        "services": {
            "files": {
                "vips": [str(site.ftp)],
                "ports": ["21/tcp", "10000-20000/tcp"],
                "mark": 21,
                "accept": True,
            },
            "the-shop": {
                "vips": [str(vip) for vip in site.web],
                "ports": ["80/tcp", "443/tcp"],
                "mark": 80,
            },
        },
        "vrrp": {"accept": True},
    }


def test_equal_rules_count_and_are_not_doubled(fleet: Fleet) -> None:
    before = {router: fleet.state(router) for router in ROUTERS}
    answer = fleet.rollout()
    assert answer.statuses == dict.fromkeys(ROUTERS, "unchanged"), answer
    for router in ROUTERS:
        assert differences(before[router], fleet.state(router)) == {}


def test_what_is_not_done_yet_comes_to_our_table_alone(fleet: Fleet) -> None:
    before = fleet.state("ams2")
    services = fleet.services("ams")
    shop = services["the-shop"]
    services["the-shop"] = {**shop, "ports": [*shop["ports"], "8443/tcp"]}
    assert fleet.rollout("ams2").statuses == {"ams2": "changed"}
    ours = fleet.sh("ams2", "nft list table inet lvsfleet; cat /etc/lvsfleet/lvsfleet.nft")
    assert ours.count(". tcp . 8443 :") == 4
    assert ours.count(". tcp . 443 :") == 0
    services["the-shop"] = shop
    assert fleet.rollout("ams2").statuses == {"ams2": "changed"}
    assert fleet.state("ams2")["contents"] == before["contents"]


def test_foreign_marks_are_refused_in_whichever_filter(fleet: Fleet) -> None:
    legacy = "iptables-legacy -t mangle {} PREROUTING -s 203.0.113.66 -j MARK --set-mark 6"
    fleet.sh("ams2", legacy.format("-A"))
    fleet.defaults["data"] = {"foreign": "refuse"}
    before = fleet.state("ams2")
    answer = fleet.rollout("ams2", options=CONTINUE)
    kind, message = answer.error("ams2")
    assert kind == "conflict"
    assert f"{ODD.replace(' 7', ' 7')}" in message
    assert "-A PREROUTING -s 203.0.113.66/32 -j MARK --set-xmark 0x6/0xffffffff" in message
    assert "8080" not in message
    assert "tcp dport 80" not in message
    assert differences(before, fleet.state("ams2")) == {}
    fleet.sh("ams2", legacy.format("-D"))


FAILS_AT_THE_END = 'case $*: in "-c "*) ;; */do/go:) exit 1 ;; esac\nexec "$real" "$@"'
CLOSES_THE_DOOR = """
case $*: in
"-c "*) ;;
*/do/go:)
    "$real" "$@" || exit
    exec "$real" 'add table inet shut
        add chain inet shut in { type filter hook input priority 0; }
        add rule inet shut in iifname "eth0" drop' ;;
"-j -f "*/undo/come:) "$real" delete table inet shut ;;
esac
exec "$real" "$@"
"""


@pytest.mark.parametrize("spoilt", [FAILS_AT_THE_END, CLOSES_THE_DOOR])
def test_a_change_that_fails_brings_them_back(fleet: Fleet, spoilt: str) -> None:
    before = fleet.state("ams2")
    fleet.program("ams2", "nft", spoilt)
    options = (*CONTINUE, "--adopt", "--confirm-timeout", "5")
    answer = fleet.rollout("ams2", options=options)
    assert answer.statuses == {"ams2": "reverted"}, answer
    fleet.sh("ams2", "rm -rf /usr/local/sbin/* /run/once")
    now = fleet.state("ams2")
    for part in ("nft", "contents", "locks", "timers"):
        assert now[part] == before[part], differences(before, now)


WRITES_BEHIND_IT = f"""
if [ "$1" = daemon-reload ] && mkdir /run/once 2>/dev/null; then
    echo '# at night' >>{MARKS}
    echo 'no luck with this one' >&2
    exit 1
fi
exec "$real" "$@"
"""


def test_what_somebody_writes_into_a_file_just_saved_is_kept_beside_it(fleet: Fleet) -> None:
    before = fleet.state("ams2")
    fleet.program("ams2", "systemctl", WRITES_BEHIND_IT)
    answer = fleet.rollout("ams2", options=(*CONTINUE, "--adopt"))
    assert answer.statuses == {"ams2": "reverted"}, answer
    kept = f"{MARKS}.lvsfleet-found"
    words_of_both = f"no luck with this one; what somebody wrote meanwhile is kept as {kept}"
    assert words_of_both in answer.error("ams2")[1]
    assert fleet.read("ams2", kept) == LEFT.format(**words(fleet)) + "# at night\n"
    assert fleet.sh("ams2", f"stat -c %a {kept}") == "640\n"
    fleet.sh("ams2", f"rm -rf {kept} /usr/local/sbin/* /run/once")
    now = fleet.state("ams2")
    for part in ("nft", "contents", "locks"):
        assert now[part] == before[part], differences(before, now)


def test_equal_rules_are_taken_over_and_no_packet_pays(fleet: Fleet) -> None:
    def told() -> tuple[str, str]:
        return fleet.sh("ams1", "nft -s list table inet site"), fleet.state("ams1")["contents"]

    before = told()
    with no_takeover(fleet.lab, "ams1"), steady(fleet.lab, ["ams1"]) as seen:
        answer = fleet.rollout("ams1", options=(*AT_ONCE, "--adopt"))
        assert answer.statuses == {"ams1": "changed"}, answer
        taken = told()
        again = fleet.rollout("ams1", options=(*AT_ONCE, "--adopt"))
        assert again.statuses == {"ams1": "unchanged"}, again
        run = json.loads(answer.stdout)["run"]
        back = fleet.run("rollback", run, "--format", "json", *AT_ONCE)
        assert back.statuses == {"ams1": "changed"}, back
        assert told() == before
        again = fleet.rollout("ams1", options=(*AT_ONCE, "--adopt"))
        assert again.statuses == {"ams1": "changed"}, again
        assert told() == taken
    assert seen["ams1"].pays_nothing(80), seen
    assert fleet.read("ams1", MARKS) == LEFT.format(**words(fleet))
    assert fleet.sh("ams1", f"stat -c %a {MARKS} {CONF}").split() == ["640", "755"]
    going = [rule for op, rule in answer.changes("ams1", "saved") if op == "remove"]
    assert going == [rule for op, rule in answer.changes("ams1", "runtime") if op == "remove"]
    assert len(going) == 5
    assert taken[0].count("mark set") == 2
    assert "elements" not in taken[0]


def test_they_are_lvsfleets_after_a_boot(fleet: Fleet) -> None:
    table = fleet.sh("ams1", "nft -s list ruleset")
    fleet.reboot("ams1")
    assert fleet.sh("ams1", "nft -s list ruleset") == table
    assert fleet.rollout("ams1").statuses == {"ams1": "unchanged"}
    site = fleet.lab.router("ams1").site
    asked = [Packet(vip, port, "tcp") for vip in site.web for port in (80, 443)]
    asked.append(Packet(site.ftp, 12345, "tcp"))
    with Probe(fleet.lab, "ams1"):
        found = fates(fleet.lab, "ams1", asked)
    assert [fate.mark for fate in found.values()] == [80, 80, 80, 80, 21]


def test_foreign_marks_are_removed_and_nothing_else(fleet: Fleet) -> None:
    fleet.defaults["data"] = {"foreign": "remove"}
    text, table = fleet.read("ams1", MARKS), fleet.sh("ams1", "nft -s list ruleset")
    answer = fleet.rollout("ams1")
    assert answer.statuses == {"ams1": "changed"}, answer
    assert set(answer.changes("ams1")) == {("remove", f"add rule inet site pre {ODD}")}
    gone = [line for line in text.splitlines(True) if "5060" not in line]
    assert fleet.read("ams1", MARKS) == "".join(gone)
    gone = [line for line in table.splitlines(True) if "5060" not in line]
    assert fleet.sh("ams1", "nft -s list ruleset") == "".join(gone)


def test_what_cannot_be_moved_stays_and_is_told(fleet: Fleet) -> None:
    """The rules are made by a command that is no statement of a chain: nobody edits that."""
    fleet.fresh("ams2")
    plant(fleet, "ams2")
    web = words(fleet)["web4"]
    moved = f"insert rule inet site pre ip daddr {web} tcp dport 80 meta mark set 80\n"
    fleet.sh("ams2", f"echo '{moved}' >>{MARKS}; systemctl reload nftables")
    before = fleet.state("ams2")
    answer = fleet.rollout("ams2", options=(*AT_ONCE, "--adopt"))
    assert answer.statuses == {"ams2": "unchanged"}, answer
    assert {each["id"] for each in answer.routers["ams2"]["findings"]} == {"LVS018"}
    assert differences(before, fleet.state("ams2")) == {}
