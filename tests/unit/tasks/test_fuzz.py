"""No answer of a router is too odd to read: what real ones printed, spoilt, and all that reads it.

What makes no sense is said to make none, by a `RouterError`. What is not understood is somebody
else's: it is kept, in its own words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.desired import Backend, Desired, Foreign, Service, ServicePorts, Vrrp
from inventory.rules import PortRange, Protocol, Ruleset
from tasks.adopt.today import today
from tasks.backends.chains import ACCEPTS, MARKS, read
from tasks.backends.firewalld_place import Place, groups, running, saved
from tasks.backends.iptables_file import edit
from tasks.backends.iptables_save import Table, lines_of, parse_dump, parse_rule
from tasks.backends.nft_json import chains_of_others, parse_own
from tasks.backends.nft_table import parse_text
from tasks.bus import bus_strings, bus_value, is_bus
from tasks.checks.every import findings_of, subject_of
from tasks.errors import RouterError
from tasks.inspection import of_observed
from tasks.ipvs import parse_table
from tasks.observe import Observed, parse_addresses, parse_units
from tasks.outcome import Op
from tasks.plan import plan
from tasks.sections import Section
from tasks.standing import parse_instances
from tasks.walk import Filters, Packet
from tests.unit.tasks.cases import printed
from tests.unit.tasks.mutated import Edit, spoil, spoilings
from tests.unit.tasks.routers import observed

quick = settings(max_examples=150, deadline=None, derandomize=True)

IPVSADM = printed("checks/balancing.txt").split("--- ipvs\n", 1)[1].split("\n---", 1)[0]
INSTANCES = '[{"data": {"iname": "fra", "state": 2, "adver_int": 1.0, "master_adver_int": 0.5}}]\n'
ACTIVE = "public (default)\n  interfaces: eth0 eth1\ninternal\n  sources: 192.0.2.0/24 ipset:a\n"
ACTIVE_ON_BUS = 'a{sa{sas}} 2 "public" 1 "interfaces" 1 "eth0" "dmz" 1 "sources" 1 "10.0.0.0/8"\n'
OWN_FILE = """\
table inet lvsfleet
delete table inet lvsfleet
"""

PARSERS: Mapping[str, tuple[Callable[[str], object], tuple[str, ...]]] = {
    "iptables-save": (
        lambda text: [parse_rule(x) for t in parse_dump(text).values() for x in t.rules],
        tuple(
            map(printed, ("iptables/hand-typed.v4", "iptables/hand-typed-legacy-counters.v4",
                          "iptables/hand-typed.v6", "way_in/hardened.v4")),
        ),
    ),
    "nft's listing of our table": (parse_own, (printed("nftables/frame.json"),)),
    "nft's listing of others": (
        chains_of_others,
        (printed("nftables/lab.json"), printed("nftables/by-hand.json")),
    ),
    "our nft file": (parse_text, (OWN_FILE + printed("nftables/by-hand.nft"),)),
    "D-Bus": (
        lambda text: (bus_value(text), bus_strings(text)),
        (printed("observe/busctl-rich-rules-text"), printed("observe/busctl-rich-rules"),
         printed("observe/busctl-policy")),
    ),
    "active zones": (lambda text: groups(Section(text, 0)), (ACTIVE, ACTIVE_ON_BUS)),
    "ip addr": (parse_addresses, (printed("observe/addresses"),)),
    "systemctl show": (parse_units, (printed("observe/units-debian"),)),
    "ipvsadm": (parse_table, (IPVSADM,)),
    "keepalived's state": (parse_instances, (INSTANCES,)),
}  # fmt: skip


@pytest.mark.parametrize("parser", PARSERS)
def test_there_is_something_to_spoil(parser: str) -> None:
    parse, texts = PARSERS[parser]
    for text in texts:
        with suppress(RouterError):
            assert parse(text)


@pytest.mark.parametrize("parser", PARSERS)
@quick
@given(st.data(), spoilings)
def test_no_answer_makes_a_parser_fail(parser: str, data: st.DataObject, edits: list[Edit]) -> None:
    parse, texts = PARSERS[parser]
    with suppress(RouterError):
        parse(spoil(data.draw(st.sampled_from(texts)), edits))


def test_a_line_of_ipvsadm_may_be_blank() -> None:
    """It was taken for a line with an option too many, and stopped the whole check."""
    assert parse_table(f"\n{IPVSADM}\n \f\n") == parse_table(IPVSADM) != ()


DUMPS = [printed(f"iptables/hand-typed.{end}") for end in ("v4", "v6")]
DUMPS += [printed(f"way_in/{name}") for name in ("hardened.v4", "red-hat.v4", "debian.v6")]


@quick
@given(st.sampled_from(DUMPS), spoilings)
def test_every_rule_of_a_dump_is_kept_in_its_own_words(dump: str, edits: list[Edit]) -> None:
    text = spoil(dump, edits)
    wanted: dict[str, list[str]] = {}
    table: list[str] = []
    for line in (each.strip() for each in text.split("\n")):
        if line.startswith("*"):
            table = wanted[line[1:].strip()] = []
        elif line.split()[:1] in (["-A"], ["--append"]) and len(line.split()) > 1:
            table.append(line)
    assert {name: list(each.rules) for name, each in parse_dump(text).items()} == wanted


WEB = "-A X -d 198.51.100.10/32 -p tcp -m tcp --dport 80 -j"


@quick
@given(st.sampled_from(DUMPS), spoilings)
def test_a_file_that_is_edited_keeps_every_line_of_others(dump: str, edits: list[Edit]) -> None:
    text = before = spoil(dump, edits)
    for place, target in ((MARKS, "MARK --set-mark 80"), (ACCEPTS, "ACCEPT")):
        rules = parse_rule(f"{WEB} {target}")
        assert rules
        now = read(place, parse_dump(text).get(place.table, Table()))
        text = edit(text, place, now.with_rules(place, rules))
    assert not missing(before, text)
    for place in (MARKS, ACCEPTS):
        now = read(place, parse_dump(text).get(place.table, Table()))
        text = edit(text, place, now.with_rules(place, Ruleset()))
    assert not missing(before, text)
    if "LVSFLEET" not in before and could_be_loaded(before):
        assert text.startswith(before)


def could_be_loaded(text: str) -> bool:
    """Whether each table is committed before another begins; else iptables-restore refuses it."""
    bare = [line.strip() for line in lines_of(text)]
    marks = [line[:1] for line in bare if line.startswith("*") or line == "COMMIT"]
    return "".join(marks) == "*C" * (len(marks) // 2)


def missing(before: str, after: str) -> list[str]:
    """The lines without our name that are not in the same order in another file."""
    left = iter(lines_of(after))
    wanted = [line.rstrip("\n") for line in lines_of(before) if "LVSFLEET" not in line]
    return [line for line in wanted if all(line != each.rstrip("\n") for each in left)]


LISTED = {
    "firewall-cmd": printed("observe/firewall-cmd-rich-rules"),
    "the bus": printed("observe/busctl-rich-rules-text"),
}
ZONE = Place("zone", "public")


@pytest.mark.parametrize("by", LISTED)
@quick
@given(edits=spoilings)
def test_every_rich_rule_is_kept_in_its_own_words(by: str, edits: list[Edit]) -> None:
    text = spoil(LISTED[by], edits)
    sections = {"firewalld:rich:public": text, "firewalld:protocols:public": ""}
    with suppress(RouterError):
        side = running(ZONE, observed({"units": "", **sections}))
        assert side is not None
        wanted = bus_strings(text) if is_bus(text) else [x for x in text.split("\n") if x]
        assert [rule.text for rule in side.rules] == wanted


@quick
@given(st.sampled_from(["zone", "policy"]), spoilings)
def test_every_rule_of_a_file_of_firewalld_is_kept(kind: str, edits: list[Edit]) -> None:
    text = spoil(printed("rich/public.xml").replace("zone", kind), edits)
    name = "saved" if kind == "zone" else "saved-policy"
    with suppress(RouterError):
        seen = observed({"units": "", f"firewalld:{name}:x": text})
        side = saved(Place(kind, "x"), seen)
        assert side is not None
        file = ElementTree.fromstring(text.encode("utf-8", "surrogateescape"))  # noqa: S314
        assert len(side.rules) == len(list(file.iter("rule")))
        for rule, element in zip(side.rules, file.iter("rule"), strict=True):
            for each in (element, *element, *element.findall("*/*")):
                assert each.tag in rule.text.split()
                assert all(value in rule.text for key, value in each.items() if key != "invert")


VIP = ip_address("198.51.100.10")
PORTS = (ServicePorts(Protocol.TCP, PortRange(80, 80)), ServicePorts(Protocol.UDP, PortRange(5, 9)))
DESIRED = Desired(
    "fra1",
    cluster="fra",
    services=(Service("web", (VIP, ip_address("2001:db8:2::10")), PORTS, 80, accept=True),),
    vrrp=Vrrp(accept=True, ah=True),
)
WISHES = (
    DESIRED,
    replace(DESIRED, adopt=True, foreign=Foreign.REMOVE),
    replace(DESIRED, foreign=Foreign.REFUSE),
    replace(DESIRED, services=(), vrrp=Vrrp()),
)
PACKETS = (Packet(VIP, Protocol.TCP, 80), Packet(VIP, Protocol.UDP, 7, VIP, "eth1"))

EVERY_ROUTER = {
    "addresses": printed("observe/addresses"),
    "runs": "20261123T074512Z-fra1-4f2a unseen\n",
    "lock": "20261123T074512Z-fra1-4f2a 1763884800 ann@desk\n",
    "kernel": "net/ipv4/ip_forward 1\nnet/ipv6/conf/all/forwarding 1\nip_vs yes\n",
    "ipvs": IPVSADM,
    "keepalived:words": "keepalived\n--dont-fork\n-i\nfra1\n",
    "keepalived:main": "/etc/keepalived/keepalived.conf",
    "keepalived:file:/etc/keepalived/keepalived.conf": "include /etc/keepalived/vrrp.conf\n"
    "virtual_server fwmark 80 {\n lvs_sched rr\n lvs_method DR\n"
    " real_server 10.0.0.1 { weight 1 }\n}\n",
    "keepalived:file:/etc/keepalived/vrrp.conf": "vrrp_instance fra {\n interface eth1\n"
    " virtual_router_id 51\n virtual_ipaddress {\n  198.51.100.10/24 dev eth1\n }\n}\n",
}  # fmt: skip
FIREWALLD = {
    "units": printed("observe/units-firewalld"),
    "firewalld:default": "public",
    "firewalld:version": 's "1.3.3"\n',
    "firewalld:active": ACTIVE_ON_BUS,
    "firewalld:policies": 'a{sa{sas}} 1 "lvsfleet" 1 "ingress_zones" 1 "ANY"\n',
    "firewalld:rich:public": printed("observe/busctl-rich-rules-text"),
    "firewalld:protocols:public": 'as 1 "vrrp"\n',
    "firewalld:saved:public": printed("rich/public.xml"),
    "firewalld:policy:allow-host-ipv6": printed("observe/busctl-policy"),
    "firewalld:policy:lvsfleet": printed("observe/firewall-cmd-policy"),
    "file:/var/lib/lvsfleet/owned": 'public rule protocol value="vrrp" accept\n',
    "nft:ruleset": printed("way_in/firewalld-zones.nft.json"),
}
IPTABLES = {
    "units": printed("observe/units-debian"),
    "iptables:4": printed("iptables/hand-typed.v4"),
    "iptables:6": printed("iptables/hand-typed.v6"),
    "iptables-legacy:4": printed("iptables/hand-typed-legacy-counters.v4"),
    "file:/etc/iptables/rules.v4": printed("way_in/hardened.v4"),
    "file:/etc/iptables/rules.v6": printed("way_in/debian.v6"),
}
NFTABLES = {
    "units": "Id=nftables.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n",
    "nftables:others": printed("nftables/by-hand.json"),
    "nftables:own": printed("nftables/frame.json"),
    "file:/etc/lvsfleet/nftables.nft": OWN_FILE,
}
ROUTERS = {
    Backend.FIREWALLD: EVERY_ROUTER | FIREWALLD,
    Backend.IPTABLES: EVERY_ROUTER | IPTABLES,
    Backend.NFTABLES: EVERY_ROUTER | NFTABLES,
}
many = settings(max_examples=100, deadline=None, derandomize=True)


@st.composite
def answers(draw: st.DrawFn, backend: Backend) -> Mapping[str, str]:
    """A router's whole answer, one to three of its parts spoilt."""
    whole = dict(ROUTERS[backend])
    for name in draw(st.lists(st.sampled_from(sorted(whole)), min_size=1, max_size=3)):
        whole[name] = spoil(whole[name], draw(spoilings))
    return whole


@pytest.mark.parametrize("backend", ROUTERS)
def test_a_whole_answer_is_understood_before_it_is_spoilt(backend: Backend) -> None:
    seen = observed(ROUTERS[backend])
    assert plan(replace(DESIRED, backend=backend), seen).edits
    assert findings_of(subject_of(replace(DESIRED, backend=backend), of_observed(seen)))
    assert all(Filters.of(seen).verdict(each).accepted is not None for each in PACKETS[1:])
    assert today(DESIRED, seen).backend is backend


@pytest.mark.parametrize("backend", ROUTERS)
@many
@given(data=st.data())
def test_whoever_reads_a_whole_answer_reads_a_spoilt_one(
    backend: Backend, data: st.DataObject
) -> None:
    desired = replace(data.draw(st.sampled_from(WISHES)), backend=backend)
    if backend is Backend.FIREWALLD and data.draw(st.booleans()):
        desired = replace(desired, policy="lvsfleet")
    with suppress(RouterError):
        seen = observed(data.draw(answers(backend)))
        all_that_reads(desired, seen)
        today(DESIRED, seen)


def all_that_reads(desired: Desired, seen: Observed) -> None:
    with suppress(RouterError):
        findings_of(subject_of(desired, of_observed(seen)))
    with suppress(RouterError):
        filters = Filters.of(seen)
        for packet in PACKETS:
            assert str(filters.verdict(packet))


@many
@given(spoilings)
def test_no_rich_rule_that_is_not_understood_is_ever_removed(edits: list[Edit]) -> None:
    text = spoil(printed("observe/firewall-cmd-rich-rules"), edits)
    sections = ROUTERS[Backend.FIREWALLD] | {"firewalld:rich:public": text}
    with suppress(RouterError):
        seen = observed(sections)
        side = running(ZONE, seen)
        assert side is not None
        theirs = {rule.text for rule in side.rules if rule.rule is None}
        for desired in (WISHES[0], WISHES[-1]):
            change = plan(replace(desired, backend=Backend.FIREWALLD), seen)
            assert not theirs & {each.rule for each in change.edits if each.op is Op.REMOVE}
