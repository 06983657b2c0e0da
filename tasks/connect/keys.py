"""Private keys and the agent, read once per process and shared by all connections."""

from __future__ import annotations

import base64
import binascii
import copy
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.connect.library import paramiko
from tasks.connect.target import Endpoint

AGENT_TIMEOUT = 30.0  # seconds; somebody may have to confirm the use of a key
_lock = threading.Lock()
_files: dict[tuple[Path, tuple[Path, ...]], Loaded] = {}
_agents: dict[str, tuple[Any, ...]] = {}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a key file: keys to offer (with a certificate first), or a reason."""

    keys: tuple[Any, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A key to offer, and what to call it in a message."""

    label: str
    key: Any


class _AgentConnection(paramiko.agent.AgentSSH):  # type: ignore[misc]
    """One connection to an agent, for every thread: questions are asked one after the other."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._one_at_a_time = threading.Lock()
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(AGENT_TIMEOUT)
        connection.connect(path)
        self._connect(connection)

    def _send_message(self, msg: Any) -> Any:
        with self._one_at_a_time:
            return super()._send_message(msg)


def offers(endpoint: Endpoint, problems: list[str]) -> Iterator[Offer]:
    """The keys to offer to a server, best first, each once.

    Named files come first, then the agent's keys, then the default files: a server that counts
    attempts gets the likely key early.

    Args:
        endpoint: says which files and which agent.
        problems: gets a sentence for each key that cannot be used.
    """
    agent = from_agent(endpoint.agent) if endpoint.agent else ()
    named = endpoint.key_files if endpoint.keys_are_explicit else ()
    defaults = () if endpoint.keys_are_explicit else endpoint.key_files
    seen: set[bytes] = set()
    groups = (
        _files_or_agent(named, endpoint, agent, problems, must_exist=True),
        () if endpoint.agent_only_named else (Offer(_agent_label(key), key) for key in agent),
        _files_or_agent(defaults, endpoint, agent, problems, must_exist=False),
    )
    for group in groups:
        for offer in group:
            blob = _offered(offer.key)
            if blob not in seen:
                seen.add(blob)
                yield offer


def from_file(path: Path, certificates: tuple[Path, ...]) -> Loaded:
    """Read a private key and its certificates; a second time they come from memory."""
    place = (path, certificates)
    with _lock:
        if place not in _files:
            _files[place] = _load(path, certificates)
        return _files[place]


def from_agent(path: str) -> tuple[Any, ...]:
    """The keys of the agent at ``path``; none where no agent answers."""
    with _lock:
        if path not in _agents:
            try:
                _agents[path] = _AgentConnection(path).get_keys()
            except (OSError, paramiko.SSHException):
                _agents[path] = ()
        return _agents[path]


def _files_or_agent(
    paths: tuple[Path, ...],
    endpoint: Endpoint,
    agent: tuple[Any, ...],
    problems: list[str],
    *,
    must_exist: bool,
) -> Iterator[Offer]:
    for path in paths:
        if not path.exists():
            if must_exist:
                problems.append(f"{path} does not exist")
            continue
        loaded = from_file(path, endpoint.certificate_files)
        held = next((key for key in agent if _public(key) == _public_file(path)), None)
        if loaded.keys:
            yield from (Offer(str(path), key) for key in loaded.keys)
        elif held is not None:
            yield Offer(f"{path} in the agent", held)
        else:
            problems.append(loaded.problem)


def _load(path: Path, certificates: tuple[Path, ...]) -> Loaded:
    try:
        key = paramiko.PKey.from_path(path)
    except TypeError:  # what `cryptography` raises for a key that wants a passphrase
        said = f"{path} has a passphrase, which only an agent asks for: `ssh-add {path}` first"
        return Loaded((), f'{said} (without an agent: eval "$(ssh-agent)")')
    except (OSError, ValueError, paramiko.SSHException, paramiko.pkey.UnknownKeyType) as error:
        return Loaded((), f"{path} is no private key that can be used: {error}")
    plain = copy.copy(key)
    plain.public_blob = None
    certified = [key] if key.public_blob is not None else []
    for certificate in certificates:
        with_it = copy.copy(plain)
        try:
            with_it.load_certificate(str(certificate))
            same = type(plain)(data=with_it.public_blob.key_blob).asbytes() == plain.asbytes()
        except (OSError, ValueError, paramiko.SSHException):
            same = False
        if same:
            certified.insert(0, with_it)
    return Loaded((*certified, plain))


def _offered(key: Any) -> bytes:
    """What the server is shown: the certificate if there is one, else the public key."""
    blob = getattr(key, "public_blob", None)
    return bytes(blob.key_blob) if blob is not None else _public(key)


def _public(key: Any) -> bytes:
    return bytes(key.asbytes())


def _public_file(path: Path) -> bytes:
    try:
        words = path.with_name(path.name + ".pub").read_text(encoding="utf-8").split()
        return base64.b64decode(words[1])
    except (OSError, ValueError, IndexError, binascii.Error):
        return b"none"


def _agent_label(key: Any) -> str:
    return f"{key.comment or key.get_name()} of the agent"
