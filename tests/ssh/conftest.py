"""An sshd of one's own on loopback, as strange as a test wants it; no root, no lab."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tasks.ssh import SSH

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
USER = getpass.getuser()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
            "connect_timeout": 10,
        } | changes

    def log(self) -> str:
        """What sshd wrote to its log."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


Start = Callable[..., Server]
Open = Callable[..., Any]


@pytest.fixture
def start_sshd(tmp_path: Path) -> Iterator[Start]:
    """Start sshd with extra lines of configuration; all end with the test."""
    if SSHD is None:
        pytest.fail("there is no sshd on this machine; `make test` installs it (openssh-server)")
    running: list[subprocess.Popen[bytes]] = []

    def start(*lines: str, kinds: tuple[str, ...] = ("ed25519",)) -> Server:
        folder = tmp_path / f"sshd{len(running)}"
        folder.mkdir(mode=0o700)
        if Path("/run").stat().st_uid == 0 and USER == "root":
            Path("/run/sshd").mkdir(exist_ok=True, mode=0o755)
        server = Server(folder, free_port())
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
        argv = [SSHD, "-D", "-f", str(folder / "conf"), "-p", str(server.port)]
        running.append(subprocess.Popen([*argv, "-E", str(folder / "log")]))
        wait_for(server.port, running[-1], folder / "log")
        return server

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait(5)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until sshd listens (its own connections count against MaxStartups: none is made)."""
    address, listening = f"0100007F:{port:04X}", "0A"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"sshd did not start: {log.read_text()}")
        for line in Path("/proc/net/tcp").read_text().splitlines():
            _, local, _, state, *_ = line.split()
            if (local, state) == (address, listening):
                return
        time.sleep(0.01)
    pytest.fail("sshd does not listen")


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
