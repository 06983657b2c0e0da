"""An sshd of one's own on loopback, as strange as a test wants it; no root, no lab."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tasks.ssh import SSH

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
USER = pwd.getpwuid(os.getuid()).pw_name  # not as the environment has it: sshd looks there
PATIENCE = 60.0
"""Seconds for what must come in the end; a busy machine may keep anything waiting for a while."""


def port_kept() -> socket.socket:
    """A port of one's own, as a socket that does not listen: nobody else is given it meanwhile.

    sshd can listen on it all the same: both say SO_REUSEADDR (socket(7)).
    """
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    return kept


def eventually(holds: Callable[[], bool]) -> bool:
    """Wait until something holds, as long as that makes sense; whether it does."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def keygen(path: Path, *more: str, kind: str = "ed25519") -> Path:
    """Make a key pair at ``path``."""
    argv = ["ssh-keygen", "-q", "-t", kind, "-f", str(path)]
    subprocess.run([*argv, *(more or ("-N", ""))], check=True)
    return path


@dataclass(frozen=True, slots=True)
class Server:
    """A running sshd and what a client needs of it."""

    folder: Path
    port: int

    @property
    def client_key(self) -> Path:
        return self.folder / "client"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    def host_key(self, kind: str = "ed25519") -> str:
        """Type and base64 of a host key."""
        text = (self.folder / f"host_{kind}.pub").read_text(encoding="utf-8")
        return " ".join(text.split()[:2])

    def extras(self, **changes: Any) -> dict[str, Any]:
        """Inventory options that get in, with changes."""
        return {
            "key_files": [str(self.client_key)],
            "known_hosts_files": [str(self.known_hosts)],
            "ssh_config_file": False,
            "agent": False,
            "sudo": "never",
            "connect_timeout": PATIENCE,
        } | changes

    def log(self) -> str:
        """What sshd wrote to its log."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def logged(self, text: str, times: int = 1) -> int:
        """How often the log has ``text``, once it is there so often: sshd answers, then it logs."""
        eventually(lambda: self.log().count(text) >= times)
        return self.log().count(text)


Start = Callable[..., Server]
Open = Callable[..., Any]


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port of this machine on which nobody listens."""
    with port_kept() as kept:
        yield int(kept.getsockname()[1])


@pytest.fixture
def start_sshd(tmp_path: Path) -> Iterator[Start]:
    """Start sshd with extra lines of configuration; all end with the test."""
    if SSHD is None:
        pytest.fail("there is no sshd on this machine; `make test` installs it (openssh-server)")
    running: list[subprocess.Popen[bytes]] = []
    ports = ExitStack()

    def start(*lines: str, kinds: tuple[str, ...] = ("ed25519",)) -> Server:
        folder = tmp_path / f"sshd{len(running)}"
        folder.mkdir(mode=0o700)
        if Path("/run").stat().st_uid == 0 and USER == "root":
            Path("/run/sshd").mkdir(exist_ok=True, mode=0o755)
        server = Server(folder, ports.enter_context(port_kept()).getsockname()[1])
        keygen(server.client_key)
        for kind in kinds:
            keygen(folder / f"host_{kind}", kind=kind)
        shutil.copy(folder / "client.pub", folder / "authorized_keys")
        server.known_hosts.write_text(
            "".join(f"[127.0.0.1]:{server.port} {server.host_key(kind)}\n" for kind in kinds)
        )
        (folder / "conf").write_text(
            "\n".join(
                [
                    *lines,
                    "ListenAddress 127.0.0.1",
                    *(f"HostKey {folder}/host_{kind}" for kind in kinds),
                    f"AuthorizedKeysFile {folder}/authorized_keys",
                    "StrictModes no",
                    "UsePAM no",
                    "PidFile none",
                    "PermitRootLogin yes",
                    "LogLevel VERBOSE",
                    "",
                ]
            )
        )
        (folder / "log").touch()
        argv = [SSHD, "-D", "-f", str(folder / "conf"), "-p", str(server.port)]
        running.append(subprocess.Popen([*argv, "-E", str(folder / "log")]))
        wait_for(server, running[-1])
        return server

    with ports:
        yield start
        for process in running:
            process.terminate()
        for process in running:
            process.wait(PATIENCE)


def wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    """Wait until this very sshd says that it listens; to try would count against MaxStartups."""
    said = f"Server listening on 127.0.0.1 port {server.port}."
    listens = eventually(lambda: process.poll() is not None or said in server.log())
    assert process.poll() is None, f"sshd did not start: {server.log()}"
    assert listens, f"sshd does not listen: {server.log()}"


@pytest.fixture
def sshd(start_sshd: Start) -> Server:
    """An ordinary sshd."""
    return start_sshd()


@pytest.fixture
def open_shell() -> Iterator[Open]:
    """Open a shell to a Server with the plugin; closed with the test."""
    plugins: list[SSH] = []

    def open_it(
        server: Server, *, user: str = USER, port: int | None = None, **changes: Any
    ) -> Any:
        plugin = SSH()
        plugins.append(plugin)
        plugin.open(
            "127.0.0.1",
            user,
            changes.pop("password", None),
            port or server.port,
            "linux",
            extras=server.extras(**changes),
        )
        return plugin.connection

    yield open_it
    for plugin in plugins:
        plugin.close()
