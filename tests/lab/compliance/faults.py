"""Faults that a person can bring a router into, by hand, and what checks must say of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RULE = 'rule family="ipv4" destination address="203.0.113.10/32" port port="443" protocol="tcp"'
"""One of web's on ams, without what it does."""

_STRAY = 'rule family="ipv4" destination address="203.0.113.99" port port="80" protocol="tcp"'
_OF_MARK = "s/^-A \\(LVSFLEET-MARK.*0x50.*\\)/iptables -t mangle -D \\1/p"
_FROM_RUNTIME = f"iptables-save -t mangle | sed -n '{_OF_MARK}' | sh"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        check: what finds it.
        router: who is brought into it.
        script: how.
        undo: how it is mended by hand; empty where a rollout alone mends it.
        others: routers of the cluster that the finding is told of too.
        everywhere: they are brought into it as well.
        begins: what the inventory says of the cluster before it, rolled out.
        says: the word in the inventory with which a rollout mends it.
        besides: what is found as well, since the lab's kernel has no IPVS.
    """

    check: str
    router: str
    script: str
    undo: str = ""
    others: tuple[str, ...] = ()
    everywhere: bool = False
    begins: Mapping[str, Any] = field(default_factory=dict)
    says: Mapping[str, Any] = field(default_factory=dict)
    besides: frozenset[str] = frozenset()

    @property
    def by_rollout(self) -> bool:
        """Whether a rollout mends it."""
        return bool(not self.undo or self.says)

    @property
    def routers(self) -> tuple[str, ...]:
        """Those that are brought into it."""
        return (self.router, *(self.others if self.everywhere else ()))

    def __str__(self) -> str:
        return f"{self.check} {self.router} {self.script.split(maxsplit=1)[0]}"


def _rich(options: str, rule: str) -> str:
    return f"firewall-cmd {options}-rich-rule='{rule}'"


def _both_ways(check: str, router: str, rule: str) -> Fault:
    return Fault(check, router, _rich("--add", rule), _rich("--remove", rule))


_RUNS = "/var/lib/lvsfleet/runs/20200101T000000Z-ams-0000"
_LOCK = "ln -s '20200101T000000Z-ams-0000 1577836800 ann@desk' /run/lvsfleet.lock"
_CONF = "/etc/keepalived/keepalived.conf"
_KEEP = f"cp -p {_CONF} /root/kept"
_PUT_BACK = f"cp -p /root/kept {_CONF}"
_API = {"vips": ["198.51.100.10"], "ports": ["8080/tcp"], "mark": 0x4050, "accept": True}
_NOTRACK = """nft add table inet lvs-dr
nft add chain inet lvs-dr pre '{ type filter hook prerouting priority raw; }'
nft add rule inet lvs-dr pre ip daddr 203.0.113.10 notrack"""
_BALANCED = """for mark in 21 53 80; do for server in 'inet 10.0.0.1' 'inet6 2001:db8:99::1'; do
    printf 'virtual_server fwmark %s %s {\\n lb_algo rr\\n lb_kind DR\\n' $mark ${server% *}
    printf ' persistence_timeout 300\\n real_server %s {\\n weight 1\\n }\\n}\\n' ${server#* }
done; done"""

FAULTS = (
    Fault("LVS001", "fra2", f"{_FROM_RUNTIME}; sed -i /0x50/d /etc/iptables/rules.v4"),
    Fault(
        "LVS001",
        "ams2",
        "; ".join(_rich(f"{p}--remove", f"{RULE} mark set=80") for p in ("", "--permanent ")),
    ),
    Fault(
        "LVS001",
        "fra2",
        "iptables -t mangle -D PREROUTING -j LVSFLEET-MARK; "
        "sed -i '/-j LVSFLEET-MARK/d' /etc/iptables/rules.v4",
    ),
    Fault("LVS002", "lon2", "sed -i '/LVSFLEET-MARK.*0x50/d' /etc/sysconfig/iptables"),
    Fault("LVS002", "ams2", _rich("--permanent --remove", f"{RULE} mark set=80")),
    Fault("LVS003", "lon2", _FROM_RUNTIME),
    Fault("LVS003", "fra2", "ip6tables -t mangle -F LVSFLEET-MARK"),
    Fault("LVS003", "ams2", _rich("--remove", f"{RULE} mark set=80")),
    Fault(
        "LVS004",
        "fra2",
        "iptables -t mangle -A PREROUTING -d 203.0.113.99 -p tcp --dport 80 -j MARK --set-mark 9",
        "iptables -t mangle -D PREROUTING -d 203.0.113.99 -p tcp --dport 80 -j MARK --set-mark 9",
    ),
    _both_ways("LVS004", "ams2", f"{_STRAY} mark set=9"),
    Fault(
        "LVS004",
        "fra2",
        "iptables -t mangle -A LVSFLEET-MARK -d 198.51.100.99 -j MARK --set-mark 9",
    ),
    Fault(
        "LVS005",
        "fra2",
        "iptables -t mangle -A PREROUTING -d 198.51.100.10 -p tcp --dport 80 -j MARK --set-mark 9",
        "iptables -t mangle -D PREROUTING -d 198.51.100.10 -p tcp --dport 80 -j MARK --set-mark 9",
    ),
    _both_ways("LVS005", "ams2", f"{RULE} mark set=9"),
    _both_ways("LVS006", "ams2", f"{_STRAY} mark set=0x15/0xff"),
    Fault("LVS010", "ams2", "systemctl stop firewalld", says={"start": True}),
    Fault("LVS011", "ams2", "systemctl disable firewalld", "systemctl enable firewalld"),
    Fault("LVS012", "ams2", "systemctl enable nftables", "systemctl disable nftables"),
    Fault(
        "LVS013",
        "fra2",
        "iptables-legacy -A INPUT -s 192.0.2.99 -j DROP",
        "iptables-legacy -D INPUT -s 192.0.2.99 -j DROP",
    ),
    # The MASTER need not hear a BACKUP: nothing else goes wrong.
    Fault(
        "LVS020", "lon1", "iptables -I INPUT -p vrrp -j DROP", "iptables -D INPUT -p vrrp -j DROP"
    ),
    Fault(
        "LVS020",
        "lon1",
        "iptables -D INPUT -s 192.0.2.102 -i eth1 -j ACCEPT",
        "iptables -I INPUT -s 192.0.2.102 -i eth1 -j ACCEPT",
        begins={"vrrp": {"accept": False}},
        says={"vrrp": {"accept": True}},
    ),
    _both_ways("LVS020", "ams1", 'rule priority="-100" protocol value="vrrp" drop'),
    Fault(
        "LVS021",
        "fra1",
        "iptables -I INPUT -d 198.51.100.10 -p tcp --dport 80 -j REJECT",
        "iptables -D INPUT -d 198.51.100.10 -p tcp --dport 80 -j REJECT",
    ),
    Fault(
        "LVS021",
        "lon1",
        "iptables -D INPUT -p tcp -m state --state NEW -m tcp --dport 443 -j ACCEPT",
        "iptables -A INPUT -p tcp -m state --state NEW -m tcp --dport 443 -j ACCEPT",
        says={"services": {"web": {"accept": True}}},
    ),
    _both_ways("LVS021", "ams1", RULE.replace("rule ", 'rule priority="-100" ') + " reject"),
    Fault(
        "LVS022",
        "ams1",
        "firewall-cmd --zone=trusted --change-interface=eth1",
        "firewall-cmd --zone=public --change-interface=eth1",
        others=("ams2",),
        everywhere=True,
        says={"zone": "trusted"},
    ),
    Fault(
        "LVS023",
        "ams1",
        f"{_KEEP}; {_BALANCED} >>{_CONF}",
        _PUT_BACK,
        others=("ams2",),
        everywhere=True,
        besides=frozenset({"LVS051"}),
    ),
    Fault("LVS035", "ams2", "systemctl stop keepalived", "systemctl start keepalived"),
    Fault("LVS035", "ams2", "systemctl disable keepalived", "systemctl enable keepalived"),
    Fault("LVS035", "ams2", f"{_KEEP}; sed -i s/priority/priorty/ {_CONF}", _PUT_BACK),
    Fault(
        "LVS040",
        "ams2",
        "ip address add 203.0.113.10/24 dev eth1",
        "ip address delete 203.0.113.10/24 dev eth1",
        others=("ams1",),
    ),
    Fault(
        "LVS041",
        "fra2",
        f"{_KEEP}; sed -i '0,/198.51.100.11/s//198.51.100.12\\n    &/' {_CONF}",
        _PUT_BACK,
        others=("fra1",),
    ),
    Fault(
        "LVS051",
        "lon2",
        f"{_KEEP}; {_BALANCED} >>{_CONF}",
        _PUT_BACK,
        others=("lon1",),
        everywhere=True,
    ),
    Fault(
        "LVS051",
        "ams1",
        f"{_KEEP}; {_BALANCED} >>{_CONF}; {_NOTRACK}",
        f"{_PUT_BACK}; nft delete table inet lvs-dr",
        others=("ams2",),
        everywhere=True,
    ),
    Fault(
        "LVS052",
        "fra1",
        ":",
        others=("fra2",),
        begins={"services": {"ftp": {"ports": ["21/tcp"]}}},
        says={"services": {"ftp": {"ports": ["21/tcp", "10000-20000/tcp"]}}},
    ),
    Fault(
        "LVS053",
        "fra2",
        "iptables -t nat -N KUBE-MARK-MASQ",
        "iptables -t nat -X KUBE-MARK-MASQ",
        begins={"services": {"api": _API}},
    ),
    Fault("LVS060", "ams2", f"mkdir -p {_RUNS}; touch {_RUNS}/armed", f"rm -r {_RUNS}"),
    Fault("LVS061", "ams2", _LOCK, "rm /run/lvsfleet.lock"),
)

OF_NFTABLES = (
    Fault("LVS003", "ams2", "nft delete element inet lvsfleet mark4 '{ 203.0.113.10 . tcp . 80 }'"),
    Fault("LVS003", "ams2", "nft delete table inet lvsfleet"),
    Fault("LVS011", "ams2", "systemctl disable lvsfleet-nftables"),
    Fault(
        "LVS021",
        "ams1",
        "nft add table inet site;"
        " nft add chain inet site in '{ type filter hook input priority 5; }';"
        " nft add rule inet site in ip daddr 203.0.113.10 tcp dport 443 drop",
        "nft delete table inet site",
    ),
)
