"""paramiko's part in a handshake, without its clocks and its waiting: key exchange, then login."""

from __future__ import annotations

import math
from typing import Any

from tasks.connect.library import paramiko

_SERVICE = "ssh-userauth"


class Packetizer(paramiko.packet.Packetizer):  # type: ignore[misc]
    """Without clocks of its own: a handshake is bounded from outside, where one knows what to say.

    Two clocks that end at the same moment give one message or the other.
    """

    def start_handshake(self, timeout: float) -> None:
        """Start no clock."""

    def readline(self, timeout: float) -> str:  # noqa: ARG002
        """Wait for a line of the banner, however long."""
        line: str = super().readline(math.inf)
        return line


class AuthHandler(paramiko.auth_handler.AuthHandler):  # type: ignore[misc]
    """Asks for the service and authenticates in one packet's time, once per connection."""

    def _request_auth(self) -> None:
        transport = self.transport
        if not transport.service_requested:
            transport.service_requested = True
            super()._request_auth()
        # The request itself goes out at once; sshd handles the two in order.
        accepted = paramiko.Message()
        accepted.add_string(_SERVICE)
        accepted.rewind()
        super()._parse_service_accept(accepted)

    def _parse_service_accept(self, m: Any) -> None:
        pass

    def _parse_userauth_failure(self, m: Any) -> None:
        at = m.packet.tell()
        self.transport.methods = tuple(m.get_list())
        m.packet.seek(at)
        super()._parse_userauth_failure(m)
