"""Twenty iptables routers with nothing to change: a rollout against ``ssh ROUTER iptables-save``.

Brings up a lab of its own (number 7), rolls out once, then takes turns: OpenSSH on all routers at
once, with its defaults, and a whole ``lvsfleet rollout``, start of the program included. Prints
each pair and the medians. Needs root.

    python -m benchmarks.rollout_unchanged [--routers 20] [--rounds 5]
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


def openssh(lab: Lab, routers: list[str]) -> float:
    begun = time.monotonic()
    running = [
        subprocess.Popen(
            ["ssh", "-F", str(lab.ssh_config), router, "iptables-save"], stdout=subprocess.DEVNULL
        )
        for router in routers
    ]
    assert all(each.wait() == 0 for each in running)
    return time.monotonic() - begun


def rollout(inventory: Path) -> float:
    begun = time.monotonic()
    argv = [str(LVSFLEET), "rollout", "--inventory", str(inventory)]
    # An installation has its bytecode; this shell may be set to write none.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " unchanged in " in done.stdout, done.stdout
    return time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--routers", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    lab = Lab(7)
    with tempfile.TemporaryDirectory() as folder:
        kinds = [Kind.IPTABLES_DEBIAN, Kind.IPTABLES_RHEL]
        lab.up(arguments.routers, kinds=kinds, inventory=Path(folder))
        try:
            first = [str(LVSFLEET), "rollout", "--now", "--inventory", folder]
            subprocess.run(first, check=True, capture_output=True)
            routers = [router.name for router in lab.topology.routers]
            openssh(lab, routers), rollout(Path(folder))  # warm up
            pairs = []
            for _ in range(arguments.rounds):
                pairs.append((openssh(lab, routers), rollout(Path(folder))))
                theirs, ours = pairs[-1]
                print(f"ssh {theirs:.2f} s   lvsfleet {ours:.2f} s   ratio {ours / theirs:.2f}")
        finally:
            lab.down()
    theirs = statistics.median(pair[0] for pair in pairs)
    ours = statistics.median(pair[1] for pair in pairs)
    ratio = statistics.median(ours / theirs for theirs, ours in pairs)
    print(f"median of {len(pairs)}, {arguments.routers} routers at once: ", end="")
    print(f"ssh {theirs:.2f} s, lvsfleet {ours:.2f} s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
