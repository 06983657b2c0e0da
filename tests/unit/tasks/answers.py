"""What routers of each kind answer as a whole, from what real ones printed; and parts of that."""

from __future__ import annotations

from inventory.desired import Backend
from tests.unit.tasks.cases import CASES, printed

IPVSADM = printed("checks/balancing.txt").split("--- ipvs\n", 1)[1].split("\n---", 1)[0]
INSTANCES = '[{"data": {"iname": "fra", "state": 2, "adver_int": 1.0, "master_adver_int": 0.5}}]\n'
ACTIVE = "public (default)\n  interfaces: eth0 eth1\ninternal\n  sources: 192.0.2.0/24 ipset:a\n"
ACTIVE_ON_BUS = 'a{sa{sas}} 2 "public" 1 "interfaces" 1 "eth0" "dmz" 1 "sources" 1 "10.0.0.0/8"\n'
OWN_FILE = """\
table inet lvsfleet
delete table inet lvsfleet
"""

NFT_FILE = (CASES.parents[1] / "lab/router/nftables/etc/nftables.conf").read_text() + printed(
    "nftables/by-hand.nft"
)

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
    "nftables:marking": printed("nftables/by-hand.json"),
    "nftables:boot": printed("nftables/by-hand.json"),
    "nftables:conf": "/etc/nftables.conf",
    "nftables:file:/etc/nftables.conf": NFT_FILE,
    "file:/etc/lvsfleet/lvsfleet.nft": OWN_FILE,
}
ROUTERS = {
    Backend.FIREWALLD: EVERY_ROUTER | FIREWALLD,
    Backend.IPTABLES: EVERY_ROUTER | IPTABLES,
    Backend.NFTABLES: EVERY_ROUTER | NFTABLES,
}
