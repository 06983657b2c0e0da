"""The lab itself: comes up, goes away whole whatever happened, and its routers are real."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from inventory.errors import LvsfleetError
from lab import cgroup
from lab.container import Container
from lab.fleet import Lab
from lab.keys import PASSWORD
from lab.network import NAMESPACES
from lab.packets import Address, Probe, send
from lab.status import Role
from lab.topology import Kind, Site

QUICK = (Kind.IPTABLES_DEBIAN,)
ENDLESS_UP = """
import sys, time
from lab.fleet import Lab
Lab.settle = lambda self: time.sleep(600)  # so that it is ended halfway, however late
Lab(int(sys.argv[1])).up(4)
"""
SECONDS = 120.0
"""Nothing here takes as long, however busy the machine is."""


def leftovers(lab: Lab, pids: list[int] | None = None) -> list[str]:
    """Everything on the host that carries the lab's number, or is one of these processes."""
    prefix, state = lab.names.prefix, lab.names.state
    ours = re.compile(rf"(\b{lab.names.base}|{state})\b")
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    found = [str(path) for path in NAMESPACES.glob(f"{prefix}*")]
    found += [line for line in [*links.splitlines(), *mounts] if ours.search(line)]
    rest = (cgroup.root() / lab.names.base, state, *state.parent.glob(f"{state.name}.*"))
    found += [str(path) for path in rest if path.exists()]
    found += [f"process {pid}" for pid in pids or () if Path(f"/proc/{pid}/exe").exists()]
    for arguments in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = arguments.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"{state}/" in line or f"{NAMESPACES}/{prefix}" in line:
            found.append(f"process {line!r}")
    return found


def inits(lab: Lab) -> list[int | None]:
    return [Container(router, lab.names).init() for router in lab.topology.routers]


def ssh(lab: Lab, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    argv = ["ssh", "-F", str(lab.ssh_config), "-o", "BatchMode=yes", *arguments]
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)


class TestUpAndDown:
    def test_up_again_leaves_routers_alone_and_starts_what_is_missing(self, spare: Lab) -> None:
        spare.up(2, kinds=QUICK)
        before = inits(spare)
        said: list[str] = []
        spare.up(2, kinds=QUICK, reporter=said.append)
        assert said == [f"lab {spare.names.number}: 2 routers are up"]
        assert inits(spare) == before
        spare.stop("ams2")
        assert [row.role for row in spare.status()] == [Role.MASTER, Role.DOWN]
        spare.up(2, kinds=QUICK)
        after = inits(spare)
        assert after[0] == before[0]
        assert None not in after
        assert after[1] != before[1]

    def test_down_leaves_nothing(self, spare: Lab, tmp_path: Path) -> None:
        spare.up(2, kinds=QUICK, inventory=tmp_path)
        pids = cgroup.members(cgroup.root() / spare.names.base)
        client = subprocess.Popen(spare.entry("client-ams", ["sleep", "1000"]))
        inside = subprocess.Popen(spare.entry("ams1", ["sleep", "1000"]))
        spare.down()
        assert leftovers(spare, pids) == []
        assert client.wait(SECONDS) != 0
        assert inside.wait(SECONDS) != 0
        assert spare.status() == []
        spare.down()

    def test_a_lab_grows_but_does_not_change(self, spare: Lab) -> None:
        spare.up(1, kinds=QUICK)
        before = inits(spare)
        spare.up(2, kinds=QUICK)
        assert inits(spare)[0] == before[0]
        with pytest.raises(LvsfleetError, match="can only grow"):
            spare.up(1, kinds=QUICK)
        down = f"Take it down first: lvsfleet lab down --lab {spare.names.number}$"
        with pytest.raises(LvsfleetError, match=down):
            spare.up(2, kinds=[Kind.FIREWALLD])

    @pytest.mark.parametrize(
        "reached",
        ["client-ams", "switch", "ams1", "cgroup"],
    )
    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
    def test_after_a_crash_halfway_down_leaves_nothing(
        self, spare: Lab, reached: str, how: signal.Signals
    ) -> None:
        group = cgroup.root() / spare.names.base / "ams1"
        milestone = group if reached == "cgroup" else NAMESPACES / spare.names.of(reached)
        argv = [sys.executable, "-c", ENDLESS_UP, str(spare.names.number)]
        up = subprocess.Popen(argv, start_new_session=True, stderr=subprocess.DEVNULL)
        while not milestone.exists():
            assert up.poll() is None, "it ended by itself"
            time.sleep(0.001)
        up.send_signal(how)
        assert up.wait(SECONDS) == -how
        spare.down()
        assert leftovers(spare) == []

    def test_down_ends_a_router_that_was_killed(self, spare: Lab) -> None:
        spare.up(2, kinds=QUICK)
        init = inits(spare)[0]
        assert init
        os.kill(init, signal.SIGKILL)
        end = time.monotonic() + SECONDS
        while spare.status()[0].running:
            assert time.monotonic() < end
            time.sleep(0.01)
        spare.settle()
        assert [row.role for row in spare.status()] == [Role.DOWN, Role.MASTER]
        spare.down()
        assert leftovers(spare) == []

    def test_down_when_the_record_is_damaged(self, spare: Lab) -> None:
        spare.up(1, kinds=QUICK)
        (spare.names.state / "lab.json").write_text("{")
        with pytest.raises(LvsfleetError, match=r"lab\.json is damaged"):
            spare.status()
        spare.down()
        assert leftovers(spare) == []

    def test_what_is_not_there_is_said(self, spare: Lab) -> None:
        number = spare.names.number
        start = rf"lab {number} is not up\. Start it: lvsfleet lab up --lab {number}$"
        with pytest.raises(LvsfleetError, match=start):
            spare.exec("ams1", ["true"])
        spare.up(1, kinds=QUICK)
        with pytest.raises(LvsfleetError, match=r"has no 'nyc1'\. It has ams1, client-ams"):
            spare.exec("nyc1", ["true"])
        spare.stop("ams1")
        with pytest.raises(LvsfleetError, match="ams1 does not run"):
            spare.exec("ams1", ["true"])

    def test_without_root_one_line_says_so(self, spare: Lab) -> None:
        argv = ["setpriv", "--reuid=65534", "--clear-groups", "sh", "lab/setup/preflight.sh"]
        refused = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert (refused.returncode, refused.stderr) == (
            2,
            "lab: the lab needs root; run it with sudo\n",
        )
        assert leftovers(spare) == []


class TestRouters:
    def test_all_are_up(self, fresh: Callable[..., Lab]) -> None:
        lab = fresh()
        rows = lab.status()
        assert [(row.router, row.role) for row in rows] == [
            ("ams1", Role.MASTER),
            ("ams2", Role.BACKUP),
            ("fra1", Role.MASTER),
            ("fra2", Role.BACKUP),
            ("lon1", Role.MASTER),
            ("lon2", Role.BACKUP),
        ]
        assert all(row.running and row.ssh for row in rows)
        for row in rows:
            state = lab.exec(row.router, ["systemctl", "is-system-running"]).stdout
            assert state == "running\n", row.router

    @pytest.mark.parametrize(
        ("router", "units"),
        [
            ("ams1", "firewalld.service keepalived.service ssh.service"),
            ("fra1", "keepalived.service netfilter-persistent.service ssh.service"),
            ("lon1", "ip6tables.service iptables.service keepalived.service ssh.service"),
        ],
    )
    def test_each_kind_runs_its_own_filter(self, lab: Lab, router: str, units: str) -> None:
        asked = "firewalld ip6tables iptables keepalived netfilter-persistent nftables ssh"
        argv = ["systemctl", "list-units", "--plain", "--no-legend", "--state=active"]
        active = lab.exec(router, [*argv, *(f"{unit}.service" for unit in asked.split())]).stdout
        assert [line.split()[0] for line in active.splitlines()] == units.split()

    def test_the_rhel_like_have_nothing_of_debian_s_way(self, lab: Lab) -> None:
        for path in ("/etc/iptables", "/usr/sbin/netfilter-persistent"):
            assert lab.exec("fra1", ["test", "-e", path]).returncode == 0
            assert lab.exec("lon1", ["test", "-e", path], check=False).returncode == 1

    def test_the_host_s_kernel_is_out_of_reach(self, lab: Lab) -> None:
        for path in ("/proc/sys/kernel/hostname", "/proc/sys/vm/swappiness", "/sys/kernel/mm"):
            refused = lab.exec("ams1", ["test", "-w", path], check=False)
            assert refused.returncode == 1, path
        assert lab.exec("ams1", ["cat", "/proc/sys/net/ipv4/ip_forward"]).stdout == "1\n"

    def test_no_way_leads_out(self, lab: Lab) -> None:
        for where in ("ams1", "fra2", "lon1"):
            routes = (
                lab.exec(where, ["ip", "route"]).stdout
                + lab.exec(where, ["ip", "-6", "route"]).stdout
            )
            assert "default" not in routes
        for site in lab.topology.sites:
            routes = subprocess.run(
                lab.entry(site.client, ["ip", "route"]), capture_output=True, text=True, check=True
            ).stdout
            assert routes.split()[0] == str(site.network4)
            assert "default" not in routes

    def test_reboot_brings_back_what_was_saved_and_nothing_else(
        self, fresh: Callable[..., Lab]
    ) -> None:
        lab = fresh()
        rule = "-A INPUT -p tcp -m tcp --dport 7777 -j ACCEPT"
        add = f"sed -i '/^-A INPUT -i lo/a {rule}'"
        lab.exec("fra2", ["sh", "-c", f"{add} /etc/iptables/rules.v4"])
        lab.exec("lon2", ["sh", "-c", f"{add} /etc/sysconfig/ip6tables"])
        lab.exec("ams2", ["firewall-cmd", "--permanent", "--add-port=7777/tcp"])
        for router, tool in (("fra2", "iptables"), ("lon2", "ip6tables")):
            argv = [tool, "-I", "INPUT", "-p", "tcp", "--dport", "8888", "-j", "ACCEPT"]
            lab.exec(router, argv)
        lab.exec("ams2", ["firewall-cmd", "--add-port=8888/tcp"])
        lab.reboot("ams2", "fra2", "lon2")
        for router, argv in (
            ("fra2", ["iptables-save"]),
            ("lon2", ["ip6tables-save"]),
            ("ams2", ["firewall-cmd", "--list-ports"]),
        ):
            loaded = lab.exec(router, argv).stdout
            assert "7777" in loaded, router
            assert "8888" not in loaded, router
        lab.settle()
        assert lab.exec("fra2", ["hostname"]).stdout == "fra2\n"

    def test_reset_makes_a_router_as_new(self, lab: Lab) -> None:
        lab.exec("lon2", ["touch", "/etc/written"])
        lab.reset("lon2")
        assert lab.exec("lon2", ["ls", "/etc/written"], check=False).returncode
        assert ssh(lab, "lon2", "hostname").stdout == "lon2\n", "its host key stays"


class TestSsh:
    def test_every_router_proves_who_it_is(self, lab: Lab) -> None:
        for router in lab.topology.routers:
            assert ssh(lab, router.name, "hostname; id -un").stdout == f"{router.name}\nroot\n"

    def test_another_router_s_key_is_refused(self, lab: Lab, tmp_path: Path) -> None:
        known = (lab.names.state / "known_hosts").read_text().splitlines()
        ams1, ams2 = known[0].split(), known[1].split()
        forged = tmp_path / "known_hosts"
        forged.write_text(f"{ams1[0]} {' '.join(ams2[1:])}\n")
        refused = ssh(lab, "-o", f"UserKnownHostsFile={forged}", "ams1", "true")
        assert refused.returncode == 255
        assert "Host key verification failed" in refused.stderr

    def test_operators(self, lab: Lab) -> None:
        assert ssh(lab, "-l", "ops", "fra1", "sudo -n id -un").stdout == "root\n"
        asked = ssh(lab, "-l", "opspw", "fra1", "sudo -n id -un")
        assert asked.returncode == 1
        given = ssh(lab, "-l", "opspw", "fra1", "sudo -S id -un", stdin=f"{PASSWORD}\n")
        assert given.stdout == "root\n"


def answers(lab: Lab, site: str, vip: Address, port: int, answer: str) -> None:
    """See that a client is answered so; right after a takeover it may have to ask again."""
    end = time.monotonic() + 10
    while (given := send(lab, site, vip, port)) != {answer: 1}:
        assert time.monotonic() < end, (vip, port, given)


class TestPackets:
    def sites(self, lab: Lab) -> tuple[Site, ...]:
        return lab.topology.sites

    def test_clients_reach_the_vips(self, lab: Lab) -> None:
        for site in self.sites(lab):
            for vip in site.web:
                answers(lab, site.name, vip, 80, "refused")
                assert send(lab, site.name, vip, 80, count=3) == {"refused": 3}, vip

    def test_the_base_policies_reject_or_drop_the_rest(self, lab: Lab) -> None:
        ams, fra, lon = self.sites(lab)
        answers(lab, "ams", ams.ftp, 21, "unreachable")
        answers(lab, "fra", fra.ftp, 21, "unreachable")
        answers(lab, "lon", lon.ftp, 21, "silent")

    def test_the_probe_counts_by_mark(self, fresh: Callable[..., Lab]) -> None:
        lab = fresh("fra")
        site = self.sites(lab)[1]
        for tool, vip in zip(("iptables", "ip6tables"), site.web, strict=True):
            rule = ["-d", str(vip), "-p", "tcp", "--dport", "80", "-j", "MARK", "--set-mark", "80"]
            lab.exec("fra1", [tool, "-t", "mangle", "-A", "PREROUTING", *rule])
        vip = site.dns[0]
        rule = ["-d", str(vip), "-p", "udp", "-j", "MARK", "--set-mark", "0xffffffff"]
        lab.exec("fra1", ["iptables", "-t", "mangle", "-A", "PREROUTING", *rule])
        with Probe(lab, "fra1") as probe:
            for web in site.web:
                assert probe.sent("fra", web, 80, count=20) == {80: 20}
                assert probe.sent("fra", web, 81, count=2) == {0: 2}
            assert probe.sent("fra", vip, 53, "udp", count=5) == {2**32 - 1: 5}
            assert probe.sent("fra", vip, 53, "sctp", count=5) == {0: 5}
            accepted = {(flow.mark, flow.port) for flow in probe.read().accepted}
            assert accepted & {(80, 80), (0, 81), (2**32 - 1, 53)} == {(80, 80)}
        assert "lvslab" not in lab.exec("fra1", ["nft", "list", "tables"]).stdout

    def test_the_backup_takes_over(self, lab: Lab) -> None:
        lab.stop("lon1")
        lab.settle("lon")
        answers(lab, "lon", self.sites(lab)[2].web[0], 80, "refused")
        lab.start("lon1")
        lab.settle("lon")
        assert [row.role for row in lab.status()][4:] == [Role.MASTER, Role.BACKUP]
