"""How a task gets a root shell on a router of the inventory: kept or fresh, with retries."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from inventory.errors import LvsfleetError
from tasks.errors import NotReady, RouterError, Unreachable
from tasks.retry import LATEST as PATIENCE
from tasks.retry import retrying
from tasks.shell import Shell
from tasks.ssh import SSH

if TYPE_CHECKING:
    from nornir.core.inventory import Host

T = TypeVar("T")

PLUGINS: Final = {"paramiko": "lvsfleet", "netmiko": "lvsfleet-netmiko"}
"""What a host's ``connection`` may say, and the Nornir plugin for it."""


def shell_of(host: Host, *, patience: float = PATIENCE) -> Shell:
    """The router's shell, opened at the first call and kept open, with retries.

    A connection that broke meanwhile is replaced.

    Raises:
        NotReady: the inventory or ssh_config says something wrong.
        RouterError: no connection, the host key or the login was refused.
    """
    return retrying(lambda: _kept(host, patience), name=host.name, within=patience)


@contextlib.contextmanager
def fresh_shell(host: Host, *, patience: float = PATIENCE) -> Iterator[Shell]:
    """A shell over a new TCP connection beside the kept one, closed at the end, with retries.

    Raises:
        NotReady: the inventory or ssh_config says something wrong.
        RouterError: no connection, the host key or the login was refused.
    """
    plugin = retrying(lambda: _opened(host, patience), name=host.name, within=patience)
    try:
        yield plugin.connection
    finally:
        plugin.close()


def asking(host: Host, question: Callable[[Shell], T], *, patience: float = PATIENCE) -> T:
    """Do a read over the router's shell; if the connection breaks, again over a new one.

    Args:
        host: the router.
        question: reads and changes nothing.
        patience: seconds after which no further attempt begins.

    Raises:
        RouterError: as `shell_of` and the question do.
    """

    def attempt() -> T:
        try:
            return question(_kept(host, patience))
        except Unreachable:
            drop(host)
            raise

    return retrying(attempt, name=host.name, within=patience)


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


def _kept(host: Host, patience: float) -> Shell:
    """The host's open connection, or a new one in its place; one attempt."""
    name = plugin_of(host)
    existing = host.connections.get(name)
    if existing is not None and not getattr(existing.connection, "alive", True):
        drop(host)
    if name not in host.connections:
        host.connections[name] = _opened(host, patience)
    shell: Shell = host.connections[name].connection
    return shell


def _opened(host: Host, patience: float) -> Any:
    name = plugin_of(host)
    options = host.get_connection_parameters(name)
    # What is said for the usual plugin holds for the other one too, unless it says otherwise.
    usual = host.get_connection_parameters(PLUGINS["paramiko"])
    plugin: Any = _plugin_class(name)()
    try:
        plugin.open(
            hostname=options.hostname or host.name,
            username=options.username,
            password=options.password,
            port=options.port,
            platform=options.platform,
            extras=_in_time({**(usual.extras or {}), **(options.extras or {})}, patience),
            configuration=None,
        )
    except RouterError:
        raise
    except LvsfleetError as error:  # the others can go on
        raise NotReady(error.message, error.hint) from error
    return plugin


def _in_time(extras: dict[str, Any], patience: float) -> dict[str, Any]:
    """The options, with no more time for one attempt than there is for all of them."""
    if patience >= PATIENCE or "connect_timeout" in extras:
        return extras
    return {**extras, "connect_timeout": patience}


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
