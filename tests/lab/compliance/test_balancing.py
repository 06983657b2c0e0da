"""A router that balances, with IPVS in its kernel: each fault is found, and only it.

What is sent to a VIP that comes is answered by a real server, or all is taken back.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from inventory.errors import LvsfleetError
from lab.packets import send
from lab.topology import Kind
from tests.lab.compliance.balancing import CONF, FAULTS, KEEP, Balancing, served_by
from tests.lab.compliance.served import real_server
from tests.lab.compliance.test_faults import check
from tests.lab.conftest import OTHERS_NUMBER, reserved
from tests.lab.rollout.fleet import AT_ONCE, Fleet

ROUTER = "ams1"
SECONDS, AGAIN_SECONDS = 120.0, 10.0
PATIENT = (*AT_ONCE, "--confirm-timeout", "300", "--timeout", "300")
"""A machine that is emulated is as slow as one with a busy CPU, and slower on a busy machine."""
ALL_OF_IT = f"cat {CONF} /etc/iptables/*; iptables -t mangle -S; iptables -S; ip -br a; ipvsadm -Sn"
"""What a VIP's change could touch."""


@pytest.fixture(scope="module")
def balancing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One router whose kernel has IPVS, after a rollout."""
    try:
        with reserved(OTHERS_NUMBER) as lab:
            lab.up(1, kinds=[Kind.IPTABLES_IPVS])
            fleet = Fleet(lab, tmp_path_factory.mktemp("balancing") / "inventory").patient()
            fleet.sh(ROUTER, KEEP)
            answer = fleet.rollout(options=PATIENT)
            assert answer.code == 0, answer
            yield fleet
    except LvsfleetError as error:
        pytest.fail(f"the lab: {error}", pytrace=False)


def told(fleet: Fleet, code: int) -> set[tuple[str, str]]:
    """Everything that is found, informations too."""
    findings = check(fleet, code=code)[ROUTER]["findings"]
    return {(each["id"], each["severity"]) for each in findings}


def test_packets_reach_the_virtual_server_of_their_mark(balancing: Fleet) -> None:
    site = balancing.lab.router(ROUTER).site
    wanted = {"80": "1", "80 IPv6": "1", "21": "1", "53": "2", "53 IPv6": "0"}
    deadline = time.monotonic() + SECONDS
    seen: dict[str, str] = {}
    while seen != wanted and time.monotonic() < deadline:
        balancing.sh(ROUTER, "ipvsadm -Z")
        for address, port in ((site.web[0], 80), (site.web[1], 443), (site.ftp, 10500)):
            send(balancing.lab, site.name, address, port)
        send(balancing.lab, site.name, site.dns[0], 53, "udp", count=2)
        again = time.monotonic() + AGAIN_SECONDS  # if its machine stalled, and a packet got lost
        while (seen := connections(balancing)) != wanted and time.monotonic() < again:
            time.sleep(0.2)  # its counters are two seconds late
    assert seen == wanted


def connections(fleet: Fleet) -> dict[str, str]:
    """How many came to each virtual server, by mark and family."""
    lines = fleet.sh(ROUTER, "ipvsadm -Ln --stats --exact").splitlines()
    words = [line.split() for line in lines if line.startswith("FWM")]
    return {" ".join(each[1:-5]): each[-5] for each in words}


@pytest.mark.parametrize("fault", [each for each in FAULTS if not each.says], ids=str)
def test_a_fault_is_found_and_only_it(balancing: Fleet, fault: Balancing) -> None:
    balancing.sh(ROUTER, fault.script)
    try:
        code = 3 if fault.severity.value in {"error", "warning"} else 0
        assert told(balancing, code) == {(fault.check, fault.severity.value)}
    finally:
        balancing.sh(ROUTER, fault.undo)


def test_nothing_is_found_when_all_is_mended(balancing: Fleet) -> None:
    assert told(balancing, 0) == set()


@pytest.mark.parametrize("fault", [each for each in FAULTS if each.says], ids=str)
def test_a_rollout_mends_it(balancing: Fleet, fault: Balancing) -> None:
    """What it says in the inventory stays there."""
    balancing.sh(ROUTER, fault.script)
    assert told(balancing, 3) == {(fault.check, fault.severity.value)}
    balancing.services(ROUTER).update(fault.says)
    answer = balancing.rollout(options=PATIENT)
    assert answer.code == 0, answer
    assert told(balancing, 0) == set()


def test_a_vip_is_taken_back_for_the_port_that_no_real_server_answers_on(
    balancing: Fleet,
) -> None:
    """The last of the router: web has another real server then."""
    site = balancing.lab.router(ROUTER).site
    old, new = site.web[0], site.at(20)[0]
    options = ("--no-inventory", "--yes", *PATIENT)
    with real_server(balancing.lab, site, old, new) as real:
        balancing.sh(ROUTER, served_by(str(real.address)))
        before = balancing.sh(ROUTER, ALL_OF_IT)

        answer = real.lvsfleet(
            balancing.folder,
            *("vip", "add", "web", str(new), *options, "--inventory", str(balancing.folder)),
        )

    assert answer.code == 1, answer
    said = f"no real server answers on {new} port 443, though they do on another VIP"
    assert said in answer.error(ROUTER)[1]
    assert answer.statuses == {ROUTER: "reverted"}
    assert balancing.sh(ROUTER, ALL_OF_IT) == before
