"""The IPVS table of a real kernel, as a value."""

from __future__ import annotations

from tasks.ipvs import IpvsService, parse_table
from tests.unit.tasks.cases import printed

TABLE = {(each.mark, each.version): each for each in parse_table(printed("ipvs/save"))}


def told(service: IpvsService) -> list[str]:
    """Its real servers, as a person would write them down."""
    return [f"{each.address} {each.port} {each.method}" for each in service.real_servers]


def test_every_service_by_mark_is_there_once_for_its_family() -> None:
    assert TABLE.keys() == {
        *((mark, 4) for mark in (21, 53, 80, 100, 200, 4294967295)),
        *((mark, 6) for mark in (53, 80, 100)),
    }


def test_how_they_are_scheduled() -> None:
    assert {key: (each.scheduler, each.persistence) for key, each in TABLE.items()} == {
        (21, 4): ("wlc", 300),
        (53, 4): ("sh", 60),
        (53, 6): ("sh", 60),
        (80, 4): ("rr", 300),
        (80, 6): ("rr", 300),
        (100, 4): ("rr", 30),
        (100, 6): ("rr", 30),
        (200, 4): ("mh", None),
        (4294967295, 4): ("wrr", None),
    }


def test_where_they_send_to() -> None:
    assert told(TABLE[80, 4]) == ["10.0.0.1 0 NAT", "10.0.0.2 0 NAT"]
    assert told(TABLE[80, 6]) == ["fd00::1 0 NAT", "fd00::2 0 NAT"]
    assert told(TABLE[21, 4]) == ["10.0.0.1 0 DR"]
    assert told(TABLE[53, 6]) == ["fd00::3 0 TUN"]
    assert told(TABLE[100, 4]) == ["10.9.0.1 0 NAT", "10.9.0.2 8080 TUN", "10.9.0.3 0 TUN"]
    assert told(TABLE[100, 6]) == ["2001:db8:9::1 443 DR"]
    assert told(TABLE[200, 4]) == []


def test_the_list_and_the_kernel_have_as_many() -> None:
    lines = printed("ipvs/list").splitlines()
    assert sum(line.startswith("FWM") for line in lines) == len(TABLE)
    proc = [line.split()[:2] for line in printed("ipvs/proc").splitlines()]
    marks = [int(words[1], 16) for words in proc if words[0] == "FWM"]
    assert sorted(marks) == sorted(mark for mark, _ in TABLE)
