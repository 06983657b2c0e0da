"""What becomes of packets, by what real routers printed; packets themselves: tests/lab/walk."""

from __future__ import annotations

from ipaddress import ip_address
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.rules import PortRange, Protocol, RouterProtocol
from tasks.walk import Doubt, Filters, Packet, Verdict, verdict
from tasks.walk.answer import STRANGER, Answer, merged, split, within
from tests.unit.tasks.cases import CASES, printed
from tests.unit.tasks.routers import observed

ADDRESSES = "1: lo    inet 127.0.0.1/8\n2: eth0    inet 198.18.0.1/24\n3: eth1    inet6 ::1/64"
VIP = ip_address("198.51.100.1")
LINES = """\
-s 10.0.0.0/8 -j DROP
-s 10.1.0.0/16 -j MARK --set-mark 5
! -s 192.0.2.0/25 -j ACCEPT
-s 192.0.2.7/32 -j A
-s 192.0.2.0/24 -g B
-m mark --mark 5 -j ACCEPT
-m mark --mark 0/0xf0 -j RETURN
-i eth0 -j ACCEPT
! -i eth1 -j A
-p tcp -m multiport --dports 80,8000:9000 -j B
-p tcp -m tcp --dport 443 -j CONNMARK --save-mark
-m connmark ! --mark 0 -j DROP
-m iprange --src-range 192.0.2.1-192.0.2.9 -j REJECT
-m limit --limit 1/sec -j DROP
-m string --string x --algo bm -j ACCEPT
-j CT --notrack
-j RETURN
-m conntrack --ctstate NEW -j A""".splitlines()


def router(**sections: str) -> Filters:
    return Filters.of(observed({"units": "", "addresses": ADDRESSES, **sections}))


def of_case(name: str) -> Filters:
    sections = {}
    for section, end in (("iptables:4", "v4"), ("iptables:6", "v6"), ("nft:ruleset", "nft.json")):
        if (CASES / f"way_in/{name}.{end}").exists():
            sections[section] = printed(f"way_in/{name}.{end}")
    return router(**sections)


def cases() -> list[tuple[str, str, list[str]]]:
    """Each packet of the cases with its router and what becomes of it."""
    found: list[tuple[str, str, list[str]]] = []
    name = ""
    for line in printed("way_in/verdicts.txt").splitlines():
        if line.startswith("=== "):
            name = line[4:]
        elif line.startswith("    "):
            found[-1][2].append(line.strip())
        elif line:
            found.append((name, line, []))
    return found


def packet(words: str) -> Packet:
    """``203.0.113.10 80/tcp from 192.0.2.1 on eth1``; ``224.0.0.18 vrrp``."""
    to, what, *rest = words.split()
    said = dict(zip(rest[::2], rest[1::2], strict=True))
    source = ip_address(said["from"]) if "from" in said else None
    number, slash, name = what.rpartition("/")
    if not slash:
        return Packet(ip_address(to), RouterProtocol(what), None, source, said.get("on"))
    first, _, last = number.partition("-")
    port = PortRange(int(first), int(last)) if last else int(first)
    return Packet(ip_address(to), Protocol(name), port, source, said.get("on"))


def in_words(said: Verdict) -> list[str]:
    fate = {True: "let in", False: "turned away", None: f"undecided: {said.doubt.name.lower()}"}
    words = fate[said.accepted]
    if said.accepted is None and said.strangers is not None:
        words += f"; strangers {fate[said.strangers]}"
    words += f", mark {said.mark}" if said.mark != 0 else ""
    but = [f"but {said.unlike}"] if said.unlike else []
    return [words, str(said), *but]


@pytest.mark.parametrize(("name", "words", "expected"), cases())
def test_what_becomes_of_a_packet(name: str, words: str, expected: list[str]) -> None:
    assert in_words(of_case(name).verdict(packet(words))) == expected


def test_a_range_comes_in_the_parts_that_are_treated_alike() -> None:
    parts = of_case("hand-written").by_ports(packet("192.0.2.11 9000-20001/tcp"))
    assert [(str(part.port), said.accepted, said.mark) for part, said in parts] == [
        ("9000-9999", False, 0),
        ("10000-15000", True, 21),
        ("15001-20000", False, 21),
        ("20001", False, 0),
    ]
    (whole,) = of_case("hardened").by_ports(packet("198.51.100.10 8443/tcp"))
    assert whole[1].doubt is Doubt.UNKNOWN


def test_zones_are_told() -> None:
    zones = of_case("firewalld-zones")
    assert zones.verdict(packet("203.0.113.10 80/tcp on eth0")).zones == ("internal", "drop")
    assert zones.verdict(packet("203.0.113.10 80/tcp from 192.0.2.1 on eth1")).zones == ("public",)


def test_nothing_is_said_of_a_router_that_tells_no_rules() -> None:
    said = verdict(observed({"units": "", "addresses": ADDRESSES}), packet("192.0.2.1 80/tcp"))
    assert (said.accepted, said.doubt) == (None, Doubt.UNKNOWN)


@pytest.mark.parametrize("spans", [[], [(5, 9)], [(0, 2**32 - 1)]])
def test_a_stranger_is_named_by_what_is_for_all(spans: list[tuple[int, int]]) -> None:
    for_all = spans == [(0, 2**32 - 1)]
    assert within(STRANGER, spans) is (Answer.YES if for_all else Answer.NO)
    assert split((STRANGER,), tuple(spans))[not for_all] == (STRANGER,)


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=5).map(
    lambda pairs: merged((first, first + more) for first, more in pairs)
)


@given(SPANS, SPANS)
def test_sets_of_addresses_split(
    values: tuple[tuple[int, int], ...], spans: tuple[tuple[int, int], ...]
) -> None:
    def numbers(of: tuple[tuple[int, int], ...]) -> set[int]:
        return {n for first, last in of for n in range(first, last + 1)}

    inside, outside = split(values, spans)
    assert numbers(inside) == numbers(values) & numbers(spans)
    assert numbers(outside) == numbers(values) - numbers(spans)
    for low, high in values:
        named = numbers(((low, high),)) & numbers(spans)
        whole = len(named) == high - low + 1
        assert within((low, high), spans) is (
            Answer.YES if whole else Answer.SOME if named else Answer.NO
        )


@settings(deadline=None)
@given(st.integers(0, 2**32))
def test_to_know_less_never_contradicts(seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - a test's draw
    names = ("INPUT", "INPUT", "INPUT", "A", "B")
    lines = [f"-A {chance.choice(names)} {chance.choice(LINES)}" for _ in range(9)]
    lines = [
        line for line in lines if not line.startswith(("-A A", "-A B")) or " A" not in line[4:]
    ]
    lines = [line for line in lines if not (line.startswith("-A B") and "-j B" in line)]
    policy = chance.choice(("ACCEPT", "DROP"))
    dump = "\n".join(["*filter", f":INPUT {policy} [0:0]", ":A - [0:0]", ":B - [0:0]", *lines])
    filters = router(**{"iptables:4": f"{dump}\nCOMMIT\n"})
    ports = PortRange(*sorted((chance.randrange(1, 9999), chance.randrange(1, 9999))))
    anyone = filters.verdict(Packet(VIP, Protocol.TCP, ports))
    for source in ("10.1.2.3", "10.2.0.1", "192.0.2.3", "192.0.2.7", "192.0.2.200", "203.0.113.1"):
        for name in ("eth0", "eth1"):
            for port in (ports.first, ports.last, (ports.first + ports.last) // 2):
                one = Packet(VIP, Protocol.TCP, port, ip_address(source), name)
                said = filters.verdict(one)
                if anyone.accepted is not None:
                    assert said.accepted is anyone.accepted
                    assert anyone.mark is None or said.mark == anyone.mark
    assert anyone.accepted is not None or anyone.doubt is not Doubt.NONE
