"""A rule of others that takes the mark away again: a rollout that changes nothing names it."""

from __future__ import annotations

from tests.lab.rollout.fleet import Fleet
from tests.lab.rollout.traffic import Fate, Packet, fates

ROUTER = "fra1"


def test_an_accept_in_front_of_our_jump_is_named(fleet: Fleet) -> None:
    fleet.fresh(ROUTER)
    fleet.settle(ROUTER)
    assert fleet.rollout(ROUTER).code == 0
    packet = Packet(fleet.lab.router(ROUTER).site.web[0], 80)
    assert fates(fleet.lab, ROUTER, [packet]) == {packet: Fate(80, let_in=True)}
    rule = f"-d {packet.address.exploded.rpartition('.')[0]}.0/24 -p tcp -j ACCEPT"
    fleet.sh(ROUTER, f"iptables -t mangle -I PREROUTING {rule}")
    assert fates(fleet.lab, ROUTER, [packet]) == {packet: Fate(0, let_in=True)}

    answer = fleet.rollout(ROUTER)

    assert (answer.code, answer.statuses) == (0, {ROUTER: "unchanged"}), answer
    told = [each for each in answer.routers[ROUTER]["findings"] if each["id"] == "LVS005"]
    (finding,) = (each for each in told if str(packet.address) in each["message"])
    assert finding["severity"] == "error"
    assert f"-A PREROUTING {rule} (iptables mangle)" in finding["message"]
