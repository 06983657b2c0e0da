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

from .conftest import keygen


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
    listener = socket.create_server(("127.0.0.1", 0))
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
        shell.run("true", deadline=5)


def test_no_exit_status(connect: Connect) -> None:
    def close_soon(channel: paramiko.Channel) -> bool:
        threading.Timer(0.1, channel.close).start()
        return True

    with pytest.raises(Unreachable, match="without telling its exit status"):
        connect(close_soon).connection.run("true", deadline=5)


def test_no_answer_at_all(connect: Connect) -> None:
    release = threading.Event()
    begun = time.monotonic()
    shell = connect(lambda _channel: release.wait(5)).connection
    with pytest.raises(DeadlineExceeded):
        shell.run("true", stdin="x" * 9_000_000, deadline=0.5)
    assert time.monotonic() - begun < 3
    release.set()
