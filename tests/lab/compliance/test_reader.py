"""An account that may only read, by one rule of sudo and one program: it checks, and no more."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tasks.remote import script
from tasks.remote.reader import PATH, digest
from tests.lab.compliance.test_faults import check, found, status
from tests.lab.rollout.fleet import Fleet

ROUTERS = ("fra1", "fra2")
USER = "lvs-check"
SUDOERS = f"{USER} ALL=(root) NOPASSWD: {PATH}\n"
ACCOUNT = f"id {USER} || useradd --create-home --shell /bin/sh {USER}"


def program(fleet: Fleet) -> str:
    """What is installed, as its own command prints it.

    It knows what it is asked for by digests, so it must be of the same files as the lvsfleet that
    asks: as an operator would run it, not what this process happened to import, and when.
    """
    argv = [sys.executable, "-m", "tasks.remote", "reader"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=fleet.folder.parent)
    return done.stdout


@pytest.fixture(scope="module")
def reading(fleet_of_module: Fleet) -> Iterator[Fleet]:
    """Two routers after a rollout, reached by an account that may only read."""
    fleet = fleet_of_module
    fleet.fresh(*ROUTERS)
    answer = fleet.rollout(*ROUTERS)
    assert answer.code == 0, answer
    for router in ROUTERS:
        fleet.sh(router, ACCOUNT)
        fleet.write(router, PATH, program(fleet), "755")
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
    assert status(reading, "fra")["fra1"]["role"] == "MASTER"


def test_it_finds_what_is_wrong_and_changes_nothing(reading: Fleet) -> None:
    reading.sh("fra2", "ip6tables -t mangle -F LVSFLEET-MARK")
    assert found(check(reading, "--limit", "fra", code=3)) == {"fra2": {"LVS003"}}
    before = reading.state("fra2")
    answer = reading.rollout("fra2")
    assert answer.code == 1
    kind, message = answer.error("fra2")
    assert kind == "privilege"
    assert f"{USER} may only read there" in message
    assert reading.state("fra2") == before
    reading.sh("fra2", "ip6tables-restore -T mangle </etc/iptables/rules.v6")


def test_a_program_of_another_version_is_told_of(reading: Fleet) -> None:
    reading.sh("fra1", f"sed -i 's/^{digest(script('inspect'))}/{'0' * 64}/' {PATH}")
    try:
        said = check(reading, "--limit", "fra1", "--only", "LVS001", code=1)["fra1"]["error"]
        assert "another version of lvsfleet" in said["message"]
        assert f"`python -m tasks.remote reader` prints here, as {PATH}" in said["message"]
    finally:
        reading.write("fra1", PATH, program(reading), "755")


def test_it_checks_over_a_terminal(reading: Fleet) -> None:
    options = reading.defaults["connection_options"]
    options["lvsfleet-netmiko"] = options["lvsfleet"]
    reading.data("fra1")["connection"] = "netmiko"
    try:
        assert check(reading, "--limit", "fra1", code=0)["fra1"]["status"] == "compliant"
    finally:
        del reading.data("fra1")["connection"], options["lvsfleet-netmiko"]


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
