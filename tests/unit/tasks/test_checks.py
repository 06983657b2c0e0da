"""Checks on routers as data: keepalived, IPVS and the kernel, which the lab does not have whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from inventory.desired import Desired, Service
from inventory.problems import Kind, Owner
from inventory.service import read_service
from tasks.checks import keepalived, kernel, table, virtual_servers
from tasks.checks.subject import Subject
from tasks.inspection import of_observed
from tasks.sections import split
from tests.unit.tasks.cases import CASES, printed
from tests.unit.tasks.routers import NONCE, framed, observed

UPDATE = bool(os.environ.get("UPDATE_CASES"))
FILE = CASES / "checks" / "balancing.txt"
CONF = "/etc/keepalived/"

SERVICES = """
web: {vips: [198.51.100.10, "2001:db8:2::10"], ports: [80/tcp, 443/tcp], mark: 80}
ftp: {vips: [198.51.100.11], ports: [21/tcp, 10000-20000/tcp], mark: 21}
"""
VRRP = """
vrrp_instance fra {
    interface eth1
    virtual_router_id 51
    virtual_ipaddress {
        198.51.100.10/24 dev eth1
        198.51.100.11
        2001:db8:2::10
    }
}
"""
WEB = "include vrrp.conf\n" + "".join(
    f"virtual_server fwmark {mark} {{\n lvs_sched rr\n lvs_method DR\n persistence_timeout 300\n"
    f" real_server {server} {{ weight 1 }}\n}}\n"
    for mark, server in ((80, "10.0.0.1"), ("80 inet6", "fd00::1"), (21, "10.0.0.1"))
)
KERNEL = "net/ipv4/ip_forward 1\nnet/ipv6/conf/all/forwarding 1\nip_vs yes\n"


@dataclass(frozen=True, slots=True)
class Case:
    title: str
    sections: dict[str, str]

    def __str__(self) -> str:
        return self.title


def cases() -> Iterator[Case]:
    for block in re.split(r"^=== ", FILE.read_text(), flags=re.MULTILINE)[1:]:
        title, rest = block.split("\n", 1)
        parts = re.split(r"^--- (.+)\n", rest, flags=re.MULTILINE)
        yield Case(title, dict(zip(parts[1::2], parts[2::2], strict=True)))


def service(name: str, spec: object) -> Service:
    read = read_service(Owner(Kind.GROUP, "fra"), (), name, spec)
    assert isinstance(read, Service), read
    return read


def subject(case: Case) -> Subject:
    said = case.sections
    services = yaml.safe_load(said.get("services", SERVICES))
    desired = Desired(
        "fra1", cluster="fra", services=tuple(service(*each) for each in services.items())
    )
    files = {
        "keepalived.conf": said.get("keepalived.conf", WEB),
        "vrrp.conf": VRRP,
        "web.conf": WEB,
    }
    sections = {
        "units": printed("observe/units-debian"),
        "keepalived:main": f"{CONF}keepalived.conf",
        **{f"keepalived:file:{CONF}{name}": text for name, text in files.items()},
        "kernel": said.get("kernel", KERNEL),
        "iptables:4": said.get("iptables", ""),
    }
    if "ipvs" in said:
        sections["ipvs"] = said["ipvs"]
    seen = observed(sections)
    if "test" in said:
        failed = split(framed("keepalived:test", said["test"], 5), NONCE)
        object.__setattr__(seen, "sections", {**seen.sections, **failed})
    return Subject(desired, of_observed(seen))


def finds(seen: Subject) -> list[str]:
    made = (
        *virtual_servers.check(seen),
        *table.check(seen),
        *keepalived.daemon(seen),
        *keepalived.file(seen),
        *keepalived.vips(seen),
        *kernel.forwarding(seen),
        *kernel.ipvs(seen),
        *kernel.ftp(seen),
        *kernel.others(seen),
    )
    return [f"{each.id} {each.severity.value}: {each.message}" for each in made]


@pytest.mark.parametrize("case", list(cases()), ids=str)
def test_what_is_found(case: Case) -> None:
    found = finds(subject(case))
    wanted = [line for line in case.sections["finds"].splitlines() if line]
    if UPDATE and found != wanted:
        _write(FILE, case, found)
    else:
        assert found == wanted


def _write(file: Path, case: Case, found: list[str]) -> None:
    head, tail = file.read_text().split(f"=== {case.title}\n", 1)
    body, mark, end = tail.partition("\n=== ")
    before = body.split("--- finds\n", 1)[0]
    text = "".join(f"{line}\n" for line in found)
    file.write_text(f"{head}=== {case.title}\n{before}--- finds\n{text}{mark}{end}")
