"""netmiko's Linux driver, over a connection that has been made and checked here."""

from __future__ import annotations

import threading
from typing import Any

from netmiko.linux import LinuxSSH
from netmiko.ssh_dispatcher import CLASS_MAPPER, platforms
from nornir_netmiko.connections import Netmiko as NornirNetmiko

from tasks.connect.library import paramiko
from tasks.connect.target import Endpoint
from tasks.connect.transport import Channel, Transport
from tasks.errors import Unreachable

DEVICE_TYPE = "lvsfleet_linux"


class Client:
    """What netmiko asks of a paramiko.SSHClient: connect, a shell, close."""

    def __init__(self, transport: Transport, endpoint: Endpoint) -> None:
        self.transport = transport
        self.endpoint = endpoint
        self.channel: Channel | None = None

    def connect(self, **_parameters: object) -> None:
        """Nothing to do: it is connected already, by stricter rules than netmiko's."""

    def invoke_shell(self, *, term: str, width: int, height: int) -> Channel:  # noqa: ARG002
        """Start the login shell on a terminal."""
        try:
            self.channel = self.transport.open_terminal(
                columns=width, rows=height, timeout=self.endpoint.timeout
            )
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise Unreachable(f"{self.endpoint} starts no shell: {error}") from None
        return self.channel

    def close(self) -> None:
        """Close the connection."""
        self.transport.close()


class FleetLinux(LinuxSSH):
    """LinuxSSH that neither connects by itself nor guesses at prompts."""

    def __init__(self, *, client: Client, **parameters: Any) -> None:
        self._client = client
        super().__init__(**parameters)

    def _build_ssh_client(self) -> Any:
        return self._client

    def session_preparation(self) -> None:
        """Leave the session as it is: what talks over it needs no prompt."""

    def cleanup(self, command: str = "exit") -> None:
        """Type no goodbye; closing the connection ends the shell."""


_registering = threading.Lock()


def drive(client: Client) -> Any:
    """Return netmiko's connection object, opened the way nornir-netmiko opens them."""
    with _registering:
        if DEVICE_TYPE not in CLASS_MAPPER:
            CLASS_MAPPER[DEVICE_TYPE] = FleetLinux
            platforms.append(DEVICE_TYPE)
    plugin = NornirNetmiko()
    plugin.open(
        hostname=client.endpoint.address,
        username=client.endpoint.user,
        password=None,
        port=client.endpoint.port,
        platform=DEVICE_TYPE,
        extras={"client": client},
    )
    return plugin.connection
