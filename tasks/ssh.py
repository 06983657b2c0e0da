"""Nornir's connection plugin on paramiko, the usual one.

paramiko is imported when the first connection is opened, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.connect.endpoint import endpoint_of
from tasks.connect.passwords import login_password
from tasks.errors import Unreachable
from tasks.shell import Shell

if TYPE_CHECKING:
    from nornir.core.configuration import Config


class SSH:
    """Nornir's connection plugin ``lvsfleet``; its ``connection`` is a ``tasks.shell.Shell``."""

    def __init__(self) -> None:
        self._shell: Shell | None = None

    def open(  # noqa: PLR0917 # as Nornir calls it
        self,
        hostname: str | None,
        username: str | None,
        password: str | None,
        port: int | None,
        platform: str | None,  # noqa: ARG002 # every router is a Linux machine
        extras: dict[str, Any] | None = None,
        configuration: Config | None = None,
    ) -> None:
        """Connect and log in, once.

        Raises:
            RouterError: no connection, the host key or the login was refused.
            LvsfleetError: the inventory or ssh_config says something wrong.
        """
        from tasks.connect.session import connect  # noqa: PLC0415 # paramiko, late
        from tasks.connect.shell import ExecShell  # noqa: PLC0415

        endpoint, options = endpoint_of(hostname, username, port, extras, configuration)
        transport = connect(endpoint, password=login_password(password))
        self._shell = ExecShell(transport, endpoint, sudo=options.sudo)

    def close(self) -> None:
        """Close the connection; closing twice is fine."""
        if self._shell is not None:
            self._shell.close()

    @property
    def connection(self) -> Shell:
        """The open shell."""
        if self._shell is None:
            raise Unreachable("the connection is not open")
        return self._shell
