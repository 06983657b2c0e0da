"""firewalld's zones and policies: marks where the packets come by, whichever zone that is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.fleet import Lab
from lab.steady import steady
from lab.topology import Kind
from tests.lab.rollout.fleet import AT_ONCE, Fleet, differences
from tests.lab.rollout.rules import running, saved
from tests.lab.rollout.traffic import Fate, Packet, fates, marked, no_takeover

MASTER, BACKUP = "ams1", "ams2"
POLICY = "/etc/firewalld/policies/lvsfleet.xml"


@pytest.fixture(scope="module", autouse=True)
def at_first(fleet_of_module: Fleet) -> None:
    """Both are as new, whatever was tested before."""
    fleet_of_module.fresh(MASTER, BACKUP)


@pytest.fixture
def fleet(fleet: Fleet) -> Fleet:
    """Its BACKUP is as new."""
    fleet.fresh(BACKUP)
    return fleet


@pytest.fixture
def served(lab: Lab, tmp_path: Path) -> Iterator[Fleet]:
    """Its MASTER is as new, and has the VIPs."""
    fleet = Fleet(lab, tmp_path / "inventory").patient()
    lab.reset(MASTER)
    with no_takeover(lab, MASTER):  # nor does a BACKUP that VRRP is shut out of have them, too
        fleet.settle(MASTER)
        yield fleet


def say(fleet: Fleet, **places: str | None) -> None:
    """Say a zone or a policy in the inventory, and nothing else of the kind."""
    for key in ("zone", "policy"):
        fleet.data("ams").pop(key, None)
    fleet.data("ams").update({key: value for key, value in places.items() if value})


def changed(fleet: Fleet, *routers: str) -> str:
    """A rollout that changes the routers, and another that does not; the name of the first."""
    answer = fleet.rollout(*routers)
    assert set(answer.statuses.values()) == {"changed"}, answer
    again = fleet.rollout(*routers)
    assert set(again.statuses.values()) == {"unchanged"}, again
    return str(json.loads(answer.stdout)["run"])


def rich(fleet: Fleet, router: str, *options: str) -> list[str]:
    told = fleet.lab.exec(router, ["firewall-cmd", *options, "--list-rich-rules"], check=False)
    return sorted(x for x in told.stdout.splitlines() if x and "icmp-type" not in x)


def wanted(fleet: Fleet) -> dict[Packet, Fate]:
    return marked(fleet.site(Kind.FIREWALLD))


IN_INTERNAL = """
for each in "" --permanent; do
    firewall-cmd $each --zone=internal --add-interface=eth1
    firewall-cmd $each --zone=internal --add-service=http --add-service=https
done
firewall-cmd --zone=internal --add-rich-rule='rule protocol value=vrrp accept'
firewall-cmd --permanent --zone=internal --add-rich-rule='rule protocol value=vrrp accept'
"""


@pytest.mark.parametrize(
    ("script", "bound"),
    [
        (IN_INTERNAL, "eth1 is in zone internal"),
        ("firewall-cmd --zone=internal --add-source=203.0.113.0/24", "source 203.0.113.0/24"),
        ("firewall-cmd --set-default-zone=internal", "eth1 is in zone internal"),
    ],
)
def test_a_vip_that_arrives_in_another_zone_is_refused(
    fleet: Fleet, script: str, bound: str
) -> None:
    fleet.sh(BACKUP, script)
    before = fleet.state(BACKUP)

    answer = fleet.rollout(BACKUP)

    assert answer.code == 1
    kind, message = answer.error(BACKUP)
    assert kind == "conflict"
    assert bound in message
    assert "zone internal" in message
    assert "zone public" in message
    assert differences(before, fleet.state(BACKUP)) == {}


def test_a_policy_marks_whichever_zone_the_packets_come_by(served: Fleet) -> None:
    fleet = served
    fleet.sh(MASTER, IN_INTERNAL)
    web = Packet(fleet.site(Kind.FIREWALLD).web[0], 80)
    assert fates(fleet.lab, MASTER, [web]) == {web: Fate(0, let_in=True)}
    say(fleet, policy="lvsfleet")

    changed(fleet, MASTER)

    assert fates(fleet.lab, MASTER, wanted(fleet)) == wanted(fleet)
    assert running(fleet, MASTER) == saved(fleet, MASTER), "the zone is as it was"
    in_stand_in = rich(fleet, MASTER, "--policy=allow-host-ipv6")
    assert in_stand_in == rich(fleet, MASTER, "--permanent", "--policy=lvsfleet")
    assert len(in_stand_in) == 17

    fleet.reboot(MASTER)

    assert fleet.rollout(MASTER).statuses == {MASTER: "unchanged"}
    assert rich(fleet, MASTER, "--policy=lvsfleet") == in_stand_in
    assert rich(fleet, MASTER, "--policy=allow-host-ipv6") == []
    assert fates(fleet.lab, MASTER, wanted(fleet)) == wanted(fleet)


def test_from_zone_to_policy_and_back_no_packet_pays(served: Fleet) -> None:
    fleet = served
    changed(fleet, MASTER)
    with steady(fleet.lab, [MASTER]) as seen:
        for places in ({"policy": "lvsfleet"}, {"zone": "public"}, {"policy": "other"}):
            say(fleet, **places)
            assert fleet.rollout(MASTER).statuses == {MASTER: "changed"}
    assert seen[MASTER].pays_nothing(80), seen
    assert fleet.rollout(MASTER).statuses == {MASTER: "unchanged"}
    assert fleet.sh(MASTER, "ls /etc/firewalld/policies/*.xml").split() == [
        "/etc/firewalld/policies/other.xml"
    ]


def test_a_rollback_leads_back_to_the_zone(served: Fleet) -> None:
    fleet = served
    changed(fleet, MASTER)
    in_zone = running(fleet, MASTER)
    say(fleet, policy="lvsfleet")
    run = changed(fleet, MASTER)
    fleet.reboot(MASTER)
    assert rich(fleet, MASTER, "--policy=lvsfleet") != []

    back = fleet.run("rollback", run, "--format", "json", *AT_ONCE)

    assert back.code == 0, back
    assert running(fleet, MASTER) == saved(fleet, MASTER) == in_zone
    assert rich(fleet, MASTER, "--policy=lvsfleet") == []
    assert fleet.sh(MASTER, f"ls {POLICY}", check=False) == ""
    assert fates(fleet.lab, MASTER, wanted(fleet)) == wanted(fleet)
    say(fleet, zone="public")
    assert fleet.rollout(MASTER).statuses == {MASTER: "unchanged"}


def test_a_change_to_a_policy_that_fails_is_taken_back(fleet: Fleet) -> None:
    changed(fleet, BACKUP)
    in_zone = running(fleet, BACKUP)
    say(fleet, policy="lvsfleet")
    fleet.program(
        BACKUP,
        "firewall-cmd",
        'case $* in *--permanent*--policy*--add*) exit 13 ;; esac; exec $real "$@"',
    )
    answer = fleet.rollout(BACKUP)
    fleet.sh(BACKUP, "rm /usr/local/sbin/firewall-cmd")
    assert answer.statuses == {BACKUP: "reverted"}, answer
    assert running(fleet, BACKUP) == saved(fleet, BACKUP) == in_zone
    assert rich(fleet, BACKUP, "--policy=allow-host-ipv6") == []
    assert fleet.sh(BACKUP, f"ls {POLICY}", check=False) == ""
    changed(fleet, BACKUP)


def test_a_firewalld_that_is_started_has_the_policy_at_once(fleet: Fleet) -> None:
    fleet.sh(BACKUP, "systemctl disable --now firewalld")
    say(fleet, policy="lvsfleet")
    fleet.data("ams")["start"] = True
    changed(fleet, BACKUP)
    in_policy = rich(fleet, BACKUP, "--policy=lvsfleet")
    assert len(in_policy) == 17
    assert in_policy == rich(fleet, BACKUP, "--permanent", "--policy=lvsfleet")
    assert rich(fleet, BACKUP, "--policy=allow-host-ipv6") == []


def test_a_firewalld_without_policies_is_left_alone(fleet: Fleet) -> None:
    old = 'case $* in *get-property*) echo \'s "0.6.3"\' ;; *) exec $real "$@" ;; esac'
    fleet.program(BACKUP, "busctl", old)
    before = fleet.state(BACKUP)
    say(fleet, policy="lvsfleet")
    answer = fleet.rollout(BACKUP)
    kind, message = answer.error(BACKUP)
    assert (answer.code, kind) == (1, "preflight")
    assert "0.6.3" in message
    assert "0.9.0" in message
    assert differences(before, fleet.state(BACKUP)) == {}
    say(fleet, zone="public")
    changed(fleet, BACKUP)


@pytest.mark.parametrize("places", [{"zone": "public"}, {"policy": "lvsfleet"}])
def test_a_router_without_busctl_is_asked_by_firewall_cmd(
    fleet: Fleet, places: dict[str, str]
) -> None:
    fleet.program(BACKUP, "busctl", "exit 127")
    say(fleet, **places)
    changed(fleet, BACKUP)
    assert running(fleet, BACKUP) == saved(fleet, BACKUP)


def test_busctl_without_json_is_enough(fleet: Fleet) -> None:
    """RHEL 7's and 8's know no such option."""
    refuses = 'case $* in *--json*) exit 1 ;; *) exec $real "$@" ;; esac'
    fleet.program(BACKUP, "busctl", refuses)
    fleet.program(BACKUP, "firewall-cmd", 'case $* in *--list*) exit 1 ;; esac; exec $real "$@"')
    answer = fleet.rollout(BACKUP)
    assert answer.statuses == {BACKUP: "changed"}, answer
    assert fleet.rollout(BACKUP).statuses == {BACKUP: "unchanged"}


def test_a_hundred_rules_are_saved_in_one_go(fleet: Fleet) -> None:
    vips = [f"203.0.113.{n}" for n in range(110, 150)]
    many = {"vips": vips, "ports": ["80/tcp", "443/tcp", "8443/tcp"], "mark": 1000}
    fleet.services("ams")["many"] = many
    changed(fleet, BACKUP)
    assert running(fleet, BACKUP) == saved(fleet, BACKUP)
    assert sum("mark set=1000" in rule for rule in saved(fleet, BACKUP)) == 120
    del fleet.services("ams")["many"]
    changed(fleet, BACKUP)
    assert running(fleet, BACKUP) == saved(fleet, BACKUP)
    assert not any("mark set=1000" in rule for rule in running(fleet, BACKUP))
