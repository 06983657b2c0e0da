"""What a change costs packets: rollouts, and the same by a reload, or by a flush and new rules.

Brings up a lab of its own (``--lab``, 7 unless said) with a router of every way that marks are kept
in, sends a SYN a millisecond to port 8080 of two VIPs (IPv4 and IPv6) of each, and changes what is
beside them. Prints a table in Markdown: how many SYNs arrived without their mark, how many
were not let in, and how many were lost before they could be counted. A gap shorter than a pause of
the sender may go unseen: the longest pause is told too.
Ends with status 1 if a rollout cost a packet. Needs root.

    python -m benchmarks.hitless [--rollouts 50] [--by-hand 50] [--lab 7]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab.fleet import Lab
from lab.steady import Seen
from lab.topology import Kind
from tests.lab.rollout.fleet import Fleet
from tests.lab.rollout.hitless import (
    MOVABLE,
    POLICY,
    ROUTERS,
    SITES_PORT,
    WAYS,
    Hitless,
    costs_nothing,
)

FIREWALLD = r"""
set -e
rule='rule family=ipv4 destination address={ftp} port port=21 protocol=tcp mark set=21'
for n in $(seq {times}); do
    case $((n % 2)) in 1) verb=add ;; *) verb=remove ;; esac
    firewall-cmd --permanent "--$verb-rich-rule=$rule"
    firewall-cmd --reload
done
"""
IPTABLES = r"""
set -e
again() { # PROGRAM TABLE CHAIN: flush a chain, and add its rules again, without those for FTP
    "$1" -t "$2" -S "$3" | grep -v 'dport 21 ' | sed -n "s/^-A/$1 -t $2 -A/p" >/run/again
    "$1" -t "$2" -F "$3"
    . /run/again
}
for n in $(seq {times}); do
    for each in iptables ip6tables; do
        again $each mangle PREROUTING
        if [ $each$((n % 2)) = iptables1 ]; then
            iptables -t mangle -A PREROUTING -d {ftp} -p tcp --dport 21 -j MARK --set-mark 21
        fi
        again $each filter INPUT
    done
done
"""
NFTABLES = r"""
set -e
for n in $(seq {times}); do
    nft list chain inet ann pre | grep -v 'dport 21 ' |
        sed -n 's/^\t\t\(ip.*\)\([{].*[}]\)/nft add rule inet ann pre \1"\2"/p' >/run/again
    nft flush chain inet ann pre
    . /run/again
    if [ $((n % 2)) = 1 ]; then
        nft add rule inet ann pre ip daddr {ftp} tcp dport 21 meta mark set 21
    fi
done
"""
BY_HAND: Mapping[Kind, tuple[str, str]] = {
    Kind.FIREWALLD: ("`firewall-cmd --reload`", FIREWALLD),
    **dict.fromkeys(
        (Kind.IPTABLES_DEBIAN, Kind.IPTABLES_RHEL, Kind.IPTABLES_LEGACY),
        ("`iptables -F; iptables -A`", IPTABLES),
    ),
    Kind.NFTABLES: ("`nft flush chain; nft add rule`", NFTABLES),
}
HEAD = ("what", "kept in", "changes", "SYNs", "unmarked", "not let in", "lost", "longest pause")


def row(what: str, way: str, changes: int, seen: Seen) -> None:
    pause = f"{seen.longest * 1000:.0f} ms"
    found = (seen.sent, seen.unmarked, seen.not_let_in, seen.lost)
    cells = (what, way, changes, *found, pause)
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def rollouts(hitless: Hitless, number: int) -> bool:
    """Every stage, under SYNs; whether none of them paid."""
    moves = max(1, number // 10)
    stages: Mapping[str, tuple[int, Callable[[], None], tuple[str, ...]]] = {
        "`rollout --adopt`": (1, hitless.adopt, ()),
        "a zone becomes a policy, or back": (
            2 * moves + 1,
            lambda: hitless.to_policy_and_back(moves),
            (POLICY,),
        ),
        "other services change": (number, lambda: hitless.others_change(number), ()),
        "the service gains a port, or loses it": (
            number,
            lambda: hitless.a_port_comes_and_goes(number),
            (),
        ),
    }
    hitless.plant()
    fine = True
    for what, (times, do, ways) in stages.items():
        with hitless.watched(*ways) as found:
            do()
        for way, seen in found.items():
            row(what, way, times, seen)
            fine = fine and costs_nothing(seen)
    hitless.leave_ways_in_to_the_site()
    with hitless.watched(*MOVABLE, port=SITES_PORT) as found:
        hitless.to_nftables_and_back(moves)
    for way, seen in found.items():
        row("`backend: nftables`, and back", way, 2 * moves, seen)
        fine = fine and costs_nothing(seen)
    return fine


def by_hand(hitless: Hitless, times: int) -> None:
    """A service beside the one that is watched comes and goes, as people do it."""
    lab = hitless.lab
    lab.reset(*hitless.routers.values())
    lab.settle()
    hitless.plant()

    def change(way: str) -> Seen:
        router = hitless.routers[way]
        words = {"{ftp}": str(lab.router(router).site.ftp), "{times}": str(times)}
        script = BY_HAND[WAYS[way]][1]
        for word, value in words.items():
            script = script.replace(word, value)
        with hitless.watched(way) as seen:
            hitless.fleet.sh(router, script)
        return seen[way]

    ways = [way for way in WAYS if way != POLICY]
    with ThreadPoolExecutor(len(ways)) as pool:
        for way, seen in zip(ways, pool.map(change, ways), strict=True):
            row(BY_HAND[WAYS[way]][0], way, times, seen)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rollouts", type=int, default=50, help="of each stage (50)")
    parser.add_argument("--by-hand", type=int, default=50, help="changes of each other way (50)")
    parser.add_argument("--lab", type=int, default=7, help="the number of the lab (7)")
    arguments = parser.parse_args()
    lab = Lab(arguments.lab)
    with tempfile.TemporaryDirectory() as folder:
        lab.up(ROUTERS, kinds=list(WAYS.values()))
        try:
            hitless = Hitless(lab, Fleet(lab, Path(folder) / "inventory"))
            print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
            fine = rollouts(hitless, arguments.rollouts)
            by_hand(hitless, arguments.by_hand)
        finally:
            lab.down()
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
