"""What Nornir hands to a connection plugin, as the endpoint that is to be reached."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from inventory.errors import LvsfleetError
from tasks.connect.options import DEFAULT_CONFIG, parse_options
from tasks.connect.target import Endpoint, resolve

if TYPE_CHECKING:
    from nornir.core.configuration import Config

    from tasks.connect.options import Options


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
