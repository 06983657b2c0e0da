"""known_hosts(5): which keys a server may show, and the refusal of every other."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tasks.connect.patterns import matches
from tasks.connect.target import SSH_PORT, Endpoint
from tasks.errors import HostKeyRefused

REVOKED = "@revoked"
AUTHORITY = "@cert-authority"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a known_hosts file."""

    marker: str
    names: tuple[str, ...]
    kind: str
    blob: bytes
    where: str

    def applies(self, name: str) -> bool:
        """Whether the line is about ``name``, hashed or not."""
        first = self.names[0]
        if first.startswith("|1|"):
            return _hashed(first, name)
        return matches(self.names, name)


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """The lines of one file: those with plain names by name, the others to be tried one by one."""

    plain: dict[str, tuple[Entry, ...]]
    others: tuple[Entry, ...]

    def about(self, name: str) -> Iterator[Entry]:
        """Every line about ``name``."""
        yield from self.plain.get(name.lower(), ())
        yield from (entry for entry in self.others if entry.applies(name))


def fingerprint(blob: bytes) -> str:
    """The key's SHA256 fingerprint as OpenSSH prints it."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return f"SHA256:{digest}"


def parse(text: str, path: str) -> KnownHosts:
    """Read the text of a known_hosts file; lines that are none are passed over, as in OpenSSH."""
    plain: defaultdict[str, list[Entry]] = defaultdict(list)
    others: list[Entry] = []
    for number, line in enumerate(text.splitlines(), 1):
        entry = _entry(line, f"{path}:{number}")
        if entry is None:
            continue
        if any(mark in name for name in entry.names for mark in "|*?!"):
            others.append(entry)
            continue
        for name in entry.names:
            plain[name.lower()].append(entry)
    return KnownHosts({name: tuple(found) for name, found in plain.items()}, tuple(others))


def known(endpoint: Endpoint) -> tuple[Entry, ...]:
    """Every line about this server, markers included."""
    files = [_load(path) for path in endpoint.known_hosts_files]
    found = tuple(entry for file in files for entry in file.about(endpoint.key_name))
    if not found and endpoint.port != SSH_PORT and endpoint.key_name.startswith("["):
        # As OpenSSH: a key filed without the port counts where none is filed with it.
        found = tuple(e for file in files for e in file.about(endpoint.address.lower()))
    return found


def algorithms(entries: Iterable[Entry], supported: Iterable[str]) -> tuple[str, ...]:
    """The order in which to ask for host keys: those on record first (as OpenSSH does).

    A server that has no key of the recorded kinds then shows another, and the refusal can say so.
    """
    kinds = {entry.kind for entry in entries if not entry.marker}
    wanted = {a for kind in kinds for a in _algorithms_of(kind)}
    every = tuple(supported)
    return (*(a for a in every if a in wanted), *(a for a in every if a not in wanted))


def check(endpoint: Endpoint, entries: Iterable[Entry], kind: str, blob: bytes) -> None:
    """Let the key that the server showed pass, if it is on record.

    Args:
        endpoint: the server.
        entries: what ``known(endpoint)`` found.
        kind: the key's type, such as ``ssh-ed25519``.
        blob: the key in wire format.

    Raises:
        HostKeyRefused: it is unknown, revoked, or not the one on record.
    """
    lines = tuple(entries)
    shown = f"{kind} {fingerprint(blob)}"
    for line in lines:
        if line.marker == REVOKED and line.blob == blob:
            raise HostKeyRefused(
                f"the host key of {endpoint} is revoked ({line.where}): {shown}",
                "Whoever has this key is not to be trusted; give the router a new host key",
            )
    recorded = [line for line in lines if not line.marker]
    if any(line.blob == blob for line in recorded):
        return
    if recorded:
        _refuse_changed(endpoint, recorded, kind, shown)
    files = [path for path in endpoint.known_hosts_files if str(path) != os.devnull]
    file = files[0] if files else "~/.ssh/known_hosts"
    note = ""
    if any(line.marker == AUTHORITY for line in lines):
        note = " (there is a @cert-authority line, but host certificates are not supported)"
    raise HostKeyRefused(
        f"the host key of {endpoint} is not known{note}: {shown}",
        f"If `ssh-keygen -lf /etc/ssh/ssh_host_{_short(kind)}_key.pub` on its console prints the "
        f"same, take it over: {_keyscan(endpoint, kind)} >> {file}",
    )


def _refuse_changed(endpoint: Endpoint, recorded: list[Entry], kind: str, shown: str) -> None:
    line = next((r for r in recorded if r.kind == kind), recorded[0])
    file = line.where.rpartition(":")[0]
    name = endpoint.key_name
    raise HostKeyRefused(
        f"the host key of {endpoint} is not the one on record: it shows {shown}, {line.where} has "
        f"{line.kind} {fingerprint(line.blob)}; nothing was sent to it",
        "Somebody may stand between, or the router was set up anew. Only if you know it was, and "
        f"the fingerprint is right on its console: ssh-keygen -f {file} -R '{name}' && "
        f"{_keyscan(endpoint, kind)} >> {file}",
    )


def _keyscan(endpoint: Endpoint, kind: str) -> str:
    scan = f"ssh-keyscan {endpoint.port_option}-t {_short(kind)} {endpoint.address}"
    if endpoint.key_name.lstrip("[").startswith(endpoint.address.lower()) and not endpoint.jumps:
        return scan
    if not endpoint.jumps:
        return f"{scan} | sed 's/^[^ ]*/{endpoint.key_name}/'"
    last = endpoint.jumps[-1]
    return f"ssh {last.port_option}{last.user}@{last.address} {scan}"


def _short(kind: str) -> str:
    return kind.removeprefix("ssh-").partition("-")[0]


def _algorithms_of(kind: str) -> tuple[str, ...]:
    return ("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,)


def _load(path: Path) -> KnownHosts:
    try:
        status = path.stat()
        return _parsed(path, status.st_mtime_ns, status.st_size)
    except OSError:
        # As OpenSSH: a file that cannot be read knows nobody.
        return KnownHosts({}, ())


@lru_cache(maxsize=64)
def _parsed(path: Path, _modified: int, _size: int) -> KnownHosts:
    return parse(path.read_text(encoding="utf-8", errors="surrogateescape"), str(path))


def _entry(line: str, where: str) -> Entry | None:
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    marker = words.pop(0) if words[0].startswith("@") else ""
    if len(words) < len(("names", "kind", "key")) or marker not in {"", REVOKED, AUTHORITY}:
        return None
    try:
        blob = base64.b64decode(words[2], validate=True)
    except (binascii.Error, ValueError):
        return None
    return Entry(marker, tuple(words[0].split(",")), words[1], blob, where)


def _hashed(field: str, name: str) -> bool:
    try:
        _, _, salt, digest = field.split("|")
        made = hmac.digest(base64.b64decode(salt), name.encode(), "sha1")
        return hmac.compare_digest(made, base64.b64decode(digest))
    except (binascii.Error, ValueError):
        return False
