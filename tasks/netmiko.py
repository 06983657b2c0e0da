"""Nornir's connection plugin on netmiko, for routers that offer an interactive shell only.

Same options, host keys, logins and jump hosts as ``tasks.ssh``: netmiko is given a connection made
there, instead of its own that trusts any host key. netmiko is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.connect.endpoint import endpoint_of
from tasks.connect.passwords import login_password
from tasks.errors import Unreachable
from tasks.shell import Shell

if TYPE_CHECKING:
    from nornir.core.configuration import Config


class Netmiko:
    """Nornir's connection plugin ``lvsfleet-netmiko``; its ``connection`` is a Shell."""

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
        """Connect, log in and start a shell, once.

        Raises:
            RouterError: no connection, the host key or the login was refused, or no usable shell.
            LvsfleetError: the inventory or ssh_config says something wrong.
        """
        from tasks.connect.terminal import open_terminal  # noqa: PLC0415 # netmiko, late

        endpoint, options = endpoint_of(hostname, username, port, extras, configuration)
        self._shell = open_terminal(endpoint, password=login_password(password), sudo=options.sudo)

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
