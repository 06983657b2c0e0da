"""D-Bus answers, in both ways in which busctl prints them."""

from __future__ import annotations

import contextlib
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.bus import bus_strings, bus_value, is_bus
from tasks.errors import NotUnderstood
from tests.unit.tasks.cases import printed

quick = settings(max_examples=60, deadline=None, derandomize=True)


@pytest.mark.parametrize("text", ["busctl-rich-rules", "busctl-rich-rules-text"])
def test_the_bus_gives_the_same_rules_as_firewall_cmd(text: str) -> None:
    told = bus_strings(printed(f"observe/{text}"))
    assert sorted(told) == sorted(printed("observe/firewall-cmd-rich-rules").splitlines())


def test_the_settings_of_a_policy() -> None:
    told = bus_value(printed("observe/busctl-policy"))
    assert isinstance(told, dict)
    assert (told["priority"], told["masquerade"]) == (-15000, False)
    assert (told["ingress_zones"], told["egress_zones"]) == (["ANY"], ["HOST"])
    assert told["rich_rules"][-1] == 'rule protocol value="vrrp" accept'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('s "public"\n', "public"),
        ("a{sa{sas}} 0\n", {}),
        ('a{sa{sas}} 1 "a b" 2 "interfaces" 2 "eth0" "eth1" "sources" 0\n', None),
        (r'as 2 "\303\251\"\\\n" ""', ['é"\\\n', ""]),
        ('(sba(ss)) "x" true 1 "1" "tcp"', ["x", True, [["1", "tcp"]]]),
        ('{"type":"a{sv}","data":[{"priority":{"type":"i","data":-1}}]}', {"priority": -1}),
    ],
)
def test_values_of_every_kind(text: str, value: object) -> None:
    wanted = {"a b": {"interfaces": ["eth0", "eth1"], "sources": []}} if value is None else value
    assert bus_value(text) == wanted


def c_escaped(text: str) -> str:
    """As systemd's cescape() writes a string."""
    return "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in "\"\\'" else f"\\{byte:03o}"
        for byte in text.encode()
    )


@quick
@given(st.lists(st.text()))
def test_any_strings_come_back_from_either_format(strings: list[str]) -> None:
    printed_ = "".join([f"as {len(strings)}", *(f' "{c_escaped(each)}"' for each in strings), "\n"])
    spoken = json.dumps({"type": "as", "data": [strings]})
    assert bus_strings(printed_) == bus_strings(spoken) == strings
    assert is_bus(printed_)
    assert is_bus(spoken)


@pytest.mark.parametrize(
    "text",
    ["", "as", "as x", 'as 2 "one"', "{", "[]", '{"type":"s","data":["public"]}', '{"data":null}',
     "b true", "as 1", "v " * 40, "a" * 40 + "s " + "1 " * 40, '{"data":' + "[" * 9999, "a{ 1"],
    ids=itertools.count(),
)  # fmt: skip
def test_an_answer_of_another_kind_is_said_to_be_one(text: str) -> None:
    with pytest.raises(NotUnderstood):
        bus_strings(text)


@quick
@given(st.data())
def test_no_answer_that_was_cut_or_mixed_up_does_harm(data: st.DataObject) -> None:
    whole = printed("observe/busctl-policy")
    first, second = (data.draw(st.integers(0, len(whole))) for _ in range(2))
    with contextlib.suppress(NotUnderstood):
        bus_value(whole[:first] + whole[second:])


@pytest.mark.parametrize("text", ["rule protocol", "vrrp as", "", "allow-host-ipv6 (active)\n"])
def test_what_firewall_cmd_prints_is_none(text: str) -> None:
    assert not is_bus(text)
