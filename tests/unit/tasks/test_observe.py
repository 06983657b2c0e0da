"""What a router answers is read as it is, and an answer that was cut off is not taken for one."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.desired import Backend, Desired
from tasks.choose import choose
from tasks.errors import NotReady, NotUnderstood, RouterError
from tasks.observe import (
    Unit,
    parse,
    parse_addresses,
    parse_units,
)
from tasks.sections import Section, files, split
from tasks.shell import Completed
from tests.unit.tasks.cases import printed
from tests.unit.tasks.routers import NONCE, framed, observed

quick = settings(max_examples=60, deadline=None, derandomize=True)

RUNS = Unit(known=True, active=True, enabled=True)


@pytest.mark.parametrize(
    ("router", "running"),
    [
        ("firewalld", {"firewalld", "keepalived"}),
        ("debian", {"netfilter-persistent", "keepalived"}),
        ("debian-without-alias", {"netfilter-persistent", "keepalived"}),
        ("red-hat", {"iptables", "ip6tables", "keepalived"}),
    ],
)
def test_what_runs_is_known_from_systemctl_show(router: str, running: set[str]) -> None:
    units = parse_units(printed(f"observe/units-{router}"))
    assert {name for name, unit in units.items() if unit.active} == running


def test_a_masked_unit_is_as_good_as_none() -> None:
    assert parse_units(printed("observe/units-debian"))["nftables"] == Unit()


@pytest.mark.parametrize(
    ("state", "unit"),
    [
        ("ActiveState=active\nUnitFileState=enabled", RUNS),
        ("ActiveState=reloading\nUnitFileState=enabled", RUNS),
        ("ActiveState=active\nUnitFileState=enabled-runtime", Unit(known=True, active=True)),
        ("ActiveState=failed\nUnitFileState=disabled", Unit(known=True)),
        ("ActiveState=activating\nUnitFileState=", Unit(known=True)),
    ],
)
def test_enabled_is_what_outlasts_a_reboot(state: str, unit: Unit) -> None:
    assert parse_units(f"Id=firewalld.service\nLoadState=loaded\n{state}")["firewalld"] == unit


@pytest.mark.parametrize(
    ("router", "backend"),
    [
        ("firewalld", Backend.FIREWALLD),
        ("debian", Backend.IPTABLES),
        ("debian-without-alias", Backend.IPTABLES),
        ("red-hat", Backend.IPTABLES),
    ],
)
def test_auto_is_what_the_router_runs(router: str, backend: Backend) -> None:
    seen = observed({"units": printed(f"observe/units-{router}")})
    assert choose(Desired("r1"), seen).backend is backend


def test_auto_needs_something_that_runs() -> None:
    seen = observed({"units": "Id=firewalld.service\nLoadState=loaded\nActiveState=inactive"})
    with pytest.raises(NotReady):
        choose(Desired("r1"), seen)


def test_every_address_is_seen_whatever_its_interface_is_called() -> None:
    found = parse_addresses(printed("observe/addresses"))
    for text in ("198.51.100.10", "2001:db8:2::10", "10.9.0.1", "2001:db8::9", "192.0.2.77"):
        assert ip_address(text) in found
    assert len(found) == len(printed("observe/addresses").splitlines())


def test_an_address_that_is_none_is_not_passed_over() -> None:
    with pytest.raises(NotUnderstood, match=r"192\.0\.2\.300"):
        parse_addresses("2: eth0    inet 192.0.2.300/24 scope global eth0")


texts = st.text(st.characters(codec="utf-8") | st.sampled_from("\n\r\x0c\x85\udcff@<> "))
names = st.from_regex(r"[a-z][a-z0-9:/._-]{0,12}", fullmatch=True)


@quick
@given(st.dictionaries(names, st.tuples(texts, st.integers(0, 255)), max_size=5), texts)
def test_sections_come_back_to_the_byte(wanted: dict[str, tuple[str, int]], banner: str) -> None:
    answer = banner + "".join(framed(name, *each) for name, each in wanted.items())
    assert split(answer, NONCE) == {name: Section(*each) for name, each in wanted.items()}


@quick
@given(
    st.lists(st.tuples(names, texts), min_size=1, max_size=4, unique_by=lambda x: x[0]), st.data()
)
def test_an_answer_that_was_cut_off_is_never_taken_for_whole(
    wanted: list[tuple[str, str]], data: st.DataObject
) -> None:
    whole = "".join(framed(name, text) for name, text in wanted)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        came = split(cut, NONCE)
    except NotUnderstood:
        return
    assert list(came.items()) == [(n, Section(t, 0)) for n, t in wanted[: len(came)]]
    assert len(came) == cut.count(f"@@{NONCE}< ")


def test_a_frame_with_another_nonce_is_text() -> None:
    text = framed("inner", "x").replace(NONCE, "f" * 16)
    assert split(framed("outer", text), NONCE) == {"outer": Section(text, 0)}


def test_files_are_framed_for_the_router_to_cut() -> None:
    assert files("n", {"do/v4": "a\nb\n", "empty": ""}) == "@@n do/v4\na\nb\n@@n empty\n@@n end\n"


@quick
@given(st.text())
def test_no_observation_is_not_taken_for_one(noise: str) -> None:
    with pytest.raises(RouterError):
        parse(Completed(127, noise, "sh: not found"), NONCE)
