"""How long an inventory of 1000 routers takes to load and to check.

``python benchmarks/load_inventory.py [ROUTERS]`` prints the median of five runs in seconds,
with five services a cluster of two, said by the cluster's group or by each router itself.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from inventory.fleet import check
from inventory.loader import load_fleet

RUNS = 5


def services(cluster: int, indent: str) -> str:
    lines = [f"{indent}services:"]
    for n in range(5):
        vips = f"[10.{cluster // 250}.{cluster % 250}.{n + 10}, '2001:db8:{cluster:x}::{n + 1}']"
        ports = f"[{8000 + n}/tcp, 443/tcp]"
        lines.append(f"{indent}  s{n}: {{vips: {vips}, ports: {ports}, mark: {n + 1}}}")
    return "\n".join(lines)


def write(folder: Path, routers: int, *, grouped: bool) -> None:
    hosts, groups = [], []
    for router in range(routers):
        cluster = router // 2
        address = f"hostname: 10.200.{router // 250}.{router % 250 + 1}"
        data = f"    cluster: c{cluster}\n{services(cluster, '    ')}"
        if grouped:
            hosts.append(f"r{router}: {{{address}, groups: [c{cluster}]}}")
            if router % 2 == 0:
                groups.append(f"c{cluster}:\n  data:\n{data}")
        else:
            hosts.append(f"r{router}:\n  {address}\n  data:\n{data}")
    (folder / "hosts.yaml").write_text("\n".join(hosts))
    (folder / "groups.yaml").write_text("\n".join(groups))


def measure(folder: Path) -> tuple[float, float]:
    begun = time.perf_counter()
    nr = load_fleet(folder)
    loaded = time.perf_counter()
    check(nr)
    return loaded - begun, time.perf_counter() - loaded


def main() -> None:
    routers = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for grouped in (True, False):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder, routers, grouped=grouped)
            measure(folder)
            loads, checks = zip(*(measure(folder) for _ in range(RUNS)), strict=True)
        where = "groups" if grouped else "hosts"
        print(f"{routers} routers, services in {where}: ", end="")
        print(f"load {median(loads):.2f} s, check {median(checks):.2f} s")


if __name__ == "__main__":
    main()
