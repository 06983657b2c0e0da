"""What an inventory may say about a connection: ``connection_options.lvsfleet.extras``, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from inventory.errors import LvsfleetError

SUDO = ("auto", "always", "never", "reader")
DEFAULT_CONFIG = Path("~/.ssh/config")


@dataclass(frozen=True, slots=True)
class Options:
    """How to connect, where the inventory says it; None leaves a question to ssh_config.

    Attributes:
        key_files: private keys to offer, in this order; also to jump hosts.
        certificate_files: certificates to offer with them (``KEY-cert.pub`` is found by itself).
        known_hosts_files: the only files that host keys are looked up in; also for jump hosts.
        agent: whether keys of the agent at SSH_AUTH_SOCK are offered.
        ssh_config_file: the ssh_config to read; None reads none.
        proxy_jump: jump hosts as ``[user@]host[:port]``, nearest to us first; empty for none.
        connect_timeout: seconds from the first packet until logged in, jump hosts included.
        sudo: ``auto`` (unless the login user is root), ``always`` or ``never``; ``reader`` for an
            account that may only read, by the program of `tasks.remote.reader`.
    """

    key_files: tuple[Path, ...] | None = None
    certificate_files: tuple[Path, ...] = ()
    known_hosts_files: tuple[Path, ...] | None = None
    agent: bool | None = None
    ssh_config_file: Path | None = DEFAULT_CONFIG
    proxy_jump: tuple[str, ...] | None = None
    connect_timeout: float | None = None
    sudo: str = "auto"


NAMES = tuple(field.name for field in fields(Options))


def parse_options(extras: Mapping[str, Any] | None, *, host: str) -> Options:
    """Check ``extras`` and turn them into Options.

    Args:
        extras: as the inventory has them, or None.
        host: the router's name, for the message.

    Raises:
        LvsfleetError: one or more fields are unknown or wrong; the message lists all of them.
    """
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for name, value in (extras or {}).items():
        if name not in NAMES:
            wrong.append(f"{name}: there is no such option")
            continue
        try:
            values[name] = _CHECKS[name](value)
        except ValueError as error:
            wrong.append(f"{name}: {value!r} is not {error}")
    if wrong:
        raise LvsfleetError(
            f"{host}: connection_options.lvsfleet.extras: " + "; ".join(wrong),
            f"Known options are {', '.join(NAMES)}",
        )
    return Options(**values)


def _paths(value: object) -> tuple[Path, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(t, str) and t for t in texts):
        raise ValueError("a path or a list of paths")
    return tuple(Path(text).expanduser() for text in texts)


def _paths_or_default(value: object) -> tuple[Path, ...] | None:
    return None if value is None else _paths(value)


def _boolean(value: object) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _config_file(value: object) -> Path | None:
    if value is False:
        return None
    if value is None or value is True:
        return DEFAULT_CONFIG
    if not isinstance(value, str) or not value:
        raise ValueError("a path, or false for none")
    return Path(value).expanduser()


def _jumps(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if value is False:
        return ()
    hops = value.split(",") if isinstance(value, str) else value
    if not isinstance(hops, list | tuple) or not all(
        isinstance(h, str) and h.strip() for h in hops
    ):
        raise ValueError(
            '"[user@]host[:port]", several of them with commas or as a list, or "none"'
        )
    stripped = tuple(hop.strip() for hop in hops)
    return () if stripped == ("none",) else stripped


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number of seconds")  # noqa: TRY004 # one kind for every check
    if not (math.isfinite(value) and value > 0):
        raise ValueError("a number of seconds above 0")
    return float(value)


def _sudo(value: object) -> str:
    if value not in SUDO:
        raise ValueError(f"one of {', '.join(SUDO)}")
    return str(value)


_CHECKS = {
    "key_files": _paths_or_default,
    "certificate_files": _paths,
    "known_hosts_files": _paths_or_default,
    "agent": _boolean,
    "ssh_config_file": _config_file,
    "proxy_jump": _jumps,
    "connect_timeout": _seconds,
    "sudo": _sudo,
}
