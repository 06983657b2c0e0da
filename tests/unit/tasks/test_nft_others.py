"""What others mark in nftables: counted where packets really get it, moved only where that is safe.

The real nft says what is listed, in a network namespace of its own.
"""

from __future__ import annotations

import subprocess
from dataclasses import replace
from ipaddress import ip_address

import pytest

from inventory.desired import Backend, Desired, Foreign, Service, ServicePorts, Vrrp
from inventory.rules import PortRange, Protocol
from tasks.backends.protocol import Change
from tasks.errors import Conflict, TwoMarks
from tasks.observe import Observed
from tasks.outcome import Op, Where
from tasks.plan import plan
from tasks.sections import Section
from tests.unit.tasks.parted import files_of
from tests.unit.tasks.routers import IptablesRouter, observed

pytestmark = pytest.mark.lab

UNITS = "Id=nftables.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled"
ADDRESSES = "2: eth0    inet 192.0.2.1/24\n3: eth1    inet 198.51.100.1/24"
WEB = Service(
    "web",
    (ip_address("198.51.100.10"),),
    tuple(ServicePorts(Protocol.TCP, PortRange(p, p)) for p in (80, 443)),
    80,
)
DESIRED = Desired("r1", backend=Backend.NFTABLES, services=(WEB,))
MARK = "ip daddr 198.51.100.10 tcp dport { 80, 443 } meta mark set 80"
TABLE = "table inet site {{\nchain pre {{\ntype filter hook prerouting priority {};\n{}\n}}\n}}\n"


def site(*rules: str, priority: int = -150, also: str = "") -> str:
    return TABLE.format(priority, "\n".join(rules)) + also


def listed(text: str, *commands: str) -> list[str]:
    argv = ["unshare", "--net", "sh", "-ec", "nft -f -; for c; do nft $c; done", "-", *commands]
    done = subprocess.run(argv, input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"{text}\n{done.stderr}"
    return done.stdout.splitlines()


def router(runs: str, saved: str | None = None) -> Observed:
    """One whose nftables.service loads ``saved``, or does not tell."""
    sections = {"units": UNITS, "addresses": ADDRESSES}
    sections["nftables:others"] = listed(runs, "-jst list ruleset")[0] + "\n"
    marking = listed(runs, "-jst list table inet site", "-js list maps")
    sections["nftables:marking"] = "".join(f"{each}\n" for each in marking)
    if saved is not None:
        sections["nftables:conf"] = "/etc/nftables.conf"
        sections["nftables:file:/etc/nftables.conf"] = saved
        boot = listed(saved, "-jst list ruleset", "-js list maps")
        sections["nftables:boot"] = "".join(f"{each}\n" for each in boot)
    return observed(sections)


def elements(change: Change, where: Where) -> int:
    edits = change.pending(where)
    return sum(e.op is Op.ADD and "element inet lvsfleet mark4" in e.rule for e in edits)


@pytest.mark.parametrize(
    "rules",
    [
        (MARK,),
        ("ip daddr 198.51.100.10 tcp dport 80 mark set 0x50", f"counter {MARK}"),
        ("meta l4proto tcp ip daddr 198.51.100.10 th dport { 80, 443 } log mark set 80",),
        ("ip daddr 198.51.100.10 meta mark set tcp dport map { 80 : 80, 443 : 80 }",),
        (MARK, "ip daddr 198.51.100.11 tcp dport 80 drop"),
    ],
)
def test_equal_rules_are_not_doubled(rules: tuple[str, ...]) -> None:
    text = site(*rules)
    assert plan(DESIRED, router(text, text)).edits == ()
    only_runs = plan(DESIRED, router(text, "flush ruleset\n"))
    assert (elements(only_runs, Where.RUNTIME), elements(only_runs, Where.SAVED)) == (0, 2)
    assert elements(plan(DESIRED, router(text)), Where.SAVED) == 2, "nobody says what is saved"


@pytest.mark.parametrize(
    "rules",
    [
        (f"ip saddr 192.0.2.7 {MARK}",),
        (f"iifname eth0 {MARK}",),
        (f"ct state established {MARK}",),
        (MARK.replace("set 80", "set meta mark & 0xff00 | 80"),),
        ("ip saddr 192.0.2.7 accept", MARK),
        (MARK, "ip saddr 192.0.2.7 meta mark set 9"),
        (MARK, "meta mark set ct mark"),
        ("return", MARK),
    ],
)
def test_what_only_looks_equal_does_not_count(rules: tuple[str, ...]) -> None:
    text = site(*rules)
    assert elements(plan(DESIRED, router(text, text)), Where.RUNTIME) == 2


def test_accepts_count_where_they_stand() -> None:
    chain = "chain in {{ type filter hook input priority 0; policy {};\n{}\n}}\n"
    rules = "ip daddr 198.51.100.10 tcp dport { 80, 443 } accept; ip protocol vrrp accept"
    text = site(MARK, also=f"table ip site {{ {chain.format('drop', rules)} }}\n")
    wide = replace(DESIRED, services=(replace(WEB, accept=True),), vrrp=Vrrp(accept=True))
    assert plan(wide, router(text, text)).edits == ()
    taken = plan(replace(wide, adopt=True), router(text, text)).edits
    assert {e.scope for e in taken if e.op is Op.REMOVE} == {"inet site"}, "an accept stays"


def test_a_mark_in_a_map_that_says_otherwise_is_a_conflict() -> None:
    key = "ip daddr . meta l4proto . th dport"
    text = site(
        f"meta mark set {key} map {{ 198.51.100.10 . tcp . 443 : 7 }}",
    )
    with pytest.raises(TwoMarks, match="443"):
        plan(DESIRED, router(text, text))
    with pytest.raises(TwoMarks, match=r"/etc/nftables\.conf, chain pre"):
        plan(DESIRED, router(site("counter"), text))


ADOPT = replace(DESIRED, adopt=True)


def test_ours_first_then_theirs_and_the_undo_is_the_opposite() -> None:
    text = site("counter", MARK, "tcp dport 22 counter")
    files = files_of(plan(ADOPT, router(text, text)))
    assert files["do/table"].count("198.51.100.10") == 2
    assert files["do/go"].startswith("delete rule inet site pre handle ")
    assert '"insert"' in files["undo/come"]
    assert files["save/other0"] == site("counter", "tcp dport 22 counter")
    assert files["save/rehearse"] == files["do/go"]


@pytest.mark.parametrize(
    ("rules", "saved", "why"),
    [
        ((MARK,), None, "what loads it at boot is not known"),
        ((MARK,), "insert rule inet site pre tcp dport 7 counter\n", "by commands"),
        ((MARK, "meta mark 80 counter accept", "meta mark 0 drop"), "", "fare otherwise"),
    ],
)
def test_what_cannot_be_moved_stays(rules: tuple[str, ...], saved: str | None, why: str) -> None:
    text = site(*rules)
    seen = router(text, None if saved is None else text + saved)
    change = plan(ADOPT, seen)
    (finding,) = [each for each in change.findings if each.id == "LVS018"]
    assert why in finding.message
    assert not [e for e in change.edits if e.op is Op.REMOVE]
    assert elements(change, Where.RUNTIME) == 0


def test_what_is_removed_has_to_be_gone_for_good() -> None:
    removing = replace(DESIRED, foreign=Foreign.REMOVE)
    odd = "udp dport 5060 meta mark set 7"
    text = site(odd)
    change = plan(removing, router(text, text))
    gone = [(e.where, e.rule) for e in change.edits if e.op is Op.REMOVE]
    assert gone == [(where, f"add rule inet site pre {odd}") for where in Where]
    for seen in (router(text), router(site(f"{odd} accept"), site(f"{odd} accept"))):
        with pytest.raises(Conflict, match="cannot remove for good"):
            plan(removing, seen)


def test_marks_beside_iptables_are_refused_by_name() -> None:
    head = "# Generated by iptables-save v1.8.9 on x"
    dump = "\n".join([head, "*mangle", "-A PREROUTING -j MARK --set-mark 9", "COMMIT", ""])
    beside = listed(site("meta mark set 7"), "-jst list ruleset")[0]
    seen = IptablesRouter.booted({}).observe()
    more = {"nftables:beside": Section(beside, 0), "iptables-legacy:4": Section(dump, 0)}
    seen = replace(seen, sections={**seen.sections, **more})
    desired = replace(DESIRED, backend=Backend.IPTABLES)
    with pytest.raises(Conflict) as refused:
        plan(replace(desired, foreign=Foreign.REFUSE), seen)
    assert "nftables' chain pre of table inet site: meta mark set 7" in refused.value.message
    assert "iptables-legacy's table mangle: -A PREROUTING -j MARK" in refused.value.message
    told = [each for each in plan(desired, seen).findings if each.id == "LVS004"]
    assert len(told) == 2
