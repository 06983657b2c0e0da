"""Where a connection goes: the inventory before ssh_config before OpenSSH's defaults."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from inventory.errors import LvsfleetError
from tasks.connect.options import Options
from tasks.connect.target import Hop, parse_hop, resolve


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config"


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/agent")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    name = pwd.getpwuid(os.getuid()).pw_name
    end = resolve("R1.example", options=Options(ssh_config_file=None))
    assert (end.address, end.port, end.user) == ("R1.example", 22, name)
    assert end.key_name == "r1.example"
    assert [path.name for path in end.key_files] == ["id_ed25519", "id_ecdsa", "id_rsa"]
    assert not end.keys_are_explicit
    assert Path("/etc/ssh/ssh_known_hosts") in end.known_hosts_files
    assert end.agent == "/agent"
    assert end.timeout == 15
    assert end.jumps == ()


def test_a_user_without_a_name_is_asked_for_one(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(number: int) -> None:
        raise KeyError(number)

    config.write_text("Match user ops\n Port 2222\nMatch localuser x\n Port 22\n")
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(LvsfleetError, match="has no name to log in with"):
        resolve("r1", options=Options(ssh_config_file=None))
    assert resolve("r1", user="ops", options=Options(ssh_config_file=None)).user == "ops"
    with pytest.raises(LvsfleetError, match="has no name to log in with"):
        resolve("r1", user="ops", options=Options(ssh_config_file=config))


def test_ssh_config_where_the_inventory_is_silent(config: Path) -> None:
    config.write_text(
        "Host r1\n HostName %h.example\n Port 2222\n User ops\n IdentityFile /k-%h-%r\n"
        " IdentitiesOnly yes\n CertificateFile /c\n UserKnownHostsFile /kh-%n\n"
        " GlobalKnownHostsFile none\n ConnectTimeout 4\n IdentityAgent none\n"
    )
    end = resolve("r1", options=Options(ssh_config_file=config))
    assert (end.address, end.port, end.user) == ("r1.example", 2222, "ops")
    assert end.key_name == "[r1.example]:2222"
    assert end.key_files == (Path("/k-r1.example-ops"),)
    assert end.keys_are_explicit
    assert end.agent_only_named
    assert end.certificate_files == (Path("/c"),)
    assert end.known_hosts_files == (Path("/kh-r1"),)
    assert end.timeout == 4
    assert end.agent is None


def test_the_inventory_first(config: Path) -> None:
    config.write_text("Port 2222\nUser ops\nIdentityFile /k\nProxyJump b\nHostKeyAlias al\n")
    options = Options(ssh_config_file=config, key_files=(Path("/mine"),), proxy_jump=())
    end = resolve("r1", port=22, user="root", options=options)
    assert (end.port, end.user, end.key_files, end.jumps) == (22, "root", (Path("/mine"),), ())
    assert end.key_name == "al"


def test_a_chain_by_ssh_config(config: Path) -> None:
    config.write_text(
        "Host r*\n ProxyJump ops@[2001:db8::1]:2201,inner\n"
        "Host inner\n HostName 192.0.2.7\n User in\n ProxyJump ignored\n"
        "Host 2001:db8::1\n ProxyJump outer\n"
        "Host outer\n User out\n"
    )
    end = resolve("r1", user="root", options=Options(ssh_config_file=config))
    assert [(j.user, j.address, j.port) for j in end.jumps] == [
        ("out", "outer", 22),
        ("ops", "2001:db8::1", 2201),
        ("in", "192.0.2.7", 22),
    ]


def test_the_inventory_s_jump_host_does_not_jump_over_itself(config: Path) -> None:
    config.write_text("")
    end = resolve("r1", options=Options(ssh_config_file=config, proxy_jump=("bastion",)))
    assert [jump.name for jump in end.jumps] == ["bastion"]


def test_a_circle(config: Path) -> None:
    config.write_text("Host *\n ProxyJump bastion\n")
    with pytest.raises(LvsfleetError, match="in a circle"):
        resolve("r1", options=Options(ssh_config_file=config))


def test_the_first_of_jump_and_command_counts(config: Path) -> None:
    config.write_text("Host a\n ProxyCommand nc %h %p\n ProxyJump b\n")
    end = resolve("a", options=Options(ssh_config_file=config))
    assert (end.proxy_command, end.jumps) == ("nc a 22", ())


@pytest.mark.parametrize(
    ("text", "hop"),
    [
        ("b", Hop("b")),
        ("u@b", Hop("b", "u")),
        ("u@b:7", Hop("b", "u", 7)),
        ("[::1]:7", Hop("::1", None, 7)),
        ("ssh://u@b:7/", Hop("b", "u", 7)),
        ("a@b@c", None),
        ("b:70000", None),
        ("b:0", None),
        ("b c", None),
        ("", None),
    ],
)
def test_hops(text: str, hop: Hop | None) -> None:
    if hop is not None:
        assert parse_hop(text) == hop
        return
    with pytest.raises(LvsfleetError, match="is not understood"):
        parse_hop(text)


@pytest.mark.parametrize("port", ["x", "0", "65536"])
def test_a_port_that_is_none(config: Path, port: str) -> None:
    config.write_text(f"Port {port}\n")
    with pytest.raises(LvsfleetError, match="is not a port"):
        resolve("r1", options=Options(ssh_config_file=config))
