"""What others keep in the packet filter and its files: all of it stays, none of it is saved."""

from __future__ import annotations

from tests.lab.rollout.fleet import Fleet, without
from tests.lab.rollout.rules import ZONE_FILE, other_elements, running, saved_path

OURS = "LVSFLEET"

# Bans stand first in INPUT; Docker keeps chains in nat and filter; a person has rules with a
# comment that tries to be shell, marks of connections, a chain of his own and a table of nft.
IPTABLES_RUNTIME = r"""
iptables -N f2b-sshd
iptables -A f2b-sshd -s 203.0.113.66/32 -j REJECT --reject-with icmp-port-unreachable
iptables -A f2b-sshd -j RETURN
iptables -I INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
iptables -t nat -N DOCKER
iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
iptables -t nat -A DOCKER -i docker0 -j RETURN
iptables -N DOCKER
iptables -N DOCKER-USER
iptables -A DOCKER-USER -j RETURN
iptables -I FORWARD -j DOCKER-USER
iptables -A FORWARD -o docker0 -j DOCKER
iptables -I INPUT 3 -s 192.0.2.77/32 -m comment --comment "Ann's: \"\$(reboot)\"; don't" -j ACCEPT
iptables -t mangle -A PREROUTING -p tcp -m tcp --dport 5060 -j MARK --set-xmark 0x7/0xff
iptables -t mangle -A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff
ip6tables -N f2b-sshd
ip6tables -A f2b-sshd -s 2001:db8:66::/64 -j DROP
ip6tables -I INPUT -p tcp -m tcp --dport 22 -j f2b-sshd
ip6tables -t raw -A PREROUTING -i eth1 -p udp -m udp --dport 53 -j CT --notrack
nft add table inet ann
nft add chain inet ann pre '{ type filter hook prerouting priority -200; }'
nft add rule inet ann pre tcp dport 5061 meta mark set 0x9 comment '"hers"'
"""

# As a person leaves a file: comments, empty lines, odd spaces, counters.
SAVED_BY_A_PERSON = """\
# Edited by Ann.   Ask before you touch this!

*nat
:PREROUTING ACCEPT [10:700]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 172.16.0.0/12 -o eth0   -j MASQUERADE
COMMIT
# the mangle table follows

*mangle
:PREROUTING ACCEPT [12:3456]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:voip - [0:0]
  -A PREROUTING -p udp --dport 5060 -j voip
[7:420] -A voip -m comment --comment "Ann's \\"phones\\"" -j MARK --set-mark 0x7/0xff
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
# connections that exist go on
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT

-A INPUT -i lo -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT   -p tcp --dport ssh -j ACCEPT
-A INPUT -p vrrp -s 0.0.0.0/0 -j ACCEPT
-A INPUT -j REJECT
COMMIT
# end
"""

FIREWALLD_SAVED = {
    "ipsets/banned.xml": """\
<?xml version="1.0" encoding="utf-8"?>
<ipset type="hash:ip">
  <entry>203.0.113.66</entry>
</ipset>
""",
    "direct.xml": """\
<?xml version="1.0" encoding="utf-8"?>
<direct>
  <rule ipv="ipv4" table="mangle" chain="PREROUTING" priority="0">-p tcp --dport 5060 -j MARK\
 --set-mark 7</rule>
</direct>
""",
    "zones/office.xml": """\
<?xml version="1.0" encoding="utf-8"?>
<!-- Ann's zone -->
<zone><short>Office</short>
    <source address="192.0.2.128/25"/>
    <service name="ssh"/><port port="8080" protocol="tcp"/>
</zone>
""",
    "zones/public.xml": """\
<?xml version="1.0" encoding="utf-8"?>
<zone>
  <short>Public</short>
  <description>Ann's &lt;public&gt; zone &amp; everybody's.</description>
  <service name="ssh"/>
  <service name="http"/>
  <service name="snmp"/>
  <port port="161" protocol="udp"/>
  <source-port port="68" protocol="udp"/>
  <icmp-block name="redirect"/>
  <forward-port port="2222" protocol="tcp" to-port="22"/>
  <forward/>
  <rule family="ipv4">
    <source address="203.0.113.0/24"/>
    <protocol value="vrrp"/>
    <accept/>
  </rule>
  <rule family="ipv6">
    <source address="fe80::/10"/>
    <protocol value="vrrp"/>
    <accept/>
  </rule>
  <rule>
    <source ipset="banned"/>
    <drop/>
  </rule>
  <rule family="ipv4">
    <source address="192.0.2.77"/>
    <port port="9100" protocol="tcp"/>
    <log prefix="ann " level="info"/>
    <accept/>
  </rule>
  <rule priority="-5" family="ipv4">
    <destination address="203.0.113.99"/>
    <service name="sip"/>
    <mark set="0x7/0xff"/>
  </rule>
</zone>
""",
}
FIREWALLD_RUNTIME = r"""
set -e
firewall-cmd --reload
firewall-cmd --zone=public --add-port=4444/tcp
firewall-cmd --zone=public --add-rich-rule='rule family=ipv4 source address=203.0.113.67 reject'
firewall-cmd --ipset=banned --add-entry=203.0.113.68
firewall-cmd --direct --add-rule ipv4 filter INPUT 0 -s 203.0.113.69 -j DROP
nft add table inet ann
nft add chain inet ann pre '{ type filter hook prerouting priority -200; }'
"""
FIREWALLD_FILES = (
    "cd /etc/firewalld && find . -type f ! -name 'public.xml*' -exec sha256sum {} + | sort"
)


ROUTERS = ("fra2", "lon2")


def dump(fleet: Fleet, router: str) -> str:
    """Both families, without comments and counters."""
    script = "for each in iptables ip6tables; do $each-save; done | sed 's/\\[[0-9:]*\\]$//'"
    return without(fleet.sh(router, script), "# ")


def test_rules_of_others_that_run_stay_and_are_not_saved(fleet: Fleet) -> None:
    fleet.fresh(*ROUTERS)
    before, files = {}, {}
    for router in ROUTERS:
        fleet.sh(router, f"set -e\n{IPTABLES_RUNTIME}")
        before[router] = dump(fleet, router), fleet.sh(router, "nft list table inet ann")
        files[router] = [fleet.read(router, saved_path(fleet, router, v)) for v in (4, 6)]

    answer = fleet.rollout(*ROUTERS)

    assert answer.code == 0, answer
    for router in ROUTERS:
        rules, hers = before[router]
        with_ours = dump(fleet, router)
        assert OURS in with_ours
        assert foreign_lines(with_ours) == foreign_lines(rules)
        assert fleet.sh(router, "nft list table inet ann") == hers
        input_chain = [line for line in with_ours.splitlines() if line.startswith("-A INPUT ")]
        assert "-j f2b-sshd" in input_chain[0], "whoever is banned stays banned"
        for version, text in zip((4, 6), files[router], strict=True):
            now = fleet.read(router, saved_path(fleet, router, version))
            assert OURS in now
            assert without(now, OURS).startswith(text)
            for word in ("f2b", "DOCKER", "Ann", "CONNMARK", "notrack"):
                assert word not in now


def test_a_file_that_a_person_wrote_keeps_every_byte(fleet: Fleet) -> None:
    fleet.fresh(*ROUTERS)
    paths = {router: saved_path(fleet, router) for router in ROUTERS}
    for router, path in paths.items():
        fleet.write(router, path, SAVED_BY_A_PERSON, "640")

    answer = fleet.rollout(*ROUTERS)

    assert answer.code == 0, answer
    for router, path in paths.items():
        assert without(fleet.read(router, path), OURS) == SAVED_BY_A_PERSON
        assert fleet.sh(router, f"stat -c '%a %U' {path}") == "640 root\n"
    # What was saved beside the person's rules is what the kernel takes at the next boot.
    fleet.reboot(*ROUTERS)
    for router in ROUTERS:
        loaded = running(fleet, router)
        assert [rule for rule in loaded if "phones" in rule]
        assert [rule for rule in loaded if OURS in rule and "0x50" in rule]
    for router in ROUTERS:
        site = fleet.lab.router(router).site
        fleet.data(site.name).update(services={}, vrrp={"accept": False})
    assert fleet.rollout(*ROUTERS).code == 0
    for router, path in paths.items():
        assert fleet.read(router, path) == SAVED_BY_A_PERSON


def test_a_zone_that_others_use_keeps_all_that_is_theirs(fleet: Fleet) -> None:
    fleet.fresh("ams2")
    for path, text in FIREWALLD_SAVED.items():
        fleet.write("ams2", f"/etc/firewalld/{path}", text)
    fleet.sh("ams2", FIREWALLD_RUNTIME)
    before = Firewalld(fleet)

    answer = fleet.rollout("ams2")

    assert answer.code == 0, answer
    after = Firewalld(fleet)
    assert after.zones == before.zones
    assert after.direct == before.direct
    assert after.files == before.files
    assert after.elements == before.elements
    assert set(before.rich) < set(after.rich)
    assert set(before.saved_rich) < set(after.saved_rich)
    assert set(after.rich) - set(before.rich) == set(after.saved_rich) - set(before.saved_rich)
    for word in ("4444", "203.0.113.67", "203.0.113.68", "203.0.113.69"):
        assert fleet.sh("ams2", f"grep -r {word} /etc/firewalld", check=False) == ""
    assert fleet.sh("ams2", "firewall-cmd --ipset=banned --get-entries").split() == [
        "203.0.113.66",
        "203.0.113.68",
    ]
    assert "table inet ann" in fleet.sh("ams2", "nft list tables")


class Firewalld:
    """What firewalld has on ams2 beside the rich rules of public, and those apart."""

    def __init__(self, fleet: Fleet) -> None:
        def told(command: str) -> list[str]:
            return fleet.sh("ams2", f"firewall-cmd {command}").splitlines()

        self.rich = told("--zone=public --list-rich-rules")
        self.saved_rich = told("--permanent --zone=public --list-rich-rules")
        ours = {f"\t{rule}" for rule in self.rich}
        self.zones = [line for line in told("--list-all-zones") if line not in ours]
        self.direct = told("--direct --get-all-rules")
        self.files = fleet.sh("ams2", FIREWALLD_FILES)
        self.elements = other_elements(fleet.read("ams2", ZONE_FILE))


def foreign_lines(dump: str) -> list[str]:
    """A dump without what is ours, and without tables that hold nothing but empty chains."""
    kept: list[str] = []
    for table in without(dump, OURS).split("COMMIT\n"):
        if "\n-A " in table:
            kept += table.splitlines()
    return kept
