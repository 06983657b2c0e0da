"""A router of the lab with nothing but a random rule set, and what becomes of packets there."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from inventory.rules import Address
from lab.fleet import Lab
from lab.network import mac
from lab.packets import Flow, Probe
from lab.topology import Router
from tasks.observe import Observed, parse
from tasks.remote import script
from tasks.shell import Completed
from tasks.walk import Packet

ADVERTS = {112: "vrrp", 51: "ah"}
_SENDER = Path(__file__).with_name("sender.py")
_ARRIVE_SECONDS = 30.0
_FIRST_PORT, _PORTS = 32768, 14000
"""Of those that a client sends from, for each of its routers: no two packets have the same one."""
_NONCE = "0123456789abcdef"
_QUICK = """
f() {
    printf '\\n@@%s< %s\\n' "$n" "$1"
    shift
    "$@" && r=0 || r=$?
    printf '\\n@@%s> %s %s\\n' "$n" "$s" "$r"
}
n=$1
iptables='iptables-legacy:4 iptables-legacy:6 iptables-nft:4 iptables-nft:6'
for s in units addresses $iptables nft:ruleset; do
    case $s in
        units) f $s true ;;
        addresses) f $s ip -o addr show ;;
        iptables-*:4) f $s "${s%:4}-save" ;;
        iptables-*:6) v=${s%:6}; f $s "ip6${v#ip}-save" ;;
        nft:ruleset) f $s nft --json list ruleset ;;
    esac
done
"""
_SEEN = """
add table inet lvslab_seen
delete table inet lvslab_seen
table inet lvslab_seen {
    set arrived4 { type ipv4_addr . inet_proto . inet_service; flags dynamic; }
    set arrived6 { type ipv6_addr . inet_proto . inet_service; flags dynamic; }
    set adverts4 { type mark . ipv4_addr . inet_proto; flags dynamic; }
    set adverts6 { type mark . ipv6_addr . inet_proto; flags dynamic; }
    chain first {
        type filter hook prerouting priority -400
        meta l4proto { tcp, udp, sctp } add @arrived4 { ip daddr . meta l4proto . th dport }
        meta l4proto { tcp, udp, sctp } add @arrived6 { ip6 daddr . meta l4proto . th dport }
        meta l4proto { 51, 112 } add @arrived4 { ip daddr . meta l4proto . 0 }
        meta l4proto { 51, 112 } add @arrived6 { ip6 daddr . meta l4proto . 0 }
    }
    chain last {
        type filter hook input priority 98
        meta l4proto { 51, 112 } add @adverts4 { meta mark . ip daddr . meta l4proto }
        meta l4proto { 51, 112 } add @adverts6 { meta mark . ip6 daddr . meta l4proto }
    }
}
"""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a packet: the mark that it was let in with; None where it was not."""

    mark: int | None


class Bench:
    """One router, with addresses of its own that nobody else has."""

    def __init__(self, lab: Lab, router: Router) -> None:
        self.lab, self.router, self.name = lab, router, router.name
        self.addresses: list[Address] = [
            *router.site.at(150 + router.place),
            *router.site.at(160 + router.place),
        ]
        self.sources: list[Address] = [
            each for last in range(200, 212) for each in router.site.at(last)
        ]
        self.probe = Probe(lab, router.name)
        self._from = itertools.count(_FIRST_PORT + router.place * _PORTS)

    def prepare(self) -> None:
        """Take what filters and what might answer for others off, and give it its addresses."""
        # A conversation without ports would go on in the next rule set.
        quiet = "echo 0 >/proc/sys/net/netfilter/nf_conntrack_generic_timeout"
        adding = (f"ip addr replace {each}{_net(each)} dev eth1" for each in self.addresses)
        self.lab.exec(self.name, ["systemctl", "stop", "keepalived"])
        self.lab.exec(self.name, ["sh", "-ec", "\n".join([quiet, *adding])])
        at_eth1 = mac(self.router.addresses[0])
        client = [f"ip addr replace {each}{_net(each)} dev eth1" for each in self.sources]
        client += [
            f"ip neigh replace {each} lladdr {at_eth1} dev eth1 nud permanent"
            for each in self.addresses
        ]
        self.lab.exec(self.router.site.client, ["sh", "-ec", "\n".join(client)])

    @property
    def has_legacy(self) -> bool:
        """Whether the kernel has the legacy variant of iptables."""
        argv = ["iptables-legacy", "-t", "raw", "-L", "-n"]
        return not self.lab.exec(self.name, argv, check=False).returncode

    def tidy(self) -> None:
        """Take what it gave the client away; the router gets a new disk."""
        site = self.router.site
        own = [each for each in self.sources if each not in site.at(200)]
        lines = [f"ip addr del {each}{_net(each).split()[0]} dev eth1 || :" for each in own]
        lines += [f"ip neigh del {each} dev eth1 || :" for each in self.addresses]
        self.lab.exec(site.client, ["sh", "-c", "\n".join(lines)], check=False)

    def run(self, shell: str, stdin: str = "") -> str:
        """Run a script on the router."""
        return self.lab.exec(self.name, ["sh", "-ec", shell], stdin=stdin).stdout

    def observed(self, *, whole: bool = False) -> Observed:
        """What it says of its rules; the whole survey, or the sections that matter here."""
        text = script("survey") if whole else _QUICK
        done = self.lab.exec(self.name, ["sh", "-s", "--", _NONCE], stdin=text, check=False)
        return parse(Completed(done.returncode, done.stdout, done.stderr), _NONCE)

    def watch(self) -> None:
        """Begin to count."""
        self.probe.install()
        self.lab.exec(self.name, ["nft", "-f", "-"], stdin=_SEEN)

    def send(self, packets: Sequence[Packet]) -> list[Fate]:
        """What becomes of packets; no two of them go to the same port of one address."""
        asked = [
            {
                "source": str(each.source),
                # Conntrack remembers the connections of earlier rule sets, and their marks.
                "from": next(self._from),
                "destination": str(each.destination),
                "protocol": each.protocol.value,
                "port": each.port,
            }
            for each in packets
        ]
        argv = ["python3", "-I", str(_SENDER)]
        self.lab.exec(self.router.site.client, argv, stdin=json.dumps(asked))
        sets = self._arrived(len(packets))
        flows = {_but_mark(flow): flow.mark for flow in self.probe.read().accepted}
        for name in ("adverts4", "adverts6"):
            for mark, address, protocol in _elements(sets, name):
                flows[ip_address(address), ADVERTS[_number(protocol)], 0] = int(str(mark), 0)
        keys = [(each.destination, each.protocol.value, each.port or 0) for each in packets]
        return [Fate(flows.get(key)) for key in keys]

    def _arrived(self, count: int) -> dict[str, Any]:
        deadline = time.monotonic() + _ARRIVE_SECONDS
        argv = ["nft", "--json", "--numeric", "list", "table", "inet", "lvslab_seen"]
        while True:
            listed = json.loads(self.lab.exec(self.name, argv).stdout)["nftables"]
            sets = {each["set"]["name"]: each["set"] for each in listed if "set" in each}
            arrived = [*_elements(sets, "arrived4"), *_elements(sets, "arrived6")]
            ours = [each for each in arrived if ip_address(each[0]) in self.addresses]
            if len(ours) >= count:
                return sets
            assert time.monotonic() < deadline, f"{len(ours)} of {count} arrived at {self.name}"
            time.sleep(0.02)


def _net(address: Address) -> str:
    return "/24" if address.version == 4 else "/64 nodad"


def _but_mark(flow: Flow) -> tuple[object, ...]:
    return flow.address, flow.protocol, flow.port


def _elements(sets: dict[str, Any], name: str) -> list[list[Any]]:
    return [each.get("elem", {"val": each})["val"]["concat"] for each in sets[name].get("elem", ())]


def _number(protocol: object) -> int:
    names = {name: number for number, name in ADVERTS.items()}
    return names.get(str(protocol)) or int(str(protocol))
