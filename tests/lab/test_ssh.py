"""Logins on real routers: root, sudo with and without a password, a password, a router between."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nornir.core.inventory import ConnectionOptions, Defaults, Host

from lab.fleet import Lab
from lab.keys import PASSWORD
from tasks.connect.passwords import typed
from tasks.errors import AuthenticationRefused, PrivilegeRefused
from tasks.reach import fresh_shell, shell_of

MakeHost = Callable[..., Host]
WHO = "id -un; cat; printf err >&2; exit 1"
"""Ends as sudo does when it refuses: with status 1."""
SECONDS = 60.0
"""No login takes as long, however busy the machine is."""


@pytest.fixture(scope="module", autouse=True)
def as_new(lab: Lab) -> None:
    """The routers that are logged in to, whatever was tested before."""
    lab.reset("ams1", "ams2")


@pytest.fixture
def make_host(lab: Lab) -> Iterator[MakeHost]:
    hosts: list[Host] = []
    addresses = {router.name: str(router.management) for router in lab.topology.routers}
    typed.forget()

    def make(user: str, connection: str = "paramiko", *, router: str = "ams1", **more: Any) -> Host:
        extras = {
            "key_files": [str(lab.names.state / "id_ed25519")],
            "known_hosts_files": [str(lab.names.state / "known_hosts")],
            "ssh_config_file": False,
            "agent": False,
        }
        host = Host(
            name=router,
            hostname=addresses[router],
            username=user,
            password=more.pop("password", None),
            data={"connection": connection},
            connection_options={"lvsfleet": ConnectionOptions(extras=extras | more)},
            defaults=Defaults(),
        )
        hosts.append(host)
        return host

    yield make
    for host in hosts:
        host.close_connections()
    typed.forget()


connections = pytest.mark.parametrize("connection", ["paramiko", "netmiko"])


@connections
@pytest.mark.parametrize("user", ["root", "ops"])
def test_root_by_login_and_by_sudo(make_host: MakeHost, user: str, connection: str) -> None:
    done = shell_of(make_host(user, connection)).run(WHO, stdin="data\n", deadline=SECONDS)
    assert (done.status, done.stdout, done.stderr) == (1, "root\ndata\n", "err")


@connections
def test_sudo_wants_a_password_that_nobody_gave(make_host: MakeHost, connection: str) -> None:
    with pytest.raises(PrivilegeRefused) as caught:
        shell_of(make_host("opspw", connection)).run(WHO, deadline=SECONDS)
    assert "opspw may not become root: sudo: a password is required" in caught.value.message
    assert "--ask-sudo-pass (or LVSFLEET_SUDO_PASSWORD)" in caught.value.hint


@connections
def test_sudo_with_its_password(make_host: MakeHost, connection: str) -> None:
    typed.give(sudo=PASSWORD)
    shell = shell_of(make_host("opspw", connection))
    for _ in range(2):
        done = shell.run(WHO, stdin="data\n" * 20_000, deadline=SECONDS)
        assert (done.status, done.stderr) == (1, "err")
        assert done.stdout == "root\n" + "data\n" * 20_000


@connections
def test_a_sudo_password_that_is_not_asked_for_is_not_sent(
    make_host: MakeHost, connection: str
) -> None:
    typed.give(sudo="not-to-be-seen")
    done = shell_of(make_host("ops", connection)).run(WHO, deadline=SECONDS)
    assert (done.status, done.stdout) == (1, "root\n")


@connections
def test_a_wrong_sudo_password_is_tried_once(
    lab: Lab, make_host: MakeHost, connection: str
) -> None:
    typed.give(sudo="quite-wrong")
    before = failures(lab)
    with pytest.raises(PrivilegeRefused, match="tried once") as caught:
        shell_of(make_host("opspw", connection)).run(WHO, stdin="a\nb\nc\n", deadline=SECONDS)
    assert "quite-wrong" not in str(caught.value)
    assert failures(lab) == before + 1


def failures(lab: Lab) -> int:
    """How many wrong passwords PAM has seen for sudo."""
    lab.exec("ams1", ["journalctl", "--sync"])  # what was logged a moment ago may not be there yet
    journal = lab.exec("ams1", ["journalctl", "--no-pager", "-q", "-t", "sudo"]).stdout
    return sum("authentication failure; " in line for line in journal.splitlines())


def test_requiretty_is_explained(lab: Lab, make_host: MakeHost) -> None:
    file = "/etc/sudoers.d/requiretty"
    lab.exec("ams1", ["tee", file], stdin="Defaults:ops requiretty\n")
    try:
        with pytest.raises(PrivilegeRefused) as caught:
            shell_of(make_host("ops")).run(WHO, deadline=SECONDS)
        assert "Defaults:ops !requiretty" in caught.value.hint
        assert shell_of(make_host("ops", "netmiko")).run("id -u", deadline=SECONDS).stdout == "0\n"
    finally:
        lab.exec("ams1", ["rm", file])


def test_never_sudo(make_host: MakeHost) -> None:
    assert (
        shell_of(make_host("ops", sudo="never")).run("id -un", deadline=SECONDS).stdout == "ops\n"
    )


def test_a_login_by_password(make_host: MakeHost) -> None:
    host = make_host("opspw", key_files=[], password=PASSWORD, sudo="never")
    assert shell_of(host).run("id -un", deadline=SECONDS).stdout == "opspw\n"


def test_a_login_by_questions(lab: Lab, make_host: MakeHost) -> None:
    """keyboard-interactive, which is all that some servers offer for a password."""
    file = "/etc/ssh/sshd_config.d/asking.conf"
    rules = "Match User opspw\n PasswordAuthentication no\n KbdInteractiveAuthentication yes\n"
    lab.exec("ams1", ["tee", file], stdin=rules)
    reload_sshd(lab, "publickey,keyboard-interactive")
    try:
        host = make_host("opspw", key_files=[], password=PASSWORD, sudo="never")
        assert shell_of(host).run("id -un", deadline=SECONDS).stdout == "opspw\n"
        with pytest.raises(AuthenticationRefused, match="tried the password"):
            shell_of(make_host("opspw", key_files=[], password="wrong"))  # noqa: S106 # it is wrong
    finally:
        lab.exec("ams1", ["rm", file])
        reload_sshd(lab, "publickey,password")


def reload_sshd(lab: Lab, methods: str) -> None:
    """Have ams1's sshd read its files, and wait until these are what it offers opspw."""
    lab.exec("ams1", ["systemctl", "reload", "ssh"])
    options = ("BatchMode=yes", "PreferredAuthentications=none")
    argv = ["ssh", "-F", str(lab.ssh_config), *(f"-o{each}" for each in options), "opspw@ams1"]
    end = time.monotonic() + SECONDS
    while True:
        said = subprocess.run(argv, capture_output=True, text=True, check=False).stderr
        if f"Permission denied ({methods})" in said:
            return
        assert time.monotonic() < end, said
        time.sleep(0.1)


def test_a_wrong_password(make_host: MakeHost) -> None:
    with pytest.raises(AuthenticationRefused, match="tried the password"):
        shell_of(make_host("opspw", key_files=[], password="wrong"))  # noqa: S106 # it is wrong


def test_a_login_shell_that_has_no_use(make_host: MakeHost) -> None:
    with pytest.raises(PrivilegeRefused, match="This account is currently not available"):
        shell_of(make_host("nobody")).run(WHO, deadline=SECONDS)


@connections
def test_a_router_behind_a_router(lab: Lab, make_host: MakeHost, connection: str) -> None:
    between = next(r for r in lab.topology.routers if r.name == "ams2")
    host = make_host("root", connection, proxy_jump=f"ops@{between.management}")
    client = shell_of(host).run("echo $SSH_CONNECTION; hostname", deadline=SECONDS).stdout.split()
    assert client[0] == str(between.management)
    with fresh_shell(host) as fresh:
        again = fresh.run("echo $SSH_CONNECTION", deadline=SECONDS).stdout.split()
    assert (again[0], again[1] != client[1]) == (client[0], True)
