"""An account that may only read, by one rule of sudo and one program: it checks, and no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks.remote import script
from tasks.remote.reader import PATH, digest, reader
from tests.lab.compliance.test_faults import check, found
from tests.lab.rollout.fleet import Fleet

ROUTERS = ("fra1", "fra2")
USER = "lvs-check"
SUDOERS = f"{USER} ALL=(root) NOPASSWD: {PATH}\n"
ACCOUNT = f"""
useradd --create-home --shell /bin/sh {USER} || true
mkdir -p /home/{USER}/.ssh && cp /home/ops/.ssh/authorized_keys /home/{USER}/.ssh/
chown -R {USER}: /home/{USER}/.ssh && chmod 700 /home/{USER}/.ssh
"""


@pytest.fixture(scope="module")
def reading(fleet_of_module: Fleet) -> Iterator[Fleet]:
    """Two routers after a rollout, reached by an account that may only read."""
    fleet = fleet_of_module
    answer = fleet.rollout(*ROUTERS)
    assert answer.code == 0, answer
    for router in ROUTERS:
        fleet.sh(router, ACCOUNT)
        fleet.write(router, PATH, reader(), "755")
        fleet.write(router, f"/etc/sudoers.d/{USER}", SUDOERS, "440")
        fleet.hosts[router]["username"] = USER
    extras = fleet.defaults["connection_options"]["lvsfleet"]["extras"]
    extras["sudo"] = "reader"
    yield fleet
    del extras["sudo"]
    for router in ROUTERS:
        fleet.hosts[router]["username"] = "root"


def test_it_checks_and_shows(reading: Fleet) -> None:
    routers = check(reading, "--limit", "fra", code=0)
    assert {each["status"] for each in routers.values()} == {"compliant"}
    status = reading.run("status", "--limit", "fra", "--format", "json")
    assert status.code == 0
    assert status.routers["fra1"]["role"] == "MASTER"


def test_it_finds_what_is_wrong_and_changes_nothing(reading: Fleet) -> None:
    reading.sh("fra2", "ip6tables -t mangle -F LVSFLEET-MARK")
    assert found(check(reading, "--limit", "fra", code=3)) == {"fra2": {"LVS003"}}
    before = reading.state("fra2")
    answer = reading.rollout("fra2")
    assert answer.code == 1
    assert answer.error("fra2")[0] == "privilege"
    assert reading.state("fra2") == before
    reading.sh("fra2", "ip6tables-restore -T mangle </etc/iptables/rules.v6")


@pytest.mark.parametrize(
    "words",
    [
        "/bin/sh -c id",
        f"{PATH} x lvsfleet-0 0",
        f"{PATH} {digest(script('begin'))} lvsfleet-0 0 auto",
        f"{PATH} {digest(script('inspect'))} 'x;id' 0 auto",
        f"{PATH} {digest(script('inspect'))} lvsfleet-0 0 auto ../../etc/shadow",
        f"{PATH} {digest(script('inspect'))} lvsfleet-0 0 auto '*'",
        f"{PATH} {digest(script('inspect'))} lvsfleet-0 0 auto 'a\nb'",
        f"{PATH} {digest(script('inspect'))} lvsfleet-0 0 auto -x",
    ],
)
def test_anything_else_is_refused(reading: Fleet, words: str) -> None:
    said = reading.sh("fra1", f"su {USER} -c {_quoted('sudo -n -- ' + words)} 2>&1; echo $?")
    assert said.strip().rsplit("\n", 1)[-1] in {"1", "77"}
    assert "uid=0" not in said
    assert "@@" not in said


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
