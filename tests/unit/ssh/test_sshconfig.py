"""ssh_config as OpenSSH reads it; where OpenSSH is installed it is asked too."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from inventory.errors import LvsfleetError
from tasks.connect.sshconfig import expand, lookup

CONFIG = """
# the first value wins
Host ams* !ams9
    User ops
    Port=2222
    IdentityFile ~/.ssh/a
Host "ams1" fra1
    HostName 192.0.2.1   # the address
    User late
    IdentityFile "/k e y"
Match originalhost ams2 user ops
    HostKeyAlias two
Match host 192.0.2.1
    ProxyJump bastion
Match !host *.1 originalhost ams*
    ConnectTimeout 7
Host *
    UserKnownHostsFile /one /two
    ProxyJump none
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config"
    path.write_text(CONFIG)
    return path


def one(path: Path, host: str, keyword: str) -> str | None:
    return lookup(path, host).get(keyword, (None,))[0]


def test_first_value_wins_and_identity_files_add_up(config: Path) -> None:
    found = lookup(config, "ams1")
    assert found["user"] == ("ops",)
    assert found["port"] == ("2222",)
    assert found["hostname"] == ("192.0.2.1",)
    assert found["identityfile"] == ("~/.ssh/a", "/k e y")
    assert found["userknownhostsfile"] == ("/one", "/two")


def test_negated_patterns(config: Path) -> None:
    assert one(config, "ams9", "user") is None
    assert one(config, "ams8", "user") == "ops"


def test_match(config: Path) -> None:
    assert one(config, "ams2", "hostkeyalias") == "two"
    assert one(config, "ams3", "hostkeyalias") is None
    assert one(config, "ams1", "proxyjump") == "bastion"
    assert one(config, "ams2", "proxyjump") == "none"
    assert one(config, "ams2", "connecttimeout") == "7"
    assert one(config, "ams1", "connecttimeout") is None


@pytest.mark.parametrize("host", ["ams1", "ams2", "ams9", "fra1", "other"])
@pytest.mark.parametrize("keyword", ["user", "hostname", "port", "hostkeyalias", "connecttimeout"])
def test_openssh_agrees(config: Path, host: str, keyword: str) -> None:
    argv = ["ssh", "-G", "-F", str(config), host]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    theirs = dict(line.split(" ", 1) for line in said.splitlines())
    ours = one(config, host, keyword)
    if ours is not None:
        assert theirs[keyword] == ours
    else:
        unset = {"connecttimeout": "none", "port": "22", "hostname": host}
        assert keyword == "user" or theirs.get(keyword) == unset.get(keyword)


def test_match_exec_runs_nothing_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "config"
    path.write_text(f'Match exec "touch {tmp_path}/ran"\n  User x\n')
    assert lookup(path, "a") == {}
    assert not (tmp_path / "ran").exists()
    assert f"{path}:1: Match exec is not supported" in caplog.text


def test_include(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "1.conf").write_text("Host a\n  User a-user\n")
    (tmp_path / "d" / "2.conf").write_text("Host b\n  User b-user\nHost *\n  Port 3\n")
    path = tmp_path / "config"
    path.write_text(f"Include {tmp_path}/d/*.conf {tmp_path}/none\nUser everybody\n")
    assert one(path, "a", "user") == "a-user"
    assert one(path, "b", "user") == "b-user"
    # What follows an Include does not belong to the last Host of the included file.
    assert one(path, "c", "user") == "everybody"
    assert one(path, "c", "port") == "3"


def test_include_under_a_host_holds_for_that_host_only(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("User more\nHost *\n  Port 4\n")
    path = tmp_path / "config"
    path.write_text(f"Host a\n  Include {tmp_path}/more\n  HostKeyAlias after\nHost *\n")
    assert lookup(path, "a") == {"user": ("more",), "port": ("4",), "hostkeyalias": ("after",)}
    assert lookup(path, "b") == {}


def test_include_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(f"Include {path}\n")
    with pytest.raises(LvsfleetError, match="nested too deeply"):
        lookup(path, "a")


def test_a_line_without_a_value(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("Host a\n  User\n")
    with pytest.raises(LvsfleetError, match=r"config:2: 'User' has no value"):
        lookup(path, "a")


def test_no_file(tmp_path: Path) -> None:
    assert lookup(tmp_path / "none", "a") == lookup(None, "a") == {}


def test_tokens() -> None:
    text = expand("%r@%h:%p %n %% %z", host="h", port=5, user="u", original="o")
    assert text == "u@h:5 o % %z"
    assert expand("~/x", host="", port=0, user="", original="") == str(Path.home() / "x")
