"""Jump hosts: a chain of them, one shared connection each, and what their refusals look like."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tasks.errors import AuthenticationRefused, HostKeyRefused, Unreachable

from .conftest import PATIENCE, USER, Open, Server, Start, eventually, keygen


def known_together(tmp_path: Path, *servers: Server) -> str:
    path = tmp_path / "known_together"
    path.write_text("".join(server.known_hosts.read_text() for server in servers))
    return str(path)


def trusted_everywhere(*servers: Server) -> None:
    """Let the first server's client key into all of them."""
    for server in servers[1:]:
        (server.folder / "authorized_keys").write_bytes(
            (servers[0].folder / "authorized_keys").read_bytes()
        )


@pytest.fixture
def chain(start_sshd: Start, tmp_path: Path) -> tuple[Server, Server, Server, dict[str, Any]]:
    """Router, and two jump hosts; and options with their keys."""
    servers = (start_sshd(), start_sshd(), start_sshd())
    trusted_everywhere(*servers)
    return (*servers, {"known_hosts_files": [known_together(tmp_path, *servers)]})


def hop(server: Server) -> str:
    return f"{USER}@127.0.0.1:{server.port}"


def source_port(shell: Any) -> str:
    return str(shell.run("echo ${SSH_CONNECTION}", deadline=PATIENCE).stdout.split()[1])


def test_two_jump_hosts_one_behind_the_other(chain: Any, open_shell: Open) -> None:
    router, first, second, options = chain
    shell = open_shell(router, proxy_jump=f"{hop(first)},{hop(second)}", **options)
    assert shell.run("cat", stdin="x" * 3_000_000, deadline=PATIENCE).stdout == "x" * 3_000_000
    assert first.log().count("Accepted publickey") == second.log().count("Accepted publickey") == 1


def test_the_list_in_ssh_config_and_none_in_the_inventory(
    chain: Any, open_shell: Open, tmp_path: Path
) -> None:
    router, first, _, options = chain
    config = tmp_path / "config"
    config.write_text(
        f"Host 127.0.0.1\n  ProxyJump bastion\nHost bastion\n  HostName 127.0.0.1\n"
        f"  Port {first.port}\n  ProxyJump none\n"
    )
    open_shell(router, ssh_config_file=str(config), **options)
    assert first.log().count("Accepted publickey") == 1
    open_shell(router, ssh_config_file=str(config), proxy_jump="none", **options)
    assert first.log().count("Accepted publickey") == 1


def test_many_routers_share_one_connection_that_ends_with_the_last(
    chain: Any, open_shell: Open
) -> None:
    router, first, _, options = chain
    with ThreadPoolExecutor(10) as pool:
        shells = list(
            pool.map(lambda _: open_shell(router, proxy_jump=hop(first), **options), range(10))
        )
    assert first.log().count("Accepted publickey") == 1
    assert router.logged("Accepted publickey", 10) == 10
    for shell in shells[1:]:
        shell.close()
    assert shells[0].run("echo up", deadline=PATIENCE).stdout == "up\n"
    shells[0].close()
    assert eventually(
        lambda: "Connection closed by 127.0.0.1" in first.log() or "disconnect" in first.log()
    )
    open_shell(router, proxy_jump=hop(first), **options)
    assert first.log().count("Accepted publickey") == 2


def test_who_had_a_connection_that_broke_does_not_close_the_next_one(
    chain: Any, open_shell: Open
) -> None:
    router, first, _, options = chain
    old = [open_shell(router, proxy_jump=hop(first), **options) for _ in range(2)]
    old[0]._transport.wire._stream._line.transport.close()
    new = open_shell(router, proxy_jump=hop(first), **options)
    for shell in old:
        shell.close()
    assert new.run("echo up", deadline=PATIENCE).stdout == "up\n"
    assert first.logged("Accepted publickey", 2) == 2


def test_a_jump_host_s_key_is_strict_too(chain: Any, open_shell: Open) -> None:
    router, first, _, _ = chain
    with pytest.raises(HostKeyRefused, match=f"127.0.0.1 port {first.port} is not known"):
        open_shell(router, proxy_jump=hop(first), known_hosts_files=[str(router.known_hosts)])


def test_a_jump_host_that_refuses_is_asked_once_for_all_routers(
    chain: Any, open_shell: Open, tmp_path: Path
) -> None:
    router, first, _, options = chain
    wrong = str(keygen(tmp_path / "wrong"))
    together = threading.Barrier(8)

    def one(_number: int) -> str:
        together.wait()
        try:
            open_shell(router, proxy_jump=hop(first), key_files=[wrong], **options)
        except AuthenticationRefused as error:
            return error.message
        return "got in"

    with ThreadPoolExecutor(8) as pool:
        said = set(pool.map(one, range(8)))
    assert len(said) == 1
    assert f"127.0.0.1 port {first.port}" in said.pop()
    assert first.logged("Failed publickey") == 1
    assert first.log().count("Connection from") == 1


def test_a_router_the_jump_host_cannot_reach(chain: Any, open_shell: Open, dead_port: int) -> None:
    router, first, _, options = chain
    with pytest.raises(Unreachable, match=r"does not get through .*Connect(ion)? (refused|failed)"):
        open_shell(router, port=dead_port, proxy_jump=hop(first), **options)


def test_a_jump_host_that_forwards_nothing(start_sshd: Start, open_shell: Open) -> None:
    server = start_sshd("AllowTcpForwarding no")
    with pytest.raises(Unreachable, match=r"Administratively prohibited.*AllowTcpForwarding"):
        open_shell(server, proxy_jump=hop(server))


def test_each_is_told_why_it_is_not_let_through(
    start_sshd: Start, open_shell: Open, dead_port: int
) -> None:
    """Many at once on one connection, refused for one reason or the other."""
    server = start_sshd(f"PermitOpen 127.0.0.1:{dead_port}")
    ports = (dead_port, server.port) * 8
    together = threading.Barrier(len(ports))

    def one(port: int) -> str:
        together.wait()
        with pytest.raises(Unreachable, match="does not get through") as refused:
            open_shell(server, port=port, proxy_jump=hop(server))
        return str(refused.value.message).rpartition(": ")[2]

    with ThreadPoolExecutor(len(ports)) as pool:
        assert list(pool.map(one, ports)) == ["Connect failed", "Administratively prohibited"] * 8


def test_proxy_command(sshd: Server, open_shell: Open, tmp_path: Path) -> None:
    program = tmp_path / "connect.py"
    program.write_text(
        "import os, socket, sys, threading\n"
        "peer = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def up():\n"
        "    while data := os.read(0, 65536):\n"
        "        peer.sendall(data)\n"
        "    peer.shutdown(socket.SHUT_WR)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while data := peer.recv(65536):\n"
        "    os.write(1, data)\n"
    )
    config = tmp_path / "config"
    config.write_text(f"Host *\n  ProxyCommand python3 {program} %h %p\n")
    shell = open_shell(sshd, ssh_config_file=str(config))
    assert shell.run("cat", stdin="x" * 3_000_000, deadline=PATIENCE).stdout == "x" * 3_000_000


def test_a_proxy_command_that_fails(sshd: Server, open_shell: Open, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host *\n  ProxyCommand false\n")
    with pytest.raises(Unreachable, match="before its SSH banner"):
        open_shell(sshd, ssh_config_file=str(config))
