"""Servers that are silent, slow, full or not SSH: every attempt ends in time and says why."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks import retry
from tasks.errors import NeverReachable, Unreachable
from tasks.retry import retrying

from .conftest import PATIENCE, Open, Server, Start

Serve = Callable[[Callable[[socket.socket], None]], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Answer TCP connections with a function; returns the port."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []
    stop = threading.Event()

    def answer(listener: socket.socket, talk: Callable[[socket.socket], None]) -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    talk(connection)

    def start(talk: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        threads.append(threading.Thread(target=answer, args=(listener, talk), daemon=True))
        threads[-1].start()
        return int(listener.getsockname()[1])

    yield start
    stop.set()
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)  # accept returns
    for (
        thread
    ) in threads:  # none of them may be at work in another test, whose clock may be its own
        thread.join(PATIENCE)
    for listener in listeners:
        listener.close()


def hold(connection: socket.socket) -> None:
    """Read until the peer goes away."""
    connection.settimeout(2 * PATIENCE)
    with contextlib.suppress(OSError):
        while connection.recv(4096):
            pass


def banner_only(connection: socket.socket) -> None:
    connection.sendall(b"SSH-2.0-test\r\n")
    hold(connection)


def one_byte_at_a_time(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for byte in b"SSH-2.0-slow-" + b"x" * round(20 * PATIENCE):
            connection.sendall(bytes([byte]))
            time.sleep(0.1)


def endless_greeting(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for _ in range(99):  # paramiko hears out a hundred lines
            connection.sendall(b"hello\r\n")
            time.sleep(0.02 * PATIENCE)


def test_an_attempt_ends_in_time(serve: Serve, sshd: Server, open_shell: Open) -> None:
    """By its own clock: each of these servers would go on for two minutes."""
    talks = (hold, banner_only, one_byte_at_a_time, endless_greeting)

    def attempt(port: int) -> None:
        begun = time.monotonic()
        with pytest.raises(Unreachable, match=r"accepted the connection, but .* within 3 s"):
            open_shell(sshd, port=port, connect_timeout=3)
        assert time.monotonic() - begun < PATIENCE

    with ThreadPoolExecutor(len(talks)) as pool:
        list(pool.map(attempt, [serve(talk) for talk in talks]))


def test_nobody_listens(sshd: Server, open_shell: Open, dead_port: int) -> None:
    with pytest.raises(Unreachable, match="Connection refused"):
        open_shell(sshd, port=dead_port)


def test_something_else_listens(serve: Serve, sshd: Server, open_shell: Open) -> None:
    port = serve(lambda connection: connection.sendall(b"SSH-1.5-old\r\n"))
    with pytest.raises(NeverReachable, match="does not speak SSH 2"):
        open_shell(sshd, port=port)


def test_a_server_that_hangs_up_first_may_be_full(
    serve: Serve, sshd: Server, open_shell: Open
) -> None:
    port = serve(lambda _connection: None)
    with pytest.raises(Unreachable, match=r"before its SSH banner.*MaxStartups"):
        open_shell(sshd, port=port)


def test_no_algorithm_in_common_is_not_tried_again(start_sshd: Start, open_shell: Open) -> None:
    server = start_sshd("KexAlgorithms sntrup761x25519-sha512@openssh.com")
    attempts = 0

    def attempt() -> None:
        nonlocal attempts
        attempts += 1
        open_shell(server)

    with pytest.raises(NeverReachable, match="no acceptable kex algorithm"):
        retrying(attempt, name="r1")
    assert attempts == 1


@pytest.mark.parametrize(
    "line",
    [
        "KexAlgorithms curve25519-sha256",
        "KexAlgorithms diffie-hellman-group14-sha256",
        "Ciphers aes256-ctr",
        "Ciphers aes256-gcm@openssh.com",
        "MACs hmac-sha2-512-etm@openssh.com",
        "RekeyLimit 200K",
    ],
)
def test_servers_that_allow_little(start_sshd: Start, open_shell: Open, line: str) -> None:
    shell = open_shell(start_sshd(line))
    assert shell.run("cat", stdin="x" * 1_000_000, deadline=PATIENCE).stdout == "x" * 1_000_000


def test_sixteen_at_once_get_into_a_server_with_room_for_few(
    start_sshd: Start, open_shell: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.3)
    monkeypatch.setattr(retry, "LONGEST_WAIT", 1.0)
    server = start_sshd("MaxStartups 3:70:6")

    def one(number: int) -> str:
        shell = retrying(
            lambda: open_shell(server), name=f"r{number}", attempts=1000, within=PATIENCE
        )
        return str(shell.run("echo here", deadline=PATIENCE).stdout)

    with ThreadPoolExecutor(16) as pool:
        with contextlib.ExitStack() as idle:  # they have the room until somebody was turned away
            for _ in range(3):
                idle.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            answers = [pool.submit(one, number) for number in range(16)]
            assert server.logged("MaxStartups")
        assert [each.result() for each in answers] == ["here\n"] * 16
