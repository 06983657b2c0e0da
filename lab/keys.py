"""The lab's SSH key, each router's host key, and the files that let ordinary ssh use them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from lab.disk import File
from lab.process import run
from lab.topology import Router, Topology

USERS = ("root", "ops")
"""Who gets in with the lab's key; ``opspw`` does too, with a password for sudo."""

ASKED_USER = "opspw"
PASSWORD = "lab-opspw"  # noqa: S105 - public on purpose, and only true inside the lab


def client_key(state: Path) -> Path:
    """Make the lab's own key, unless it is there.

    Returns:
        The private key; the public one is beside it with ``.pub``.
    """
    key = state / "id_ed25519"
    if not key.with_suffix(".pub").exists():
        _generate(key, "lvsfleet-lab")
    return key


def host_key(state: Path, router: Router) -> Path:
    """Make a router's host key, unless it is there: a fresh disk keeps the router's identity."""
    folder = state / "host-keys"
    folder.mkdir(parents=True, exist_ok=True)
    key = folder / router.name
    if not key.with_suffix(".pub").exists():
        _generate(key, router.name)
    return key


def router_files(state: Path, router: Router) -> dict[str, File]:
    """The files with which a router proves who it is and knows the lab's key."""
    authorized = client_key(state).with_suffix(".pub").read_bytes()
    key = host_key(state, router)
    return {
        "etc/ssh/ssh_host_ed25519_key": File(key.read_bytes(), 0o600),
        "etc/ssh/ssh_host_ed25519_key.pub": File(key.with_suffix(".pub").read_bytes()),
        # Read for every user (sshd_config.d/lab.conf), so homes stay as useradd made them.
        "etc/ssh/authorized_keys": File(authorized),
    }


def write_client_files(lab: Topology) -> None:
    """Write ``known_hosts`` and ``ssh_config`` for all routers of a lab."""
    state = lab.names.state
    known = [
        f"{router.name},{router.management} {_public(host_key(state, router))}"
        for router in lab.routers
    ]
    _replace(state / "known_hosts", "\n".join(known) + "\n")
    hosts = [f"Host {router.name}\n    HostName {router.management}" for router in lab.routers]
    common = f"""Host *
    User root
    IdentityFile {state}/id_ed25519
    IdentitiesOnly yes
    UserKnownHostsFile {state}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
"""
    _replace(state / "ssh_config", "\n".join([*hosts, common]))


def _generate(key: Path, comment: str) -> None:
    """Make a key pair whose public half appears last: with it, the pair is whole."""
    with tempfile.TemporaryDirectory(dir=key.parent) as folder:
        made = Path(folder) / "key"
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(made)])
        shutil.move(made, key)
        shutil.move(made.with_suffix(".pub"), key.with_suffix(".pub"))


def _public(key: Path) -> str:
    """Type and key, without the comment."""
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


def _replace(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.replace(path)
