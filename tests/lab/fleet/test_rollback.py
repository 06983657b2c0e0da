"""``rollback RUN``: routers as they were before it, and nothing lost that came after it."""

from __future__ import annotations

import pytest

from tests.lab.fleet.runs import ALL, BACKUPS, QUICKLY, Runs, contents, untouched
from tests.lab.rollout.fleet import AT_ONCE, Answer, Fleet, differences
from tests.lab.rollout.rules import running, saved, saved_path

FOREIGN = {
    "ams2": 'rule family="ipv4" source address="192.0.2.66" drop',
    "fra2": "-A INPUT -s 192.0.2.66/32 -j DROP",
    "lon2": "-A INPUT -s 192.0.2.66/32 -j DROP",
}


def rollback(fleet: Fleet, run: str, *options: str) -> Answer:
    return fleet.run("rollback", run, "--format", "json", *options)


def as_before(fleet: Fleet, before: dict[str, dict[str, str]]) -> None:
    for router, was in before.items():
        assert differences(was, contents(fleet, router)) == {}, router


def add_foreign(fleet: Fleet, router: str) -> None:
    """A rule of somebody else, running and saved."""
    if router == "ams2":
        for where in ("", "--permanent"):
            fleet.sh(router, f"firewall-cmd {where} --add-rich-rule='{FOREIGN[router]}'")
        return
    fleet.sh(router, f"iptables {FOREIGN[router].replace('-A INPUT', '-I INPUT 1')}")
    path = saved_path(fleet, router)
    fleet.sh(router, f"sed -i '/^-A INPUT/{{s#^#{FOREIGN[router]}\\n#;:a;n;ba}}' {path}")


def test_back_and_forth(fleet: Fleet, runs: Runs) -> None:
    """Runtime and files are as before the run; Debian's had no file for IPv6 in it."""
    fleet.fresh(*BACKUPS)
    fleet.sh("fra2", "rm /etc/iptables/rules.v6")
    fleet.reboot("fra2")
    before = {router: contents(fleet, router) for router in BACKUPS}
    rolled = fleet.rollout(*BACKUPS)
    assert rolled.code == 0, rolled
    after = {router: contents(fleet, router) for router in BACKUPS}
    first = runs.of(rolled).id

    shown = rollback(fleet, first, *AT_ONCE, "--dry-run")
    assert shown.code == 3, shown
    assert shown.statuses == dict.fromkeys(BACKUPS, "planned")
    as_before(fleet, after)

    back = rollback(fleet, first[-4:], *AT_ONCE)
    assert back.code == 0, back
    assert back.statuses == dict.fromkeys(BACKUPS, "changed")
    as_before(fleet, before)
    second = runs.of(back)
    assert (second.command, second.options["of"]) == ("rollback", first)

    nothing = fleet.run("rollback", first)
    assert nothing.code == 0, nothing
    assert "3 unchanged" in nothing.stdout
    assert f"Nothing to take back: all is as it was before run {first}." in nothing.stdout
    as_before(fleet, before)

    forth = rollback(fleet, second.id, *AT_ONCE)
    assert forth.code == 0, forth
    as_before(fleet, after)
    assert fleet.rollout(*BACKUPS).statuses == dict.fromkeys(BACKUPS, "unchanged")

    assert rollback(fleet, runs.of(forth).id, *AT_ONCE).code == 0
    as_before(fleet, before)
    fleet.reboot(*BACKUPS)
    as_before(fleet, before)


def test_a_second_change_is_taken_back_alone(fleet: Fleet, runs: Runs) -> None:
    fleet.fresh(*BACKUPS)
    assert fleet.rollout(*BACKUPS).code == 0
    before = {router: contents(fleet, router) for router in BACKUPS}
    for cluster in ("ams", "fra", "lon"):
        fleet.services(cluster)["web"] = {**fleet.services(cluster)["web"], "ports": ["81/tcp"]}
        fleet.services(cluster)["dns"] = None
    changed = fleet.rollout(*BACKUPS)
    assert changed.code == 0, changed

    back = rollback(fleet, runs.of(changed).id, *AT_ONCE)

    assert back.code == 0, back
    as_before(fleet, before)
    # What is on the routers is lvsfleet's own again: the inventory can change it.
    forward = fleet.rollout(*BACKUPS)
    assert forward.statuses == dict.fromkeys(BACKUPS, "changed"), forward
    for router in BACKUPS:
        assert not [rule for rule in running(fleet, router) if "53" in rule and "80" in rule]


def test_what_others_did_since_survives(fleet: Fleet, runs: Runs) -> None:
    fleet.fresh(*BACKUPS)
    before = {router: (running(fleet, router), saved(fleet, router)) for router in BACKUPS}
    rolled = fleet.rollout(*BACKUPS)
    assert rolled.code == 0, rolled
    for router in BACKUPS:
        add_foreign(fleet, router)

    back = rollback(fleet, runs.of(rolled).id, *AT_ONCE)

    assert back.code == 0, back
    for router, (was_running, was_saved) in before.items():
        for now, was in ((running, was_running), (saved, was_saved)):
            assert sorted(now(fleet, router)) == sorted([*was, FOREIGN[router]]), router


def test_a_router_that_was_changed_since_is_refused_unless_forced(fleet: Fleet, runs: Runs) -> None:
    fleet.fresh(*BACKUPS)
    before = {
        router: {side: side(fleet, router) for side in (running, saved)} for router in BACKUPS
    }
    first = runs.of(fleet.rollout(*BACKUPS)).id
    for cluster in ("ams", "fra", "lon"):
        web = fleet.services(cluster)["web"]
        fleet.services(cluster)["web"] = {**web, "ports": [*web["ports"], "8080/tcp"]}
    assert fleet.rollout(*BACKUPS).code == 0
    changed = {router: fleet.state(router) for router in BACKUPS}

    refused = rollback(fleet, first, *AT_ONCE)

    assert refused.code == 1, refused
    for router in BACKUPS:
        kind, message = refused.error(router)
        assert kind == "changed-since"
        assert "8080" in message
        assert "+ " in message
    assert untouched(changed, fleet)

    forced = rollback(fleet, first, *AT_ONCE, "--force")
    assert forced.code == 0, forced
    for router in BACKUPS:
        for side in (running, saved):
            left = [rule for rule in side(fleet, router) if "8080" not in rule]
            assert left == before[router][side], router


def test_a_firewalld_that_was_started_is_stopped_again(fleet: Fleet, runs: Runs) -> None:
    pair = ("ams1", "ams2")
    fleet.fresh(*pair)
    for router in pair:
        fleet.sh(router, "systemctl disable --now firewalld")
    fleet.settle(*pair)
    fleet.data("ams")["start"] = True
    units = "systemctl is-active firewalld; systemctl is-enabled firewalld"
    rolled = fleet.rollout(*pair, options=QUICKLY)
    assert rolled.code == 0, rolled
    after = {router: contents(fleet, router) for router in pair}

    back = rollback(fleet, runs.of(rolled).id, *QUICKLY)

    assert back.code == 0, back
    for router in pair:
        assert fleet.sh(router, units, check=False).split() == ["inactive", "disabled"]
        assert "mark" not in fleet.read(router, "/etc/firewalld/zones/public.xml")
        assert fleet.sh(router, "nft list tables | grep firewalld", check=False) == ""

    forth = rollback(fleet, runs.of(back).id, *QUICKLY)
    assert forth.code == 0, forth
    for router in pair:
        assert fleet.sh(router, units).split() == ["active", "enabled"]
    as_before(fleet, after)


def test_rules_that_moved_into_a_policy_move_back(fleet: Fleet, runs: Runs) -> None:
    fleet.fresh("ams2")
    assert fleet.rollout("ams2").code == 0
    before = contents(fleet, "ams2")
    fleet.data("ams2").update(zone=None, policy="lvsfleet")
    moved = fleet.rollout("ams2")
    assert moved.code == 0, moved
    assert "mark" in fleet.sh(
        "ams2", "firewall-cmd --permanent --policy=lvsfleet --list-rich-rules"
    )
    after = contents(fleet, "ams2")

    back = rollback(fleet, runs.of(moved).id, *AT_ONCE)

    assert back.code == 0, back
    assert differences(before, contents(fleet, "ams2")) == {}
    assert rollback(fleet, runs.of(back).id, *AT_ONCE).code == 0
    assert differences(after, contents(fleet, "ams2")) == {}
    assert fleet.rollout("ams2").statuses == {"ams2": "unchanged"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nosuch",), "there is no run"),
        (("RUN", "--limit", "lon1"), "leave none of the routers"),
        (("RUN",), "the inventory does not have fra2 any more"),
    ],
)
def test_nobody_is_contacted(
    fleet: Fleet, runs: Runs, arguments: tuple[str, ...], message: str
) -> None:
    fleet.fresh("fra2")
    run = runs.of(fleet.rollout("fra2")).id
    if len(arguments) == 1:
        del fleet.hosts["fra2"]
    words = [run if each == "RUN" else each for each in arguments]

    answer = fleet.run("rollback", *words)

    assert (answer.code, answer.stdout) == (2, "")
    assert message in answer.stderr
    assert len(runs.names()) == 1


def test_a_whole_fleet_goes_back_in_waves(fleet: Fleet, runs: Runs) -> None:
    fleet.fresh(*ALL)
    before = {router: contents(fleet, router) for router in ALL}
    rolled = fleet.rollout(options=AT_ONCE)
    assert rolled.code == 0, rolled

    back = rollback(fleet, runs.of(rolled).id, *QUICKLY)

    assert back.code == 0, back
    assert runs.waves(runs.of(back)) == [{"ams2"}, {"fra2", "lon2"}, {"ams1", "fra1", "lon1"}]
    as_before(fleet, before)
