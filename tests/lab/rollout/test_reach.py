"""Who is contacted, and how: nobody for a wrong inventory, nothing sent to a wrong host key."""

from __future__ import annotations

import pytest

from lab.packets import Probe
from tests.lab.chaos.controller import wait_for
from tests.lab.rollout.fleet import CONTINUE, Fleet, differences
from tests.lab.rollout.rules import running

BACKUPS = ("ams2", "fra2", "lon2")
SSH = 22


def left_alone(fleet: Fleet, router: str) -> None:
    """Wait until nobody's connection to the router's sshd is left: each may still send packets."""

    def ended() -> bool:
        told = fleet.sh(router, f"ss --no-header --numeric --tcp --all sport = :{SSH}")
        return {line.split()[0] for line in told.splitlines()} <= {"LISTEN", "TIME-WAIT"}

    wait_for(ended, 60)


def connections(probe: Probe) -> int:
    """Packets to the router's sshd since the probe was installed."""
    counted = probe.read().marked
    return sum(packets for flow, packets in counted.items() if flow.port == SSH)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("mark", 0, "mark"),
        ("mark", "$(reboot)", "mark"),
        ("vips", ["198.51.100.10; reboot"], "198.51.100.10; reboot"),
        ("ports", ["80/tcp", "99999/tcp"], "99999/tcp"),
    ],
)
def test_no_router_is_contacted_when_the_inventory_is_wrong(
    fleet: Fleet, field: str, value: object, said: str
) -> None:
    fleet.services("fra")["web"][field] = value
    for router in ("ams2", "fra2"):
        left_alone(fleet, router)
    with Probe(fleet.lab, "fra2") as fra, Probe(fleet.lab, "ams2") as ams:
        answer = fleet.rollout("ams2", "fra2")

        assert connections(fra) == connections(ams) == 0
    assert answer.code == 2
    assert answer.stdout == ""
    assert "groups.yaml" in answer.stderr
    assert "fra" in answer.stderr
    assert said in answer.stderr
    assert "no router was contacted" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_router_that_is_down_does_not_keep_the_others_from_it(fleet: Fleet) -> None:
    fleet.fresh(*BACKUPS)
    with fleet.down("fra2"):
        answer = fleet.rollout(*BACKUPS, options=CONTINUE)

        assert answer.code == 1, answer
        assert answer.statuses == {"ams2": "changed", "fra2": "failed", "lon2": "changed"}, answer
        assert answer.error("fra2")[0] == "unreachable"
        assert "198.18." in answer.error("fra2")[1]

    again = fleet.rollout(*BACKUPS)
    assert again.code == 0, again
    assert again.statuses == {"ams2": "unchanged", "fra2": "changed", "lon2": "unchanged"}


def test_a_wrong_host_key_is_refused_and_nothing_is_sent(fleet: Fleet) -> None:
    fleet.fresh("lon2")
    state = fleet.lab.names.state
    mine = fleet.folder.parent / "known_hosts"
    other = (state / "host-keys" / "lon1.pub").read_text().split()[:2]
    address = fleet.lab.router("lon2").management
    mine.write_text(f"{address} {' '.join(other)}\n")
    extras = fleet.defaults["connection_options"]["lvsfleet"]["extras"]
    extras["known_hosts_files"] = [str(mine)]
    fleet.defaults["connection_options"]["lvsfleet-netmiko"] = {"extras": extras}
    before = fleet.state("lon2")

    for connection in ("paramiko", "netmiko"):
        fleet.data("lon2")["connection"] = connection
        answer = fleet.rollout("lon2")

        assert answer.code == 1, answer
        assert answer.statuses == {"lon2": "failed"}
        kind, message = answer.error("lon2")
        assert kind == "host-key"
        assert str(address) in message
    log = fleet.sh("lon2", "journalctl --unit=ssh --no-pager --output=cat")
    assert "Accepted" not in log
    assert differences(before, fleet.state("lon2")) == {}


def test_whoever_logs_in_and_however_the_router_gets_its_rules(fleet: Fleet) -> None:
    """An operator with sudo, an interactive shell only, and both."""
    fleet.fresh(*BACKUPS)
    options = fleet.defaults["connection_options"]
    options["lvsfleet-netmiko"] = options["lvsfleet"]
    fleet.hosts["ams2"]["username"] = "ops"
    fleet.data("ams2")["connection"] = "netmiko"
    fleet.hosts["fra2"]["username"] = "ops"
    fleet.data("lon2")["connection"] = "netmiko"

    answer = fleet.rollout(*BACKUPS)

    assert answer.code == 0, answer
    assert answer.statuses == dict.fromkeys(BACKUPS, "changed"), answer
    for router in BACKUPS:
        web = fleet.lab.router(router).site.web[0]
        assert [rule for rule in running(fleet, router) if f"{web}/32" in rule]
    again = fleet.rollout(*BACKUPS)
    assert again.statuses == dict.fromkeys(BACKUPS, "unchanged"), again
