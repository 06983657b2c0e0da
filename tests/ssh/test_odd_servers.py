"""Servers that speak SSH and do less than they should: no exec, no exit status, no answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from tasks.errors import DeadlineExceeded, NotReady, Unreachable
from tasks.ssh import SSH

from .conftest import PATIENCE, keygen


class Odd(paramiko.ServerInterface):
    """Lets everybody in; what becomes of a command is the test's affair."""

    def __init__(self, answer: Callable[[paramiko.Channel], bool]) -> None:
        self.answer = answer

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:  # noqa: ARG002
        return paramiko.common.AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:  # noqa: ARG002
        return self.answer(channel)


Connect = Callable[[Callable[[paramiko.Channel], bool]], SSH]


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    port = listener.getsockname()[1]
    key = keygen(tmp_path / "key")
    public = " ".join(key.with_suffix(".pub").read_text().split()[:2])
    (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {public}\n")
    plugin = SSH()
    servers: list[paramiko.Transport] = []

    def go(answer: Callable[[paramiko.Channel], bool]) -> SSH:
        def serve() -> None:
            connection, _ = listener.accept()
            servers.append(paramiko.Transport(connection))
            servers[0].add_server_key(paramiko.Ed25519Key.from_private_key_file(str(key)))
            servers[0].start_server(threading.Event(), Odd(answer))

        threading.Thread(target=serve, daemon=True).start()
        extras = {
            "key_files": [str(key)],
            "known_hosts_files": [str(tmp_path / "known")],
            "ssh_config_file": False,
            "agent": False,
            "connect_timeout": PATIENCE,
        }
        plugin.open("127.0.0.1", "root", None, port, None, extras)
        return plugin

    yield go
    plugin.close()
    for server in servers:
        server.close()
    listener.close()


def test_no_exec(connect: Connect) -> None:
    shell = connect(lambda _channel: False).connection
    with pytest.raises(NotReady, match=r"only an interactive shell\. Set `connection: netmiko`"):
        shell.run("true", deadline=PATIENCE)


def test_no_exit_status(connect: Connect) -> None:
    def close_soon(channel: paramiko.Channel) -> bool:
        def close() -> None:
            channel.recv(1)  # its yes goes out before it reads that nothing more will be sent
            channel.close()

        threading.Thread(target=close).start()
        return True

    with pytest.raises(Unreachable, match="without telling its exit status"):
        connect(close_soon).connection.run("true", deadline=PATIENCE)


def test_no_answer_at_all(connect: Connect) -> None:
    release = threading.Event()
    shell = connect(lambda _channel: release.wait(2 * PATIENCE)).connection
    begun = time.monotonic()
    try:
        with pytest.raises(DeadlineExceeded):
            shell.run("true", stdin="x" * 9_000_000, deadline=0.5)
        assert time.monotonic() - begun < PATIENCE
    finally:
        release.set()


def test_a_server_that_takes_nothing_any_more(connect: Connect) -> None:
    """Not even into its buffers: the deadline holds there too, and says what it is."""
    release = threading.Event()
    shell = connect(lambda _channel: release.wait(2 * PATIENCE)).connection
    shell._transport.wire._stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    begun = time.monotonic()
    try:
        with pytest.raises(DeadlineExceeded, match=r"did not finish within 0\.5 s"):
            shell.run("true", stdin="x" * 2_000_000, deadline=0.5)
        assert time.monotonic() - begun < PATIENCE
        assert not shell.alive  # half a packet is with the server
    finally:
        release.set()


def test_a_connection_that_breaks_is_not_taken_for_a_box_without_exec(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = paramiko.Channel._unlink

    def unlink(channel: paramiko.Channel) -> None:
        real(channel)
        if hasattr(channel, "bell"):  # the client's: whoever waits looks at this very moment
            channel.bell.set()
            time.sleep(0.2)

    shell = connect(lambda channel: channel.transport.close()).connection
    monkeypatch.setattr(paramiko.Channel, "_unlink", unlink)
    with pytest.raises(Unreachable, match=r"the connection to 127\.0\.0\.1 port .* broke"):
        shell.run("true", deadline=PATIENCE)
    assert not shell.alive
