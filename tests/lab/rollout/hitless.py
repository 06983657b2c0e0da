"""The changes that no packet may pay for, on a router of every way that marks are kept in.

Each site's client sends to port 8080 of its web's VIPs all the time. That port is marked and let in
by rules of ours alone, so a gap in either is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from lab.fleet import Lab
from lab.packets import Probe
from lab.steady import Seen, steady
from lab.topology import Kind
from tests.lab.chaos.controller import wait_for
from tests.lab.rollout.fleet import AT_ONCE, Fleet
from tests.lab.rollout.traffic import wait_for_masters

WAYS: Mapping[str, Kind] = {
    "firewalld, zone": Kind.FIREWALLD,
    "firewalld, policy": Kind.FIREWALLD,
    "iptables-nft, Debian": Kind.IPTABLES_DEBIAN,
    "iptables-nft, RHEL": Kind.IPTABLES_RHEL,
    "iptables-legacy": Kind.IPTABLES_LEGACY,
    "nftables": Kind.NFTABLES,
}
"""What marks are kept in; a cluster each, in this order."""

ROUTERS = 2 * len(WAYS)
POLICY = "firewalld, policy"
MOVABLE = tuple(way for way, kind in WAYS.items() if kind is not Kind.NFTABLES)
PORT = 8080
SITES_PORT = 80
"""It is marked by us and let in by the site's own rules, in every packet filter."""
MARK = 80
PORTS = ["80/tcp", "443/tcp", f"{PORT}/tcp"]

_RICH = 'rule family="{family}" destination address="{vip}" port port="{port}" protocol="tcp"'
_IPTABLES = """
{program} -t mangle -A PREROUTING -d {vip} -p tcp -m multiport --dports 80,443,8080 \\
    -j MARK --set-mark 80
{program} -I INPUT 3 -d {vip} -p tcp --dport 8080 -j ACCEPT
"""
_SAVE = {
    Kind.IPTABLES_DEBIAN: "netfilter-persistent save",
    Kind.IPTABLES_LEGACY: "netfilter-persistent save",
    Kind.IPTABLES_RHEL: "iptables-save >/etc/sysconfig/iptables\n"
    "ip6tables-save >/etc/sysconfig/ip6tables",
}
_NFTABLES = """
cat >>/etc/nftables.conf <<'END'
table inet ann {{
    chain pre {{
        type filter hook prerouting priority mangle; policy accept;
        ip daddr {web4} tcp dport {{ 80, 443, 8080 }} meta mark set 80
        ip6 daddr {web6} tcp dport {{ 80, 443, 8080 }} meta mark set 80
    }}
}}
END
nft -f /etc/nftables.conf
"""


def costs_nothing(seen: Seen) -> bool:
    """Whether every SYN that was sent arrived, was marked and was let in."""
    return seen.pays_nothing(MARK) and not seen.lost


class Hitless:
    """The routers that are watched, and what is done to them.

    Attributes:
        lab: twelve routers, two a way.
        fleet: their inventory.
        routers: by way, who holds the VIPs.
    """

    def __init__(self, lab: Lab, fleet: Fleet) -> None:
        self.lab, self.fleet = lab, fleet
        self._sites = dict(zip(WAYS, lab.topology.sites, strict=True))
        holders = {router.site: router.name for router in lab.topology.routers if not router.place}
        self.routers = {way: holders[site] for way, site in self._sites.items()}
        # A machine that stalls would make a BACKUP take the VIPs over for a moment.
        for router in lab.topology.routers:
            if router.place:
                lab.exec(router.name, ["systemctl", "stop", "keepalived"])
        wait_for_masters(lab, *self.routers.values())
        for site in self._sites.values():
            fleet.services(site.name)["web"] |= {"ports": PORTS, "accept": True}
        self._complete = {
            site.name: dict(fleet.services(site.name)) for site in self._sites.values()
        }

    @contextmanager
    def watched(self, *ways: str, port: int = PORT) -> Iterator[Mapping[str, Seen]]:
        """Clients send while the block runs; what became of it, by way, is told at its end."""
        names = {self.routers[way]: way for way in ways or WAYS}
        seen: dict[str, Seen] = {}
        with steady(self.lab, names, [port]) as by_router:
            yield seen
        seen |= {way: by_router[name] for name, way in names.items()}

    def wait_for_packets(self, router: str) -> None:
        """Wait, while it is watched, until some more of the packets have come."""
        probe = Probe(self.lab, router)  # the one that watches: nothing else is installed
        vip = self.lab.router(router).site.web[0]

        def come() -> int:
            marked = probe.read().marked.items()
            return sum(n for flow, n in marked if (flow.address, flow.port) == (vip, PORT))

        before = come()
        wait_for(lambda: come() > before, 60)

    def plant(self) -> None:
        """Mark the web, and let it in, as a careful person would have typed it, run and saved."""
        for way, kind in WAYS.items():
            self.fleet.sh(self.routers[way], f"set -e\n{self._typed(way, kind)}")

    def _typed(self, way: str, kind: Kind) -> str:
        web4, web6 = self._sites[way].web
        if kind is Kind.NFTABLES:
            return _NFTABLES.format(web4=web4, web6=web6)
        if kind is Kind.FIREWALLD:
            rules = []
            for family, vip in (("ipv4", web4), ("ipv6", web6)):
                said = [_RICH.format(family=family, vip=vip, port=p) for p in (80, 443, PORT)]
                rules += [*(f'{each} mark set="80"' for each in said), f"{said[-1]} accept"]
            words = " ".join(f"--add-rich-rule='{rule}'" for rule in rules)
            return f"firewall-cmd {words}\nfirewall-cmd --permanent {words}"
        both = (("iptables", web4), ("ip6tables", web6))
        typed = "".join(_IPTABLES.format(program=program, vip=vip) for program, vip in both)
        return f"{typed}\n{_SAVE[kind]}"

    def rollout(self, *options: str, ways: tuple[str, ...] = ()) -> None:
        """A rollout that changes these routers, or all that are watched."""
        names = [self.routers[way] for way in ways or WAYS]
        answer = self.fleet.rollout(*names, options=(*AT_ONCE, *options))
        assert answer.statuses == dict.fromkeys(names, "changed"), answer

    def adopt(self) -> None:
        """Rules typed by hand become lvsfleet's own."""
        self.rollout("--adopt")

    def say(self, **places: str) -> None:
        """Say in the inventory where the rules of `POLICY`'s routers stand: a zone, or a policy."""
        data = self.fleet.data(self._sites[POLICY].name)
        for key in ("zone", "policy"):
            data.pop(key, None)
        data.update(places)

    def to_policy_and_back(self, times: int) -> None:
        """A zone's rules move to a policy, and back; in the end they are in the policy."""
        for _ in range(times):
            self.say(policy="lvsfleet")
            self.rollout(ways=(POLICY,))
            self.say(zone="public")
            self.rollout(ways=(POLICY,))
        self.say(policy="lvsfleet")
        self.rollout(ways=(POLICY,))

    def others_change(self, rollouts: int) -> None:
        """So many rollouts in which FTP gets another mark and DNS goes, or both are as before."""
        for number in range(rollouts):
            for name, complete in self._complete.items():
                services = dict(complete)
                if number % 2 == 0:
                    services["ftp"] = {**complete["ftp"], "mark": 2100 + number}
                    del services["dns"]
                self.fleet.data(name)["services"] = services
            self.rollout()

    def a_port_comes_and_goes(self, rollouts: int) -> None:
        """So many rollouts in which the web gains the port next to the watched one, or loses it."""
        for number in range(rollouts):
            ports = [*PORTS, f"{PORT + 1}/tcp"] if number % 2 == 0 else PORTS
            for name, complete in self._complete.items():
                services = {**complete, "web": {**complete["web"], "ports": ports}}
                self.fleet.data(name)["services"] = services
            self.rollout()

    def leave_ways_in_to_the_site(self) -> None:
        """Take back what lets in: an accept of nftables cannot overrule another table's reject."""
        for name, complete in self._complete.items():
            services = {key: {**each, "accept": False} for key, each in complete.items()}
            data = self.fleet.data(name)
            data["services"], data["vrrp"] = services, {"accept": False}
        self.rollout()

    def to_nftables_and_back(self, times: int) -> None:
        """The marks of all `MOVABLE` routers move to nftables, and back."""
        for backend in ("nftables", None) * times:
            for way in MOVABLE:
                data = self.fleet.data(self._sites[way].name)
                data["backend"] = backend or WAYS[way].backend
                for key in ("zone", "policy"):
                    data.pop(key, None)
                if way == POLICY and not backend:
                    data["policy"] = "lvsfleet"
            self.rollout(ways=MOVABLE)
