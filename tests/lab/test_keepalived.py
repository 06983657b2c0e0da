"""What is read of keepalived.conf, held against what keepalived itself makes of it.

keepalived has no way to print what it read without starting. So it is started in namespaces of its
own, where it finds no IPVS: then its checker names each real server with its virtual server before
it ends, and its VRRP part dumps its instances.
"""

from __future__ import annotations

import json
import re

import pytest

from lab.fleet import Lab
from tasks.keepalived.config import Config, Endpoint, Fwmark, VirtualServer
from tasks.keepalived.lines import Place
from tasks.keepalived.read import read
from tests.unit.tasks.keepalived_cases import Case, cases

ROUTER = "lon2"

# Interfaces that the cases name; files go where the cases say. Each part is heard until it says
# that it has nothing (more) to tell, or ends.
_RUN = r"""
set -e
mount -t tmpfs none /etc/keepalived
mount -t tmpfs none /srv
mount -t tmpfs none /tmp
for n in 0 1 2; do
    ip link add eth$n type veth peer name peer$n
    ip addr add 192.0.2.10$n/24 dev eth$n
    ip link set eth$n up
    ip link set peer$n up
done
timeout 120 python3 -c '
import json, os, pathlib, signal, subprocess, sys
for path, text in json.load(sys.stdin).items():
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_text(text)
words = "-d -n -l -D -G -p /tmp/p -r /tmp/r -c /tmp/c -b /tmp/b".split() + sys.argv[1:]
for part, end in ("-C", b"Startup complete"), ("-P", b"< Interfaces >"):
    daemon = subprocess.Popen(["keepalived", part, *words], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, start_new_session=True)
    for line in daemon.stdout:
        sys.stdout.buffer.write(line)
        if end in line or b"has no configuration to run" in line:
            break
    os.killpg(daemon.pid, signal.SIGKILL)
    daemon.wait()
' -f "$1" ${2:+-i "$2"}
"""
_REAL = re.compile(
    r"Shutting down service \[(?P<real>[^]]+)\]:\w+:(?P<port>\d+) from VS (?P<of>.+)"
)
_COMPLAINT = re.compile(r"\((?P<file>/\S+): Line (?P<line>\d+)\)")
_ADDRESS = re.compile(
    r"^(?P<address>[0-9a-f.:]+)(/(?P<prefix>\d+))?( brd \S+)? dev (?P<device>\S+)(?P<rest>.*)"
)


def said(lab: Lab, case: Case) -> list[str]:
    """What keepalived writes, without the time."""
    argv = ["unshare", "-n", "-m", "sh", "-c", _RUN, "sh", case.files.main, case.files.config_id]
    done = lab.exec(ROUTER, argv, stdin=json.dumps(dict(case.files.texts)))
    return [re.sub(r"^.*? \d\d:\d\d:\d\d \d{4}: ", "", line) for line in done.stdout.splitlines()]


def pairs(config: Config) -> set[tuple[str, str]]:
    """Each real server with the virtual server that keepalived names it with."""
    return {
        (name, str(real.address))
        for server in config.virtual_servers
        for name in [name_of(server)]
        for real in server.real_servers
    }


def name_of(server: VirtualServer) -> str:
    if server.group is not None:
        return f"[{server.group}]"
    match server.targets:
        case (Fwmark() as mark,):
            return f"FWM {mark.mark}"
        case (Endpoint() as endpoint,):
            return f"[{endpoint.first}]"
    return "?"


SOUND = [case for case in cases() if "problem:" not in case.reads]


@pytest.mark.parametrize("case", SOUND, ids=[case.title for case in SOUND])
def test_keepalived_reads_the_same(lab: Lab, case: Case) -> None:
    lines = said(lab, case)
    config = read(case.files)
    found = {
        (re.sub(r"(?<=\]).*", "", match["of"]), match["real"])
        for line in lines
        if (match := _REAL.match(line))
    }
    assert found == pairs(config)
    listed = [match for line in lines if (match := _ADDRESS.match(line.strip()))]
    refused = {Place(m["file"], int(m["line"])) for m in map(_COMPLAINT.search, lines) if m}
    dumped = {(m["address"], m["device"], "label" in m["rest"]) for m in listed}
    expected = {
        (str(each.address), each.device or instance.interface, each.label is not None)
        for instance in config.instances
        if instance.interface and instance.router_id
        for each in instance.addresses
        if each.place not in refused
    }
    assert dumped == expected
