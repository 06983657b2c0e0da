"""Forty healthy iptables routers: the whole check against ``ssh ROUTER iptables-save``.

Brings up a lab of its own, rolls out once, then takes turns: OpenSSH on all routers, as many at
once as lvsfleet has workers, with its defaults, and a whole ``lvsfleet compliance``, start of the
program included. Prints each pair and the medians. Needs root.

    python -m benchmarks.compliance_healthy [--lab 7] [--routers 40] [--rounds 5] [--workers 40]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab.fleet import Lab
from lab.topology import Kind

LVSFLEET = Path(sys.executable).with_name("lvsfleet")


def openssh(lab: Lab, routers: list[str], at_once: int) -> float:
    begun = time.monotonic()
    running: list[subprocess.Popen[bytes]] = []
    for router in routers:
        if len(running) >= at_once:
            assert running.pop(0).wait() == 0
        argv = ["ssh", "-F", str(lab.ssh_config), router, "iptables-save"]
        running.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL))
    assert all(each.wait() == 0 for each in running)
    return time.monotonic() - begun


def compliance(inventory: Path, workers: int) -> float:
    begun = time.monotonic()
    argv = [str(LVSFLEET), "compliance", "--inventory", str(inventory), "--workers", str(workers)]
    # An installation has its bytecode; this shell may be set to write none.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lab", type=int, default=7)
    parser.add_argument("--routers", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=40)
    arguments = parser.parse_args()
    lab = Lab(arguments.lab)
    with tempfile.TemporaryDirectory() as folder:
        kinds = [Kind.IPTABLES_DEBIAN, Kind.IPTABLES_RHEL]
        lab.up(arguments.routers, kinds=kinds, inventory=Path(folder))
        try:
            first = [str(LVSFLEET), "rollout", "--now", "--inventory", folder]
            subprocess.run(first, check=True, capture_output=True)
            routers = [router.name for router in lab.topology.routers]
            openssh(lab, routers, arguments.workers)  # warm up
            compliance(Path(folder), arguments.workers)
            pairs = []
            for _ in range(arguments.rounds):
                theirs = openssh(lab, routers, arguments.workers)
                ours = compliance(Path(folder), arguments.workers)
                pairs.append((theirs, ours))
                print(f"ssh {theirs:.2f} s   lvsfleet {ours:.2f} s   ratio {ours / theirs:.2f}")
        finally:
            lab.down()
    theirs = statistics.median(pair[0] for pair in pairs)
    ours = statistics.median(pair[1] for pair in pairs)
    ratio = statistics.median(ours / theirs for theirs, ours in pairs)
    print(f"median of {len(pairs)}, {arguments.routers} routers: ", end="")
    print(f"ssh {theirs:.2f} s, lvsfleet {ours:.2f} s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
