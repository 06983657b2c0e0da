"""A change that goes wrong on the way: the router is as it was before, and a later one succeeds.

Programs of our own stand before the router's and fail where a story wants it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.lab.rollout.fleet import CONTINUE, Answer, Fleet, differences
from tests.lab.rollout.rules import running, saved

IPTABLES = ("fra2", "lon2")
ALL = ("ams2", *IPTABLES)


@pytest.fixture(scope="module")
def fresh_routers(fleet_of_module: Fleet) -> None:
    fleet_of_module.fresh(*ALL)


@pytest.fixture
def fleet(fleet: Fleet, fresh_routers: None) -> Iterator[Fleet]:
    """Routers whose web is done; what is still to come is a new port and two services."""
    assert fresh_routers is None
    complete = {site.name: dict(fleet.services(site.name)) for site in fleet.lab.topology.sites}
    for name, services in complete.items():
        fleet.data(name)["services"] = {"web": {**services["web"], "ports": ["80/tcp"]}}
    answer = fleet.rollout(*ALL)
    assert answer.code == 0, answer
    for name, services in complete.items():
        fleet.data(name)["services"] = services
    yield fleet
    for router in ALL:
        fleet.sh(router, "rm -rf /usr/local/sbin/* /run/failed-once /run/lost-one /run/shut")


def contents(fleet: Fleet, router: str) -> dict[str, str]:
    """What the router filters with and loads at boot; files are judged by what is in them.

    A table that holds nothing is no difference, nor is the backup that firewalld makes of a file.
    """
    state = fleet.state(router, "iptables", "ip6tables", "contents", "locks", "timers")
    kept = {name: state[name] for name in ("contents", "locks", "timers")}
    files = kept["contents"].splitlines()
    kept["contents"] = "\n".join(line for line in files if not line.endswith(".xml.old"))
    for name in ("iptables", "ip6tables"):
        lines = state[name].splitlines()
        kept[name] = "\n".join(line for line in lines if line.startswith("-A") or "- " in line)
    rules = {"running": running(fleet, router), "saved": saved(fleet, router)}
    return kept | {name: "\n".join(lines) for name, lines in rules.items()}


def taken_back(fleet: Fleet, *routers: str) -> Answer:
    """A rollout that is taken back on all of these routers, as the routers themselves say."""
    before = {router: contents(fleet, router) for router in routers}

    answer = fleet.rollout(*routers, options=CONTINUE)

    assert answer.code == 1, answer
    assert answer.statuses == dict.fromkeys(routers, "reverted"), answer
    for router in routers:
        assert differences(before[router], contents(fleet, router)) == {}, answer
        assert answer.error(router)[0] == "apply"
    return answer


def then_succeeds(fleet: Fleet, *routers: str) -> None:
    """With nothing in the way any more, the next rollout does it."""
    for router in routers:
        fleet.sh(router, "rm -f /usr/local/sbin/*")
    answer = fleet.rollout(*routers)
    assert answer.code == 0, answer
    assert answer.statuses == dict.fromkeys(routers, "changed")
    for router in routers:
        site = fleet.lab.router(router).site
        for rules in (running(fleet, router), saved(fleet, router)):
            assert [rule for rule in rules if f"{site.ftp}/32" in rule]


def test_one_family_is_refused_after_the_other_was_changed(fleet: Fleet) -> None:
    for router in IPTABLES:
        fleet.program(router, "ip6tables-restore", FAILS_ONCE_AT_OUR_CHAIN)

    answer = taken_back(fleet, *IPTABLES)

    for router in IPTABLES:
        assert "no luck with this one" in answer.error(router)[1]
    then_succeeds(fleet, *IPTABLES)


def test_one_family_is_refused_at_the_very_first_rollout(fleet: Fleet) -> None:
    """Nothing of ours is there yet, so there is nothing either that the undo could delete."""
    fleet.fresh(*IPTABLES)
    for router in IPTABLES:
        fleet.program(router, "ip6tables-restore", FAILS_ONCE_AT_OUR_CHAIN)

    taken_back(fleet, *IPTABLES)

    then_succeeds(fleet, *IPTABLES)


def test_a_program_says_that_all_is_well_and_it_is_not(fleet: Fleet) -> None:
    for router in IPTABLES:
        fleet.program(router, "iptables-restore", LOSES_A_RULE)
    fleet.program("ams2", "busctl", LOSES_A_RICH_RULE)

    answer = taken_back(fleet, *ALL)

    for router in ALL:
        assert "does not have it" in answer.error(router)[1]
    then_succeeds(fleet, *ALL)


def test_the_files_for_the_next_boot_cannot_be_written(fleet: Fleet) -> None:
    folders = {"fra2": "/etc/iptables", "lon2": "/etc/sysconfig"}
    for router, folder in folders.items():
        fleet.sh(router, f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}")
    fleet.program("ams2", "busctl", CANNOT_SAVE + GO)

    answer = taken_back(fleet, *ALL)

    for router, folder in folders.items():
        assert folder in answer.error(router)[1]
        fleet.sh(router, f"umount {folder}")
    assert "no luck with this one" in answer.error("ams2")[1]
    then_succeeds(fleet, *ALL)


def test_firewalld_says_why_it_takes_a_rule_for_none_and_is_not_started_anew(fleet: Fleet) -> None:
    """Nor does it take the undo of that rule; what would help then costs packets."""
    started = fleet.sh("ams2", "systemctl show -P ActiveEnterTimestampMonotonic firewalld")
    fleet.program("ams2", "busctl", TAKES_A_RULE_FOR_NONE)

    answer = taken_back(fleet, "ams2")

    assert "INVALID_RULE: " in answer.error("ams2")[1]
    now = fleet.sh("ams2", "systemctl show -P ActiveEnterTimestampMonotonic firewalld")
    assert now == started
    then_succeeds(fleet, "ams2")


def test_what_was_saved_reads_back_as_something_else(fleet: Fleet) -> None:
    fleet.program("ams2", "busctl", LOSES_A_SAVED_RICH_RULE)

    answer = taken_back(fleet, "ams2")

    assert "reads back" in answer.error("ams2")[1]
    then_succeeds(fleet, "ams2")


def test_a_router_that_lets_nobody_in_any_more_takes_the_change_back_itself(fleet: Fleet) -> None:
    for router in IPTABLES:
        fleet.program(router, "iptables-restore", SHUTS_THE_DOOR)
    before = {router: running(fleet, router) for router in IPTABLES}

    answer = fleet.rollout(*IPTABLES, options=(*CONTINUE, "--confirm-timeout", "5"))

    assert answer.code == 1, answer
    for router in IPTABLES:
        assert "does not have it" not in answer.error(router)[1], "it was the router itself"
        deadline = time.monotonic() + 60
        while fleet.sh(router, "ls /run/lvsfleet.lock", check=False):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert running(fleet, router) == before[router]
    then_succeeds(fleet, *IPTABLES)


GO = 'exec "$real" "$@"\n'

FAILS_ONCE_AT_OUR_CHAIN = """
read=$(cat)
case $read in
*:LVSFLEET-MARK*)
    if mkdir /run/failed-once 2>/dev/null; then
        echo 'ip6tables-restore: no luck with this one' >&2
        exit 1
    fi ;;
esac
printf '%s\\n' "$read" | "$real" "$@"
"""

LOSES_A_RULE = """
read=$(cat)
printf '%s\\n' "$read" | "$real" "$@" || exit
case $*:$read in
*--test*) ;;
*:LVSFLEET-MARK*)
    if mkdir /run/lost-one 2>/dev/null; then
        exec iptables -t mangle -D LVSFLEET-MARK 1
    fi ;;
esac
"""

CANNOT_SAVE = """
case $* in *.config.zone*addRichRule*) echo 'Call failed: no luck with this one'; exit 13 ;; esac
"""

LOSES_A_RICH_RULE = """
"$real" "$@" || exit
case $* in
*.config.*) ;;
*addRichRule*21*)
    if mkdir /run/lost-one 2>/dev/null; then
        exec firewall-cmd --zone=public "--remove-rich-rule=$8"
    fi ;;
esac
"""

TAKES_A_RULE_FOR_NONE = """
case $4:$5:${8-} in
*.zone:addRichRule:*21*) exec "$real" "$1" "$2" "$3" "$4" "$5" "$6" "$7" 'rule bad' 0 ;;
*.zone:removeRichRule:*21*) exec "$real" "$1" "$2" "$3" "$4" "$5" "$6" "$7" 'rule bad' ;;
esac
exec "$real" "$@"
"""

LOSES_A_SAVED_RICH_RULE = """
"$real" "$@" || exit
case $* in
*.config.zone*addRichRule*21*)
    if mkdir /run/lost-one 2>/dev/null; then
        exec firewall-cmd --permanent --zone=public "--remove-rich-rule=$7"
    fi ;;
esac
"""

# Once, with our change: nobody gets in over the management network until the router undoes it. The
# undo goes through the same program.
SHUTS_THE_DOOR = """
read=$(cat)
printf '%s\\n' "$read" | "$real" "$@" || exit
case $*:$read in
*--test*) ;;
*:LVSFLEET-MARK*)
    if mkdir /run/shut 2>/dev/null; then
        iptables -I INPUT -i eth0 -j DROP
    elif [ ! -e /run/shut/opened ]; then
        >/run/shut/opened
        iptables -D INPUT -i eth0 -j DROP
    fi ;;
esac
"""
