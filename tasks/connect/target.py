"""Where a connection goes and with what: the inventory first, ssh_config where it is silent."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from inventory.errors import LvsfleetError
from tasks.connect.localuser import local_user
from tasks.connect.options import Options
from tasks.connect.sshconfig import Found, expand, lookup

SSH_PORT = 22
DEFAULT_TIMEOUT = 15.0
DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
USER_KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
_JUMPS_AT_MOST = 8
_HOP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@\s]+)@)?(?:\[(?P<v6>[^\]\s]+)\]|(?P<host>[^:@\s\[\]]+))"
    r"(?::(?P<port>\d{1,5}))?/?"
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One SSH server as it is dialled; equal endpoints may share a connection.

    Attributes:
        name: what the operator calls it.
        address: host name or address to dial.
        port: TCP port.
        user: the user to log in as.
        key_name: the name its host key is filed under in known_hosts.
        known_hosts_files: where host keys are looked up, in this order.
        key_files: private keys to offer.
        keys_are_explicit: whether somebody named the keys; else they are the defaults.
        certificate_files: certificates to offer with them.
        agent: the agent's socket, or None.
        agent_only_named: offer only those keys of the agent whose files are named.
        jumps: the servers in between, nearest to us first.
        proxy_command: ssh_config's ProxyCommand, or None.
        timeout: seconds until logged in.
    """

    name: str
    address: str
    port: int
    user: str
    key_name: str
    known_hosts_files: tuple[Path, ...]
    key_files: tuple[Path, ...]
    keys_are_explicit: bool
    certificate_files: tuple[Path, ...]
    agent: str | None
    agent_only_named: bool
    jumps: tuple[Endpoint, ...]
    proxy_command: str | None
    timeout: float

    @property
    def port_option(self) -> str:
        """The port as ssh and ssh-keyscan take it, with a space after it; empty for 22."""
        return "" if self.port == SSH_PORT else f"-p {self.port} "

    def __str__(self) -> str:
        where = self.address if self.port == SSH_PORT else f"{self.address} port {self.port}"
        return where if self.name == self.address else f"{self.name} ({where})"


@dataclass(frozen=True, slots=True)
class Hop:
    """A jump host as written: ``[user@]host[:port]``."""

    host: str
    user: str | None = None
    port: int | None = None


def parse_hop(text: str) -> Hop:
    """Read ``[user@]host[:port]``, ``ssh://…`` or ``[v6-address]:port``.

    Raises:
        LvsfleetError: it is none of these.
    """
    match = _HOP.fullmatch(text)
    port = int(match["port"]) if match and match["port"] else None
    if match is None or (port is not None and not 0 < port < 1 << 16):
        raise LvsfleetError(
            f"the jump host {text!r} is not understood", "Write it as [user@]host[:port]"
        )
    return Hop(match["v6"] or match["host"], match["user"], port)


def resolve(
    host: str,
    *,
    port: int | None = None,
    user: str | None = None,
    options: Options,
    _depth: int = 0,
    _jump: bool = False,
) -> Endpoint:
    """Find out how to reach ``host``, reading ssh_config but nothing from the network.

    Args:
        host: the inventory's hostname: an address, a name, or a Host of ssh_config.
        port: the inventory's port.
        user: the inventory's user name.
        options: the inventory's other options.

    Raises:
        LvsfleetError: ssh_config or a jump host cannot be understood.
    """
    if _depth > _JUMPS_AT_MOST:
        raise LvsfleetError(
            f"{host}: more than {_JUMPS_AT_MOST} jump hosts, or jump hosts in a circle",
            "Look at ProxyJump in ssh_config; `ssh -G HOST` shows what applies",
        )
    config = lookup(options.ssh_config_file, host, user=user)
    user = user or _one(config, "user") or local_user()
    port = port or _port(config, host)
    address = _one(config, "hostname") or host
    address = expand(address, host=host, port=port, user=user, original=host)

    def expanded(text: str) -> str:
        return expand(text, host=address, port=port, user=user, original=host)

    jumps, command = _between(
        host, config, options=options, depth=_depth, expanded=expanded, is_jump=_jump
    )
    named = options.key_files
    if named is None and "identityfile" in config:
        named = tuple(Path(expanded(p)) for p in config["identityfile"] if p.lower() != "none")
    certificates = options.certificate_files or tuple(
        Path(expanded(p)) for p in config.get("certificatefile", ()) if p.lower() != "none"
    )
    alias = _one(config, "hostkeyalias")
    default_name = address.lower() if port == SSH_PORT else f"[{address.lower()}]:{port}"
    return Endpoint(
        name=host,
        address=address,
        port=port,
        user=user,
        key_name=alias or default_name,
        known_hosts_files=options.known_hosts_files or _known_hosts(config, expanded),
        key_files=_default_keys() if named is None else named,
        keys_are_explicit=named is not None,
        certificate_files=certificates,
        agent=_agent(config, options, expanded),
        agent_only_named=_one(config, "identitiesonly") == "yes" and named is not None,
        jumps=jumps,
        proxy_command=command,
        timeout=options.connect_timeout or _timeout(config),
    )


def _between(
    host: str,
    config: Found,
    *,
    options: Options,
    depth: int,
    expanded: Callable[[str], str],
    is_jump: bool,
) -> tuple[tuple[Endpoint, ...], str | None]:
    """The jump hosts or the command on the way; as in OpenSSH the first one given counts."""
    # The inventory's proxy_jump is the way to the router; a jump host goes by ssh_config alone.
    texts = None if is_jump else options.proxy_jump
    command = _one(config, "proxycommand")
    if texts is None:
        keywords = list(config)
        jump_first = "proxyjump" in config and (
            "proxycommand" not in config
            or keywords.index("proxyjump") < keywords.index("proxycommand")
        )
        if not jump_first:
            return (), None if command is None or command.lower() == "none" else expanded(command)
        value = config["proxyjump"][0]
        texts = () if value.lower() == "none" else tuple(value.split(","))
    jumps: tuple[Endpoint, ...] = ()
    for number, text in enumerate(texts):
        hop = parse_hop(expanded(text.strip()))
        end = resolve(
            hop.host, port=hop.port, user=hop.user, options=options, _depth=depth + 1, _jump=True
        )
        # Only the way to the first hop is its own; to each later one it is the hop before.
        if number == 0:
            jumps = end.jumps
            first_command = end.proxy_command
        else:
            first_command = None
        jumps = (*jumps, replace(end, jumps=(), proxy_command=first_command))
    if len(jumps) > _JUMPS_AT_MOST:
        raise LvsfleetError(f"{host}: more than {_JUMPS_AT_MOST} jump hosts")
    return jumps, None


def _default_keys() -> tuple[Path, ...]:
    return tuple(Path.home() / ".ssh" / name for name in DEFAULT_KEYS)


def _known_hosts(config: Found, expanded: Callable[[str], str]) -> tuple[Path, ...]:
    users = config.get("userknownhostsfile", USER_KNOWN_HOSTS)
    systems = config.get("globalknownhostsfile", GLOBAL_KNOWN_HOSTS)
    return tuple(Path(expanded(p)) for p in (*users, *systems) if p.lower() != "none")


def _agent(config: Found, options: Options, expanded: Callable[[str], str]) -> str | None:
    if options.agent is False:
        return None
    configured = _one(config, "identityagent")
    if configured is None or configured == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK") or None
    if configured.lower() == "none":
        return None
    if configured.startswith("$"):
        return os.environ.get(configured.strip("${}")) or None
    return expanded(configured)


def _one(config: Found, keyword: str) -> str | None:
    values = config.get(keyword)
    return values[0] if values else None


def _port(config: Found, host: str) -> int:
    text = _one(config, "port")
    if text is None:
        return SSH_PORT
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16):
        raise LvsfleetError(f"{host}: Port {text!r} in ssh_config is not a port")
    return int(text)


def _timeout(config: Found) -> float:
    text = _one(config, "connecttimeout") or ""
    return float(text) if text.isascii() and text.isdigit() and int(text) else DEFAULT_TIMEOUT
