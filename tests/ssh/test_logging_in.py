"""Keys, certificates, agent and password: offered in one round, refused in clear words."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.connect import passwords
from tasks.errors import AuthenticationRefused
from tasks.retry import retrying

from .conftest import PATIENCE, USER, Open, Server, Start, eventually, keygen


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A running ssh-agent without keys; SSH_AUTH_SOCK leads to it."""
    folder = Path(tempfile.mkdtemp(prefix="lvsfleet-"))  # a socket's name has 107 bytes at most
    path = folder / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    try:
        assert eventually(lambda: process.poll() is not None or answers(path))
        assert process.poll() is None, "ssh-agent did not start"
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        yield path
    finally:
        process.terminate()
        process.wait(PATIENCE)
        shutil.rmtree(folder)


def answers(path: Path) -> bool:
    """Whether somebody listens on a socket; its file is there a moment earlier."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def add_to_agent(key: Path) -> None:
    subprocess.run(["ssh-add", "-q", str(key)], check=True)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_every_kind_of_key(sshd: Server, open_shell: Open, tmp_path: Path, kind: str) -> None:
    key = keygen(tmp_path / "key", kind=kind)
    shutil.copy(key.with_suffix(".pub"), sshd.folder / "authorized_keys")
    assert open_shell(sshd, key_files=[str(key)]).run("echo in", deadline=PATIENCE).stdout == "in\n"


def test_the_second_key_is_tried_on_the_same_connection(
    sshd: Server, open_shell: Open, tmp_path: Path
) -> None:
    wrong = keygen(tmp_path / "wrong")
    open_shell(sshd, key_files=[str(wrong), str(sshd.client_key)])
    assert sshd.log().count("Connection from") == 1


def test_a_refused_login_is_one_connection_and_one_attempt_per_key(
    sshd: Server, open_shell: Open, tmp_path: Path
) -> None:
    wrong = keygen(tmp_path / "wrong")
    with pytest.raises(AuthenticationRefused) as caught:
        retrying(lambda: open_shell(sshd, key_files=[str(wrong)]), name="r1")
    assert f"no login as {USER} on 127.0.0.1 port {sshd.port}" in caught.value.message
    assert f"tried {wrong}" in caught.value.message
    assert sshd.log().count("Connection from") == 1
    assert sshd.logged("Failed publickey") == 1


def test_too_many_keys(start_sshd: Start, open_shell: Open, tmp_path: Path) -> None:
    server = start_sshd("MaxAuthTries 2")
    keys = [str(keygen(tmp_path / f"wrong{number}")) for number in range(4)]
    with pytest.raises(AuthenticationRefused, match="Too many authentication failures"):
        open_shell(server, key_files=keys)


def test_a_key_file_that_is_missing_or_no_key(
    sshd: Server, open_shell: Open, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("no key\n")
    with pytest.raises(AuthenticationRefused) as caught:
        open_shell(sshd, key_files=[str(tmp_path / "none"), str(tmp_path / "text")])
    assert f"{tmp_path}/none does not exist" in caught.value.hint
    assert f"{tmp_path}/text is no private key that can be used" in caught.value.hint


def test_an_encrypted_key_is_explained(sshd: Server, open_shell: Open, tmp_path: Path) -> None:
    key = keygen(tmp_path / "locked", "-N", "secret")
    with pytest.raises(AuthenticationRefused, match=f"`ssh-add {key}` first"):
        open_shell(sshd, key_files=[str(key)])


def test_an_encrypted_key_in_the_agent(
    sshd: Server, open_shell: Open, tmp_path: Path, agent: Path
) -> None:
    assert agent.exists()
    add_to_agent(sshd.client_key)
    locked = tmp_path / "locked"
    shutil.copy(sshd.client_key, locked)
    shutil.copy(sshd.client_key.with_suffix(".pub"), tmp_path / "locked.pub")
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", str(locked)], check=True)
    open_shell(sshd, key_files=[str(locked)], agent=True)


def test_agent(sshd: Server, open_shell: Open, agent: Path) -> None:
    assert agent.exists()
    add_to_agent(sshd.client_key)
    open_shell(sshd, key_files=[], agent=None)
    with pytest.raises(AuthenticationRefused, match="there was nothing to try"):
        open_shell(sshd, key_files=[], agent=False)


def test_certificate(start_sshd: Start, open_shell: Open, tmp_path: Path) -> None:
    authority = keygen(tmp_path / "ca")
    server = start_sshd(f"TrustedUserCAKeys {authority}.pub", "AuthorizedKeysFile none")
    key = keygen(tmp_path / "user")
    subprocess.run(
        ["ssh-keygen", "-q", "-s", str(authority), "-I", "me", "-n", USER, f"{key}.pub"],
        check=True,
    )
    open_shell(server, key_files=[str(key)])
    assert server.logged("Accepted publickey") == 1
    elsewhere = tmp_path / "elsewhere.pub"
    (tmp_path / "user-cert.pub").rename(elsewhere)
    bare = tmp_path / "bare"
    shutil.copy(key, bare)
    with pytest.raises(AuthenticationRefused):
        open_shell(server, key_files=[str(bare)])
    open_shell(server, key_files=[str(bare)], certificate_files=[str(elsewhere)])


def test_password_is_tried_once_and_shown_nowhere(
    start_sshd: Start, open_shell: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_sshd("PasswordAuthentication yes", "KbdInteractiveAuthentication no")
    monkeypatch.setenv(passwords.LOGIN_VARIABLE, "hunter2-very-wrong")
    with pytest.raises(AuthenticationRefused) as caught:
        retrying(lambda: open_shell(server, key_files=[]), name="r1")
    assert "tried the password" in caught.value.message
    assert "hunter2" not in str(caught.value)
    assert server.logged("Failed password") == 1


def test_a_server_that_would_take_a_password_says_how_to_give_one(
    start_sshd: Start, open_shell: Open, tmp_path: Path
) -> None:
    server = start_sshd("PasswordAuthentication yes")
    with pytest.raises(AuthenticationRefused, match="--ask-pass or in LVSFLEET_PASSWORD"):
        open_shell(server, key_files=[str(keygen(tmp_path / "wrong"))])
