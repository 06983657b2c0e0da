"""A host key that is not on record is refused once and for good, with the way out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tasks.errors import HostKeyRefused
from tasks.retry import retrying

from .conftest import Open, Server, Start, keygen


def fingerprint(path: Path) -> str:
    argv = ["ssh-keygen", "-lf", str(path)]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()[1]


def other_key(folder: Path) -> str:
    path = keygen(folder / "other")
    return " ".join(path.with_suffix(".pub").read_text().split()[:2])


def test_unknown(sshd: Server, open_shell: Open, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(HostKeyRefused) as caught:
        open_shell(sshd, known_hosts_files=[str(empty)])
    shown = fingerprint(sshd.folder / "host_ed25519.pub")
    assert caught.value.message == (
        f"the host key of 127.0.0.1 port {sshd.port} is not known: ssh-ed25519 {shown}"
    )
    assert f"ssh-keyscan -p {sshd.port} -t ed25519 127.0.0.1 >> {empty}" in caught.value.hint
    assert empty.read_text() == ""


def test_the_way_out_works(sshd: Server, open_shell: Open, tmp_path: Path) -> None:
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{sshd.port} {other_key(tmp_path)}\n")
    with pytest.raises(HostKeyRefused) as caught:
        open_shell(sshd, known_hosts_files=[str(known)])
    assert f"{known}:1 has ssh-ed25519 SHA256:" in caught.value.message
    _, _, commands = caught.value.hint.partition("console: ")
    subprocess.run(commands, shell=True, check=True, capture_output=True)  # noqa: S602
    open_shell(sshd, known_hosts_files=[str(known)])


def test_refused_in_one_attempt_before_any_login(
    sshd: Server, open_shell: Open, tmp_path: Path
) -> None:
    with pytest.raises(HostKeyRefused):
        retrying(lambda: open_shell(sshd, known_hosts_files=[str(tmp_path / "none")]), name="r1")
    assert sshd.log().count("Connection from 127.0.0.1") == 1
    assert "userauth" not in sshd.log()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_kind_on_record_is_asked_for(
    start_sshd: Start, open_shell: Open, tmp_path: Path, kind: str
) -> None:
    server = start_sshd(kinds=("ed25519", "ecdsa", "rsa"))
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{server.port} {server.host_key(kind)}\n")
    open_shell(server, known_hosts_files=[str(known)])


def test_another_kind_than_on_record_is_a_change(
    start_sshd: Start, open_shell: Open, tmp_path: Path
) -> None:
    server = start_sshd(kinds=("ecdsa",))
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{server.port} {other_key(tmp_path)}\n")
    with pytest.raises(HostKeyRefused, match=r"not the one on record: it shows ecdsa-sha2"):
        open_shell(server, known_hosts_files=[str(known)])


def test_hashed_names(sshd: Server, open_shell: Open) -> None:
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(sshd.known_hosts)], check=True)
    assert "127.0.0.1" not in sshd.known_hosts.read_text()
    open_shell(sshd)


@pytest.mark.parametrize("names", ["127.0.0.1", "*", "[127.0.0.*]:*", "x,[127.0.0.1]:{port}"])
def test_names_that_match(sshd: Server, open_shell: Open, names: str) -> None:
    sshd.known_hosts.write_text(f"{names.format(port=sshd.port)} {sshd.host_key()}\n")
    open_shell(sshd)


@pytest.mark.parametrize("names", ["!127.*,![127.0.0.1]:*,*", "127.0.0.2", "[127.0.0.1]:1"])
def test_names_that_do_not(sshd: Server, open_shell: Open, names: str) -> None:
    sshd.known_hosts.write_text(f"{names} {sshd.host_key()}\n")
    with pytest.raises(HostKeyRefused, match="is not known"):
        open_shell(sshd)


def test_revoked_wins(sshd: Server, open_shell: Open) -> None:
    with sshd.known_hosts.open("a") as file:
        file.write(f"@revoked * {sshd.host_key()}\n")
    with pytest.raises(HostKeyRefused, match="is revoked"):
        open_shell(sshd)


def test_an_authority_alone_is_not_enough_and_the_message_says_so(
    sshd: Server, open_shell: Open, tmp_path: Path
) -> None:
    sshd.known_hosts.write_text(f"@cert-authority * {other_key(tmp_path)}\n")
    with pytest.raises(HostKeyRefused, match="host certificates are not supported"):
        open_shell(sshd)
