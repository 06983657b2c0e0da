"""What is told of a VIP's change: whose the rules were that go, and what is left as it is."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from inventory.desired import Backend, Desired, Service
from tasks.backends.protocol import Change
from tasks.errors import NotEditable
from tasks.outcome import Edit, Op, Where
from tasks.vip import Move, _labelled, take_up, told_besides
from tests.unit.tasks.routers import observed

OLD, NEW = ip_address("203.0.113.1"), ip_address("203.0.113.20")
MAIN = "/etc/keepalived/keepalived.conf"


def desired(*vips: str) -> Desired:
    return Desired("ams1", services=(Service("web", tuple(map(ip_address, vips)), (), 80),))


MOVE = Move.of(desired("203.0.113.1"), desired("203.0.113.20"), "web", NEW, OLD)


@pytest.mark.parametrize(
    ("rule", "service"),
    [
        ('rule destination address="203.0.113.1/32" mark set=80', "web"),
        ("-A LVSFLEET-MARK -d 203.0.113.1/32 -p tcp -j MARK", "web"),
        ("203.0.113.1 . tcp . 80 : 0x50", "web"),
        ("-A LVSFLEET-MARK -d 203.0.113.11/32 -p tcp -j MARK", None),
        ("-A LVSFLEET-MARK -d 203.0.113.10/32 -p tcp -j MARK", None),
        ("-A PREROUTING -j LVSFLEET-MARK", None),
    ],
)
def test_rules_that_go_are_those_of_the_service_that_had_the_vip(
    rule: str, service: str | None
) -> None:
    goes, comes = Edit(Op.REMOVE, Where.RUNTIME, rule), Edit(Op.ADD, Where.RUNTIME, rule)
    labelled = _labelled(MOVE, Change(Backend.IPTABLES, (goes, comes)))
    assert [each.service for each in labelled.edits] == [service, None]


def test_a_new_vip_stands_beside_another_one_of_the_service() -> None:
    both = desired("203.0.113.1", "2001:db8::1", "203.0.113.20")
    # Also where the inventory has it already.
    assert Move.of(both, both, "web", NEW, None).like == OLD
    assert Move.of(both, both, "web", ip_address("2001:db8::2"), None).like == ip_address(
        "2001:db8::1"
    )


def test_the_first_vip_of_a_family_is_not_written_by_guessing() -> None:
    first = ip_address("2001:db8::2")
    before, after = desired("203.0.113.1"), desired("203.0.113.1", "2001:db8::2")
    text = "vrrp_instance v {\n  virtual_ipaddress {\n    203.0.113.1/24\n  }\n}\n"
    seen = observed({"units": "", "keepalived:main": MAIN, f"keepalived:file:{MAIN}": text})
    with pytest.raises(NotEditable, match="web has no other IPv6 VIP"):
        take_up(Move.of(before, after, "web", first, None), seen)


def test_other_lines_of_keepalived_that_name_the_old_vip_are_told() -> None:
    text = (
        "vrrp_instance A {\n virtual_ipaddress {\n  203.0.113.1/24\n }\n}\n"
        "virtual_server 203.0.113.1 80 {\n}\n"
    )
    seen = observed({"units": "", "keepalived:main": MAIN, f"keepalived:file:{MAIN}": text})
    (told,) = told_besides(MOVE, MOVE.before, seen, Change(Backend.IPTABLES))
    assert told.id == "LVS072"
    assert f"{MAIN}:6: virtual_server 203.0.113.1 80" in told.message
    calm = observed(
        {
            "units": "",
            "keepalived:main": MAIN,
            f"keepalived:file:{MAIN}": text.partition("virtual_s")[0],
        }
    )
    assert list(told_besides(MOVE, MOVE.before, calm, Change(Backend.IPTABLES))) == []
