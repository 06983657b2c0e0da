"""Faults of a router that balances: in keepalived.conf, in the kernel's table, in its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tasks.outcome import Severity

SERVERS = "/etc/keepalived/servers.conf"
CONF = "/etc/keepalived/keepalived.conf"
_WAIT = "n=0; until {}; do n=$((n+1)); [ $n -lt 600 ] || exit 9; sleep 0.1; done"
_ALL = "[ $(ipvsadm -Sn | grep -c ^-a) -eq $(grep -c real_server /etc/keepalived/servers.conf) ]"
KEEP = f"{_WAIT.format(_ALL)}; cp -p {CONF} {SERVERS} /root/; ipvsadm -Sn >/root/table"
"""Another process of keepalived than that which takes the VIPs tells the kernel of real servers."""
_RELOAD = "keepalived -t && systemctl reload keepalived"
_VIP = "203.0.113.53"


@dataclass(frozen=True, slots=True)
class Balancing:
    """One fault.

    Attributes:
        check: what finds it.
        severity: how much the finding matters.
        script: how the router is brought into it; it ends when that has come to the kernel.
        undo: how it is mended by hand.
        says: services in the inventory with which a rollout mends it.
    """

    check: str
    severity: Severity
    script: str
    undo: str
    says: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.check} {self.script.partition(';')[0][:40]}"


def _conf(check: str, severity: Severity, edit: str, until: str) -> Balancing:
    """A fault of keepalived.conf; it is loaded, and so is the right one afterwards."""
    right = f'[ "$(ipvsadm -Sn)" = "$(cat /root/table)" ] && ip a | grep -q {_VIP}/'
    return Balancing(
        check,
        severity,
        f"{edit}; {_RELOAD}; {_WAIT.format(until)}",
        f"{_put_back(CONF)}; {_put_back(SERVERS)}; {_RELOAD}; {_WAIT.format(right)}",
    )


def _put_back(path: str) -> str:
    """In one step: keepalived may still be about to read it for an earlier reload."""
    return f"cp -p /root/{path.rpartition('/')[2]} {path}.kept; mv {path}.kept {path}"


def _server(mark: int, real: str) -> str:
    """Add a virtual server of one real server."""
    head = f"virtual_server fwmark {mark} {{\\n lb_algo rr\\n lb_kind NAT\\n"
    return f"printf '{head} real_server {real} 0 {{\\n weight 1\\n }}\\n}}\\n' >>{SERVERS}"


def _hand(check: str, severity: Severity, script: str, undo: str) -> Balancing:
    return Balancing(check, severity, script, undo)


def _table(condition: str) -> str:
    return f"ipvsadm -Sn | grep -q -e '{condition}'"


def served_by(real: str) -> str:
    """Web has this real server and no other, by direct routing; done when the kernel knows."""
    edit = f"s/NAT/DR/; s/10.0.0.1 0/{real} 0/; /persistence/d; /10.0.0.2/,/}}/d"
    return (
        f"sed -i '1,/^}}/{{{edit}}}' {SERVERS}; {_RELOAD}; {_WAIT.format(_table(f'{real}:0 -g'))}"
    )


_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
FAULTS = (
    replace(
        _conf("LVS030", _ERROR, _server(99, "10.0.0.9"), _table("-f 99 -r")),
        says={"api": {"vips": ["203.0.113.10"], "ports": ["8080/tcp"], "mark": 99, "accept": True}},
    ),
    _conf("LVS031", _ERROR, f"sed -i '/fwmark 21 {{/,/^}}/d' {SERVERS}", f"! {_table('-f 21')}"),
    _conf("LVS032", _WARNING, _server(80, "10.0.0.7"), _table("10.0.0.7")),
    _conf(
        "LVS033",
        _ERROR,
        f"sed -i '0,/10.0.0.1 0/s//10.0.0.1 80/' {SERVERS}",
        _table("10.0.0.1:80"),
    ),
    _hand(
        "LVS034",
        _WARNING,
        "ipvsadm -a -f 80 -r 10.0.0.9 -m",
        "ipvsadm -d -f 80 -r 10.0.0.9",
    ),
    _hand(
        "LVS034",
        _WARNING,
        "ipvsadm -E -f 53 -s rr -p 60",
        "ipvsadm -E -f 53 -s sh -p 60",
    ),
    _conf(
        "LVS036",
        _ERROR,
        f"sed -i '/fwmark 80 inet6/,/^}}/d' {SERVERS}",
        f"! {_table('-f 80 -6')}",
    ),
    _conf(
        "LVS037",
        _WARNING,
        f"sed -i 's/^ *router_id/nftables_ipvs\\n nftables_ipvs_start_fwmark 60\\n &/' {CONF}",
        "true",
    ),
    _conf(
        "LVS038",
        _INFO,
        f"sed -i '/fwmark 80/,/^}}/{{/persistence/d}}' {SERVERS}",
        f"! {_table('-f 80 -6 -s rr -p')}",
    ),
    _conf("LVS042", _ERROR, f"sed -i '/ {_VIP}/d' {CONF}", f"! ip a | grep -q {_VIP}/"),
    _hand(
        "LVS050",
        _ERROR,
        "sysctl -qw net.ipv4.ip_forward=0",
        "sysctl -qw net.ipv4.ip_forward=1",
    ),
    _hand(
        "LVS050",
        _ERROR,
        "sysctl -qw net.ipv6.conf.all.forwarding=0",
        "sysctl -qw net.ipv6.conf.all.forwarding=1",
    ),
)
