"""nftables: what others have stays; what goes wrong is taken back; what cannot be is said first."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest

from tests.lab.rollout.fleet import CONTINUE, Fleet, differences

LOADED = "nft list table inet lvsfleet"

# A colleague's, Docker's by way of iptables-nft, and keepalived's own.
FOREIGN = r"""
nft -f - <<'END'
table inet ann {
    comment "hers"
    set seen { type ipv4_addr; flags dynamic, timeout; timeout 1h; elements = { 203.0.113.9 } }
    chain pre {
        type filter hook prerouting priority mangle - 10; policy accept;
        ip daddr 203.0.113.7 tcp dport 80 counter meta mark set 7 comment "no service of ours"
    }
}
table ip keepalived_ipvs {
    map fwmarks { type ipv4_addr . inet_proto . inet_service : mark; }
    chain pre {
        type filter hook prerouting priority dstnat - 1; policy accept;
        meta mark set ip daddr . meta l4proto . th dport map @fwmarks
    }
}
END
iptables-nft -t nat -N DOCKER
iptables-nft -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables-nft -N f2b-sshd
iptables-nft -I INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
"""
POLICY_DROP = r"""
sed -i -e 's/hook input priority filter; policy accept/hook input priority filter; policy drop/' \
    -e 's/iif "lo" accept/&\n\t\ttcp dport 22 accept/' /etc/nftables.conf
systemctl restart nftables
"""


@pytest.fixture
def fleet(others: Fleet) -> Iterator[Fleet]:
    """ams1 and ams2 as new, and the inventory as the lab describes it."""
    fleet = Fleet(others.lab, others.folder).patient()
    fleet.fresh("ams1", "ams2")
    yield fleet
    for router in ("ams1", "ams2"):
        fleet.sh(router, "rm -rf /usr/local/sbin/* /run/once")


def tables(fleet: Fleet, router: str) -> str:
    """All tables but ours."""
    names = fleet.sh(router, "nft list tables").split("table ")[1:]
    others = [name.strip() for name in names if name.strip() != "inet lvsfleet"]
    return "".join(fleet.sh(router, f"nft -s -a list table {name}") for name in others)


def test_the_tables_of_others_stay_to_the_byte(fleet: Fleet) -> None:
    fleet.sh("ams2", f"set -e\n{FOREIGN}")
    before = tables(fleet, "ams2")
    first = fleet.rollout("ams2")
    assert first.code == 0, first
    assert tables(fleet, "ams2") == before
    ids = [each["id"] for each in first.routers["ams2"]["findings"]]
    assert sorted(set(ids)) == ["LVS004", "LVS015"], first.routers["ams2"]["findings"]
    data = fleet.data("ams")
    data["services"], data["vrrp"] = {}, {"accept": False}
    assert fleet.rollout("ams2").code == 0
    assert tables(fleet, "ams2") == before


def test_a_rollout_and_its_rollback_leave_nothing(fleet: Fleet) -> None:
    before = fleet.state("ams2")
    first = fleet.rollout("ams2")
    assert first.code == 0, first
    between = fleet.state("ams2")
    services = fleet.services("ams")
    fleet.data("ams")["services"] = {"web": {**services["web"], "ports": ["80-90/tcp"], "mark": 9}}
    second = fleet.rollout("ams2")
    assert second.code == 0, second
    for run, wanted in ((second, between), (first, before)):
        name = json.loads(run.stdout)["run"]
        answer = fleet.run("rollback", name, "--now", "--format", "json")
        assert answer.statuses == {"ams2": "changed"}, answer
        now = fleet.state("ams2")
        for part in ("nft", "contents"):
            assert now[part] == wanted[part], differences(wanted, now)


def taken_back(fleet: Fleet, spoil: Callable[[], None], *options: str) -> str:
    """A rollout that is spoilt and taken back; then one that is not. What the first one said."""
    services = dict(fleet.services("ams"))
    fleet.data("ams")["services"] = {"web": services["web"]}
    assert fleet.rollout("ams2").code == 0
    fleet.data("ams")["services"] = services
    before = fleet.state("ams2")
    spoil()
    answer = fleet.rollout("ams2", options=(*CONTINUE, *options))
    assert answer.statuses == {"ams2": "reverted"}, answer
    fleet.sh("ams2", "rm -rf /usr/local/sbin/* /run/once")
    now = fleet.state("ams2")
    for part in ("nft", "locks", "timers"):
        assert now[part] == before[part], differences(before, now)
    kept = [line for line in before["contents"].splitlines() if "lvsfleet" in line]
    assert [line for line in now["contents"].splitlines() if "lvsfleet" in line] == kept
    assert fleet.rollout("ams2").statuses == {"ams2": "changed"}
    return answer.error("ams2")[1]


LOSES_AN_ELEMENT = """
"$real" "$@" || exit
case $*: in
"-c "*) ;;
*/do/table:) mkdir /run/once && exec "$real" delete element inet lvsfleet mark4 \
    '{ 203.0.113.53 . udp . 53 }' ;;
esac
"""
IS_REFUSED = """
case $*: in "-c "*) ;; */do/table:) echo 'no luck with this one' >&2; exit 1 ;; esac
exec "$real" "$@"
"""
SHUTS_THE_DOOR = """
case $*: in
"-c "*) ;;
*/do/table:)
    "$real" "$@"
    exec "$real" 'add table inet shut
        add chain inet shut in { type filter hook input priority 0; }
        add rule inet shut in iifname "eth0" drop' ;;
*undo/table:) "$real" delete table inet shut ;;
esac
exec "$real" "$@"
"""


def test_nft_refuses_the_change(fleet: Fleet) -> None:
    said = taken_back(fleet, lambda: fleet.program("ams2", "nft", IS_REFUSED))
    assert "no luck with this one" in said


def test_nft_says_that_all_is_well_and_it_is_not(fleet: Fleet) -> None:
    said = taken_back(fleet, lambda: fleet.program("ams2", "nft", LOSES_AN_ELEMENT))
    assert "does not have it" in said


def test_a_router_that_lets_nobody_in_takes_the_change_back_itself(fleet: Fleet) -> None:
    spoil = lambda: fleet.program("ams2", "nft", SHUTS_THE_DOOR)  # noqa: E731 - said once
    taken_back(fleet, spoil, "--confirm-timeout", "5")


def test_the_folder_for_the_next_boot_cannot_be_written(fleet: Fleet) -> None:
    bind = "mount --bind /etc/lvsfleet /etc/lvsfleet && mount -o remount,bind,ro /etc/lvsfleet"
    services = dict(fleet.services("ams"))
    fleet.data("ams")["services"] = {"web": services["web"]}
    assert fleet.rollout("ams2").code == 0
    before = fleet.sh("ams2", f"{LOADED}; cat /etc/lvsfleet/*")
    fleet.data("ams")["services"] = services
    fleet.sh("ams2", bind)
    answer = fleet.rollout("ams2", options=CONTINUE)
    assert answer.statuses == {"ams2": "reverted"}, answer
    assert fleet.sh("ams2", f"{LOADED}; cat /etc/lvsfleet/*") == before
    fleet.sh("ams2", "umount /etc/lvsfleet")
    assert fleet.rollout("ams2").statuses == {"ams2": "changed"}


def test_power_goes_while_it_is_saved(fleet: Fleet) -> None:
    """The first rollout at all: the unit is not part of the boot that finds it half installed."""
    for stop, left in (("systemctl daemon-reload", "claimed"), ("nft -f /var/lib", "armed")):
        fleet.fresh("ams2")
        name, _, words = stop.partition(" ")
        hang = f'case $*: in "{words}"*) rm "$0"; touch /run/once; sleep 300 ;; esac'
        hang += '\nexec "$real" "$@"'
        fleet.program("ams2", name, hang)
        with fleet.started("rollout", "--limit", "ams2", "--now") as rollout:
            deadline = time.monotonic() + 200
            while not fleet.sh("ams2", "ls /run/once", check=False):
                assert time.monotonic() < deadline, rollout.poll()
                time.sleep(0.05)
            assert fleet.sh("ams2", f"ls /var/lib/lvsfleet/runs/*/{left}")
            rollout.kill()  # else it takes back what the boot has finished, if it is quick enough
            rollout.wait()
            fleet.lab.reboot("ams2")
        loaded = fleet.sh("ams2", "nft list map inet lvsfleet mark4", check=False)
        wanted = "changed" if left == "armed" else "unchanged"
        assert ("0x00000050" in loaded) == (wanted == "unchanged")
        assert fleet.rollout("ams2").statuses == {"ams2": wanted}


def test_what_another_table_drops_is_said_before_anything_is_done(fleet: Fleet) -> None:
    fleet.sh("ams2", POLICY_DROP)
    before = fleet.state("ams2")
    kind, said = fleet.rollout("ams2").error("ams2")
    assert kind == "preflight"
    assert "chain input of table inet filter (policy drop)" in said
    assert fleet.state("ams2") == before
    fleet.sh("ams2", "nft insert rule inet filter input meta l4proto 112 accept")
    fleet.sh("ams2", "nft insert rule inet filter input meta mark != 0 accept")
    answer = fleet.rollout("ams2")
    assert answer.statuses == {"ams2": "changed"}, answer
    assert answer.routers["ams2"]["findings"] == []


def test_auto_takes_what_runs_and_says_why(fleet: Fleet) -> None:
    fleet.data("ams")["backend"] = "auto"
    for wanted, why in (("changed", "nftables.service runs"), ("unchanged", "own table")):
        answer = fleet.rollout("ams2")
        assert answer.statuses == {"ams2": wanted}, answer
        (finding,) = [f for f in answer.routers["ams2"]["findings"] if f["severity"] == "info"]
        assert "auto is nftables" in finding["message"]
        assert why in finding["message"]


def test_auto_refuses_two_that_fight(fleet: Fleet) -> None:
    fleet.data("ams")["backend"] = "auto"
    fleet.sh("ams2", "systemctl enable firewalld")
    before = fleet.state("ams2")
    kind, said = fleet.rollout("ams2").error("ams2")
    assert kind == "conflict"
    assert "firewalld.service is enabled" in said
    assert "nftables.service runs" in said
    assert fleet.state("ams2") == before
