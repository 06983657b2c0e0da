"""Marks that stay are never absent: clients send all the time while other services change."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from lab.packets import Probe, send
from tests.lab.rollout.fleet import AT_ONCE, Fleet

MASTERS = ("ams1", "fra1", "lon1")
BURST = 50


@contextmanager
def clients_sending(fleet: Fleet) -> Iterator[Counter[str]]:
    """SYN after SYN to each site's web; what was sent by each router's clients, when it is over."""
    over = threading.Event()
    sent: Counter[str] = Counter()

    def keep_sending(router: str) -> None:
        site = fleet.lab.router(router).site
        while not over.is_set():
            for vip in site.web:
                answers = send(fleet.lab, site.name, vip, 80, count=BURST)
                sent[router] += answers.get("refused", 0)

    with ThreadPoolExecutor(len(MASTERS)) as pool:
        senders = [pool.submit(keep_sending, router) for router in MASTERS]
        try:
            yield sent
        finally:
            over.set()
    for sender in senders:
        sender.result()


def test_no_packet_pays_for_a_change(fleet: Fleet) -> None:
    fleet.fresh(*MASTERS)
    assert fleet.rollout(*MASTERS).code == 0
    with ExitStack() as stack:
        probes = {router: stack.enter_context(Probe(fleet.lab, router)) for router in MASTERS}
        with clients_sending(fleet) as sent:
            change_and_change_back(fleet)
        for router, probe in probes.items():
            counts = probe.read()
            for vip in fleet.lab.router(router).site.web:
                marks = {f.mark: n for f, n in counts.marked.items() if f.address == vip}
                let_in = {f.mark: n for f, n in counts.accepted.items() if f.address == vip}
                assert set(marks) == {80}
                assert marks[80] >= 2 * BURST
                assert let_in == marks
            # Let in, and answered that nobody listens: none was rejected or got lost.
            assert sent[router] == sum(n for f, n in counts.marked.items() if f.port == 80)


def change_and_change_back(fleet: Fleet) -> None:
    """The web gets a port, FTP another mark and DNS goes; then all is as before."""
    complete = {site.name: dict(fleet.services(site.name)) for site in fleet.lab.topology.sites}
    for name, services in complete.items():
        web = {**services["web"], "ports": ["80/tcp", "443/tcp", "8443/tcp"]}
        fleet.data(name)["services"] = {"web": web, "ftp": {**services["ftp"], "mark": 2121}}
    answer = fleet.rollout(*MASTERS, options=AT_ONCE)
    assert answer.statuses == dict.fromkeys(MASTERS, "changed"), answer
    for name, services in complete.items():
        fleet.data(name)["services"] = services
    answer = fleet.rollout(*MASTERS, options=AT_ONCE)
    assert answer.statuses == dict.fromkeys(MASTERS, "changed"), answer
