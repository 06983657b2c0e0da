"""1,000 VIP:port entries on one router: what a rollout costs there, per packet filter.

Brings up a lab of its own (``--lab``, 7 unless said), gives a BACKUP of each kind 500 VIPs with two
ports each, changes one mark, takes all away, and prints the seconds of each rollout from the first
connection to the last answer, and of the router's own processors. Needs root.

    python -m benchmarks.many_rules [--entries 1000] [--rounds 3] [--lab 7]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import yaml

from lab import cgroup
from lab.fleet import Lab
from lab.topology import Kind

LVSFLEET = Path(sys.executable).with_name("lvsfleet")
KINDS = (Kind.NFTABLES, Kind.IPTABLES_DEBIAN, Kind.IPTABLES_LEGACY)
PORTS = ["80/tcp", "443/tcp"]


def services(entries: int, *, first_mark: int) -> dict[str, Any]:
    """One service a VIP, each let in; 198.19.128.0/17 is a network for benchmarks."""
    return {
        f"s{n}": {
            "vips": [str(ip_address(f"198.19.{128 + n // 250}.{1 + n % 250}"))],
            "ports": PORTS,
            "mark": first_mark if n == 0 else n + 1,
            "accept": True,
        }
        for n in range(entries // len(PORTS))
    }


def cpu(lab: Lab, router: str) -> float:
    """Seconds of processor that all of a router's processes have used."""
    stat = (cgroup.root() / lab.names.base / router / "cpu.stat").read_text()
    return int(dict(line.split() for line in stat.splitlines())["usage_usec"]) / 1e6


def rollout(lab: Lab, folder: Path, router: str, wanted: dict[str, Any]) -> tuple[float, float]:
    """One rollout: its seconds, and those of the router's processors."""
    cluster = lab.router(router).site.name
    path = folder / "groups.yaml"
    groups = yaml.safe_load(path.read_text())
    groups[cluster]["data"]["services"] = wanted
    path.write_text(yaml.safe_dump(groups))
    before = cpu(lab, router)
    argv = [str(LVSFLEET), "rollout", "--now", "--limit", router, "--inventory", str(folder)]
    done = subprocess.run([*argv, "--format", "json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    told = json.loads(done.stdout)["routers"][router]
    assert told["status"] == "changed", told["status"]
    return float(told["seconds"]), cpu(lab, router) - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lab", type=int, default=7)
    arguments = parser.parse_args()
    lab = Lab(arguments.lab)
    steps = {
        "all added": services(arguments.entries, first_mark=9001),
        "one changed": services(arguments.entries, first_mark=9002),
        "all removed": {},
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lab.up(2 * len(KINDS), kinds=KINDS, inventory=folder)
        try:
            for kind, site in zip(KINDS, lab.topology.sites, strict=True):
                router = f"{site.name}2"
                taken: dict[str, list[tuple[float, float]]] = {step: [] for step in steps}
                rollout(lab, folder, router, {})
                for _ in range(arguments.rounds):
                    for step, wanted in steps.items():
                        taken[step].append(rollout(lab, folder, router, wanted))
                for step, seconds in taken.items():
                    whole, processor = map(statistics.median, zip(*seconds, strict=True))
                    print(f"{kind:16} {step:12} {whole:5.2f} s   router's CPU {processor:5.2f} s")
        finally:
            lab.down()


if __name__ == "__main__":
    main()
