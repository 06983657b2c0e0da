"""Who goes with an address that goes."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tasks.errors import NotReady
from tasks.primary import refuse_to_lose
from tests.unit.tasks.routers import observed

OWN = "3: eth1    inet 192.0.2.101/24 brd 192.0.2.255 scope global eth1\\       valid_lft forever\n"
ELSEWHERE = "3: eth1    inet 10.0.0.1/24 scope global eth1\\       valid_lft forever\n"
FIRST = "3: eth1    inet 192.0.2.10/24 scope global eth1\\       valid_lft forever\n"
SECOND = "3: eth1    inet 192.0.2.11/24 scope global secondary eth1\\       valid_lft forever\n"
BEHIND = FIRST.replace("global", "global secondary")
ALONE = FIRST.replace("/24", "/32")
OTHER_LINK = SECOND.replace("eth1", "eth2")
OTHER_LENGTH = SECOND.replace("/24", "/25")
SIX = "3: eth1    inet6 2001:db8::10/64 scope global nodad \\       valid_lft forever\n"
OFF = {"all": "0", "eth1": "0", "eth2": "0"}


def refuse(addresses: str, settings: dict[str, str], going: str, coming: str | None) -> None:
    lines = [f"net/ipv4/conf/{name}/promote_secondaries {on}\n" for name, on in settings.items()]
    answer = observed({"units": "", "addresses": addresses, "kernel": "".join(lines)})
    refuse_to_lose(answer, ip_address(going), ip_address(coming) if coming else None)


@pytest.mark.parametrize(
    ("addresses", "coming", "lost"),
    [
        (ELSEWHERE + FIRST + SECOND, None, "192.0.2.11"),
        (ELSEWHERE + FIRST + SECOND, "192.0.2.20", "192.0.2.11 and 192.0.2.20"),
        (ELSEWHERE + FIRST, "192.0.2.20", "192.0.2.20"),
    ],
)
def test_what_would_go_with_it_is_named(addresses: str, coming: str | None, lost: str) -> None:
    with pytest.raises(NotReady) as error:
        refuse(addresses, OFF, "192.0.2.10", coming)
    assert f"on eth1: {lost} would go with it" in error.value.message
    assert "sysctl -w net.ipv4.conf.eth1.promote_secondaries=1" in error.value.hint


@pytest.mark.parametrize(
    ("addresses", "settings", "going", "coming"),
    [
        (OWN + BEHIND + SECOND, OFF, "192.0.2.10", "192.0.2.20"),
        (ELSEWHERE + FIRST + SECOND, OFF, "192.0.2.11", "192.0.2.20"),
        (ELSEWHERE + FIRST + SECOND, OFF | {"eth1": "1"}, "192.0.2.10", "192.0.2.20"),
        (ELSEWHERE + FIRST + SECOND, OFF | {"all": "1"}, "192.0.2.10", "192.0.2.20"),
        (ELSEWHERE + FIRST, OFF, "192.0.2.10", "198.51.100.20"),
        (ELSEWHERE + FIRST + OTHER_LINK + OTHER_LENGTH, OFF, "192.0.2.10", None),
        (ELSEWHERE + ALONE + SECOND, OFF, "192.0.2.10", "192.0.2.20"),
        (SIX, OFF, "2001:db8::10", "2001:db8::20"),
        (ELSEWHERE, OFF, "192.0.2.10", "192.0.2.20"),
    ],
)
def test_an_address_that_goes_alone_may_go(
    addresses: str, settings: dict[str, str], going: str, coming: str | None
) -> None:
    refuse(addresses, settings, going, coming)
