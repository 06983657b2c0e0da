"""How routers are reached, from the inventory that they were reached by, for the one to be written.

Passwords stay where they are: a file more with them in it is nobody's wish.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inventory.element import CONNECTION_PLUGINS, FREE_PREFIX, Connection

if TYPE_CHECKING:
    from nornir.core.inventory import Host


def login_of(host: Host, connection: Connection) -> dict[str, Any]:
    """What a host and all that it inherits from say."""
    plugin = CONNECTION_PLUGINS[connection]
    said = host.get_connection_parameters(plugin)
    plain = {
        "hostname": said.hostname or host.name,
        "port": said.port,
        "username": said.username,
        "platform": said.platform,
    }
    found: dict[str, Any] = {key: value for key, value in plain.items() if value is not None}
    if said.extras:
        found["connection_options"] = {plugin: {"extras": dict(said.extras)}}
    return found


def has_password(host: Host, connection: Connection) -> bool:
    """Whether the inventory has a password for it."""
    return host.get_connection_parameters(CONNECTION_PLUGINS[connection]).password is not None


def own_data_of(host: Host, connection: Connection) -> dict[str, Any]:
    """The operators' own data, and the library that carries the connection."""
    data = host.extended_data()
    found = {key: data[key] for key in data if str(key).startswith(FREE_PREFIX)}
    if connection is not Connection.PARAMIKO:
        found["connection"] = connection.value
    return found
