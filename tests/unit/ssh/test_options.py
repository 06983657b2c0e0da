"""What an inventory may say about connections, and how it is told that it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from inventory.errors import LvsfleetError
from inventory.schema_extras import EXTRAS
from tasks.connect.options import NAMES, SUDO, Options, parse_options


def test_nothing_said() -> None:
    assert parse_options(None, host="r1") == parse_options({}, host="r1") == Options()


def test_everything_said() -> None:
    extras = {
        "key_files": ["~/k1", "/k2"],
        "certificate_files": "/c.pub",
        "known_hosts_files": ["/kh"],
        "agent": False,
        "ssh_config_file": "/config",
        "proxy_jump": "a@b:2222, c",
        "connect_timeout": 3,
        "sudo": "always",
    }
    assert set(extras) == set(NAMES)
    assert parse_options(extras, host="r1") == Options(
        key_files=(Path.home() / "k1", Path("/k2")),
        certificate_files=(Path("/c.pub"),),
        known_hosts_files=(Path("/kh"),),
        agent=False,
        ssh_config_file=Path("/config"),
        proxy_jump=("a@b:2222", "c"),
        connect_timeout=3.0,
        sudo="always",
    )


@pytest.mark.parametrize(
    ("given", "meant"), [(None, None), ("none", ()), (False, ()), (["a", "b"], ("a", "b"))]
)
def test_jump_hosts(given: Any, meant: Any) -> None:
    assert parse_options({"proxy_jump": given}, host="r1").proxy_jump == meant


def test_no_ssh_config() -> None:
    assert parse_options({"ssh_config_file": False}, host="r1").ssh_config_file is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("key_file", "x", "key_file: there is no such option"),
        ("key_files", 3, "key_files: 3 is not a path or a list of paths"),
        ("key_files", [""], "key_files: [''] is not a path or a list of paths"),
        ("known_hosts_files", {"a": 1}, "known_hosts_files: {'a': 1} is not a path"),
        ("agent", "yes", "agent: 'yes' is not true or false"),
        ("ssh_config_file", 0, "ssh_config_file: 0 is not a path, or false for none"),
        ("proxy_jump", "a,,b", "proxy_jump: 'a,,b' is not \"[user@]host[:port]\""),
        ("proxy_jump", 22, "proxy_jump: 22 is not"),
        ("connect_timeout", 0, "connect_timeout: 0 is not a number of seconds above 0"),
        ("connect_timeout", "5", "connect_timeout: '5' is not a number of seconds"),
        ("connect_timeout", True, "connect_timeout: True is not a number of seconds"),
        ("connect_timeout", float("nan"), "connect_timeout: nan is not a number"),
        ("sudo", True, "sudo: True is not one of auto, always, never"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: Any, message: str) -> None:
    with pytest.raises(LvsfleetError) as caught:
        parse_options({name: value}, host="ams1")
    assert caught.value.message.startswith("ams1: connection_options.lvsfleet.extras: ")
    assert message in caught.value.message
    assert "key_files, certificate_files" in caught.value.hint


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(LvsfleetError) as caught:
        parse_options({"sudo": 1, "agent": 2, "x": 3}, host="r1")
    assert all(name in caught.value.message for name in ("sudo: 1", "agent: 2", "x: there"))


VALUES: list[object] = [
    None,
    True,
    False,
    "",
    "x",
    "a,b",
    "none",
    0,
    -1,
    0.5,
    3,
    [],
    ["x"],
    ["x", "y"],
    [""],
    [1],
    {},
]


def test_the_schema_knows_the_same_options() -> None:
    assert tuple(EXTRAS["properties"]) == NAMES
    assert tuple(EXTRAS["properties"]["sudo"]["enum"]) == SUDO


@pytest.mark.parametrize("name", [*NAMES, "sudoo"])
@pytest.mark.parametrize("value", [*VALUES, *SUDO], ids=repr)
def test_the_schema_takes_what_is_taken(name: str, value: object) -> None:
    fits = jsonschema.Draft7Validator(EXTRAS).is_valid({name: value})
    try:
        parse_options({name: value}, host="r1")
    except LvsfleetError:
        assert not fits
    else:
        assert fits
