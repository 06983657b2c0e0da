"""How a task gets a shell of a Nornir host: kept, fresh, renewed; by exec or by a terminal."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nornir.core.inventory import ConnectionOptions, Defaults, Host

from inventory.errors import LvsfleetError
from tasks.errors import DeadlineExceeded, HostKeyRefused, NotReady, Unreachable
from tasks.reach import asking, drop, fresh_shell, shell_of
from tasks.shell import Shell

from .conftest import PATIENCE, USER, Server, Start

MakeHost = Callable[..., Host]
# Logs in to a shell and refuses to execute, as boxes with nothing but a shell do.
SHELL_ONLY = (
    'ForceCommand test -z "$SSH_ORIGINAL_COMMAND" || { echo "exec request failed"; exit 1; };'
    " exec env PS1='box> ' {shell}"
)


@pytest.fixture
def make_host() -> Iterator[MakeHost]:
    hosts: list[Host] = []

    def make(server: Server, connection: str | None = None, **extras: Any) -> Host:
        host = Host(
            name="r1",
            hostname="127.0.0.1",
            port=server.port,
            username=USER,
            data={"connection": connection} if connection else {},
            connection_options={"lvsfleet": ConnectionOptions(extras=server.extras(**extras))},
            defaults=Defaults(),
        )
        hosts.append(host)
        return host

    yield make
    for host in hosts:
        host.close_connections()


def client_port(shell: Shell) -> str:
    return shell.run("echo $SSH_CONNECTION", deadline=PATIENCE).stdout.split()[1]


@pytest.fixture(params=["paramiko", "netmiko"])
def host(request: pytest.FixtureRequest, start_sshd: Start, make_host: MakeHost) -> Host:
    """A host over each of the connections; netmiko's has nothing but a shell."""
    if request.param == "paramiko":
        return make_host(start_sshd())
    return make_host(start_sshd(SHELL_ONLY.replace("{shell}", "bash -i")), "netmiko")


def test_the_shell_is_kept(host: Host) -> None:
    assert shell_of(host) is shell_of(host)


def test_a_fresh_shell_is_another_connection_and_closed(host: Host) -> None:
    kept = client_port(shell_of(host))
    with fresh_shell(host) as fresh:
        assert client_port(fresh) != kept
    with pytest.raises(Unreachable):
        fresh.run("true", deadline=2)
    assert client_port(shell_of(host)) == kept


def test_a_shell_that_broke_is_renewed(host: Host) -> None:
    shell_of(host).close()
    assert shell_of(host).run("echo up", deadline=PATIENCE).stdout == "up\n"


def test_asking_again_after_the_connection_broke(host: Host) -> None:
    asked: list[Shell] = []

    def question(shell: Shell) -> str:
        asked.append(shell)
        if len(asked) == 1:
            shell.close()
        return shell.run("echo answer", deadline=PATIENCE).stdout

    assert asking(host, question) == "answer\n"
    assert len(asked) == 2


def test_dropping_what_is_not_open_is_fine(host: Host) -> None:
    drop(host)


@pytest.mark.parametrize("status", [0, 1, 255])
def test_status(host: Host, status: int) -> None:
    assert shell_of(host).run(f"exit {status}", deadline=PATIENCE).status == status


def test_killed(host: Host) -> None:
    assert shell_of(host).run("kill -9 $$", deadline=PATIENCE).status == 128 + signal.SIGKILL


def test_output_is_exact(host: Host) -> None:
    script = "printf 'no newline'; printf 'err\\r\\n\\tx\\\\ $ # > box> ' >&2"
    done = shell_of(host).run(script, deadline=PATIENCE)
    assert done.stdout == "no newline"
    assert done.stderr == "err\r\n\tx\\ $ # > box> "


def test_every_byte_goes_there_and_back(host: Host) -> None:
    text = bytes(range(256)).decode("utf-8", "surrogateescape") * 40
    assert shell_of(host).run("cat", stdin=text, deadline=PATIENCE).stdout == text


def test_a_megabyte_there_and_on_both_streams_back(host: Host) -> None:
    text = "0123456789abcdef" * 65536
    done = shell_of(host).run("tee /dev/stderr", stdin=text, deadline=PATIENCE)
    assert done.stdout == text
    assert done.stderr == text


def test_arguments_and_lines(host: Host) -> None:
    script = 'set -eu\nprintf \'%s|\' "$0" "$@"\n# it\'s \\ all ! there\n'
    done = shell_of(host).run(script, "a'b", "", "c\nd", "!$x\\", deadline=PATIENCE)
    assert done.stdout == "lvsfleet|a'b||c\nd|!$x\\|"


def test_no_data_is_the_end_of_input(host: Host) -> None:
    assert shell_of(host).run("cat; echo end", deadline=PATIENCE).stdout == "end\n"


def test_deadline(host: Host) -> None:
    with pytest.raises(DeadlineExceeded):
        shell_of(host).run("echo begun; sleep 90", deadline=0.7)
    assert shell_of(host).run("echo again", deadline=PATIENCE).stdout == "again\n"


def test_host_keys_are_strict(start_sshd: Start, make_host: MakeHost) -> None:
    server = start_sshd()
    for connection in ("paramiko", "netmiko"):
        with pytest.raises(HostKeyRefused):
            shell_of(make_host(server, connection, known_hosts_files=["/dev/null"]))
    assert "userauth" not in server.log()


def test_dash_as_login_shell(start_sshd: Start, make_host: MakeHost) -> None:
    server = start_sshd(SHELL_ONLY.replace("{shell}", "dash -i"))
    done = shell_of(make_host(server, "netmiko")).run("echo hi; exit 3", deadline=PATIENCE)
    assert (done.status, done.stdout) == (3, "hi\n")


@pytest.mark.parametrize("forced", ["echo This account is closed", "sh -c 'read x; echo gone'"])
def test_a_login_shell_that_ends_is_told(
    start_sshd: Start, make_host: MakeHost, forced: str
) -> None:
    host = make_host(start_sshd(f"ForceCommand {forced}"), "netmiko")
    with pytest.raises(NotReady, match=r"no shell that can be used: .*(account is closed|gone)"):
        shell_of(host)


def test_a_connection_that_breaks_before_there_is_a_shell(
    start_sshd: Start, make_host: MakeHost
) -> None:
    host = make_host(start_sshd("ForceCommand kill -9 $PPID"), "netmiko")
    with pytest.raises(Unreachable, match=r"^the connection to 127\.0\.0\.1 port .* broke"):
        shell_of(host, patience=0.5)


def test_logs_name_the_script_and_hold_no_data(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "lvsfleet.ssh")
    shell_of(host).run("# observe: asks\nexit 3", stdin="s3cret-data", deadline=PATIENCE)
    text = caplog.text
    assert "127.0.0.1: observe: asks: status 3" in text
    assert "s3cret-data" not in text


def test_an_unknown_connection_is_named(sshd: Server, make_host: MakeHost) -> None:
    with pytest.raises(LvsfleetError, match=r"r1: connection: 'telnet' is unknown\. Choose"):
        shell_of(make_host(sshd, "telnet"))
