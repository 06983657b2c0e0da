"""Root shells on routers: the Nornir connection plugin on paramiko, and how a task gets a shell.

paramiko is imported when the first connection is opened, not before.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from inventory.errors import LvsfleetError
from tasks.connect.options import DEFAULT_CONFIG, parse_options
from tasks.connect.passwords import login_password
from tasks.connect.target import Endpoint, resolve
from tasks.errors import Unreachable
from tasks.retry import retrying
from tasks.shell import Shell

if TYPE_CHECKING:
    from nornir.core.configuration import Config
    from nornir.core.inventory import Host

    from tasks.connect.options import Options

T = TypeVar("T")
log = logging.getLogger("lvsfleet.ssh")

PLUGINS: Final = {"paramiko": "lvsfleet", "netmiko": "lvsfleet-netmiko"}
"""What a host's ``connection`` may say, and the Nornir plugin for it."""


def endpoint_of(
    hostname: str | None,
    username: str | None,
    port: int | None,
    extras: dict[str, Any] | None,
    configuration: Config | None,
) -> tuple[Endpoint, Options]:
    """What Nornir hands to a connection plugin, as an Endpoint.

    Raises:
        LvsfleetError: the inventory or ssh_config says something wrong.
    """
    if not hostname:
        raise LvsfleetError("a router has no hostname", "Set `hostname` in the inventory")
    extras = dict(extras or {})
    if "ssh_config_file" not in extras and configuration is not None:
        configured = Path(configuration.ssh.config_file)
        if configured != DEFAULT_CONFIG.expanduser():
            extras["ssh_config_file"] = str(configured)
    options = parse_options(extras, host=hostname)
    return resolve(hostname, port=port, user=username, options=options), options


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


def shell_of(host: Host, configuration: Config | None = None) -> Shell:
    """The router's shell, opened at the first call and kept open, with retries.

    A connection that broke meanwhile is replaced.

    Raises:
        RouterError: no connection, the host key or the login was refused.
        LvsfleetError: the inventory or ssh_config says something wrong.
    """
    return retrying(lambda: _kept(host, configuration), name=host.name)


@contextlib.contextmanager
def fresh_shell(host: Host, configuration: Config | None = None) -> Iterator[Shell]:
    """A shell over a new TCP connection beside the kept one, closed at the end, with retries.

    Raises:
        RouterError: no connection, the host key or the login was refused.
        LvsfleetError: the inventory or ssh_config says something wrong.
    """
    plugin = retrying(lambda: _opened(host, configuration), name=host.name)
    try:
        yield plugin.connection
    finally:
        plugin.close()


def asking(host: Host, question: Callable[[Shell], T], configuration: Config | None = None) -> T:
    """Do a read over the router's shell; if the connection breaks, again over a new one.

    Args:
        host: the router.
        question: reads and changes nothing.
        configuration: Nornir's.
    """

    def attempt() -> T:
        try:
            return question(_kept(host, configuration))
        except Unreachable:
            drop(host)
            raise

    return retrying(attempt, name=host.name)


def drop(host: Host) -> None:
    """Close the router's kept connection, if there is one."""
    with contextlib.suppress(KeyError):
        host.connections.pop(plugin_of(host)).close()


def plugin_of(host: Host) -> str:
    """The name of the Nornir plugin that the host's ``connection`` asks for.

    Raises:
        LvsfleetError: it says neither ``paramiko`` nor ``netmiko``.
    """
    asked = host.get("connection") or "paramiko"
    if asked not in PLUGINS:
        raise LvsfleetError(
            f"{host.name}: connection: {asked!r} is unknown", f"Choose {' or '.join(PLUGINS)}"
        )
    return PLUGINS[asked]


def _kept(host: Host, configuration: Config | None) -> Shell:
    """The host's open connection, or a new one in its place; one attempt."""
    name = plugin_of(host)
    existing = host.connections.get(name)
    if existing is not None and not getattr(existing.connection, "alive", True):
        drop(host)
    if name not in host.connections:
        host.connections[name] = _opened(host, configuration)
    shell: Shell = host.connections[name].connection
    return shell


def _opened(host: Host, configuration: Config | None) -> Any:
    name = plugin_of(host)
    options = host.get_connection_parameters(name)
    # What is said for the usual plugin holds for the other one too, unless it says otherwise.
    usual = host.get_connection_parameters(PLUGINS["paramiko"])
    plugin: Any = _plugin_class(name)()
    plugin.open(
        hostname=options.hostname or host.name,
        username=options.username,
        password=options.password,
        port=options.port,
        platform=options.platform,
        extras={**(usual.extras or {}), **(options.extras or {})},
        configuration=configuration,
    )
    return plugin


def _plugin_class(name: str) -> Any:
    """Nornir's plugin of that name, registered without looking through all installed packages."""
    from nornir.core.plugins.connections import ConnectionPluginRegister  # noqa: PLC0415

    if name not in ConnectionPluginRegister.available:
        if name == PLUGINS["paramiko"]:
            ConnectionPluginRegister.register(name, SSH)
        else:
            from tasks.netmiko import Netmiko  # noqa: PLC0415

            ConnectionPluginRegister.register(name, Netmiko)
    return ConnectionPluginRegister.get_plugin(name)
