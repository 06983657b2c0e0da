"""A VIP moves on a cluster of two: from Enter to "verified on both routers", against one ssh.

Brings up a lab of its own (number 7) with a cluster of each kind, rolls out once, then takes turns
on each: ``ssh ROUTER true``, with OpenSSH's defaults, and a whole ``lvsfleet vip move``, start of
the program included. Verified is when both routers were seen to have all of it, before it is
confirmed; the whole command's time is told besides, and where the time goes, by the run's journal.
Needs root.

    python -m benchmarks.vip_move [--rounds 5] [--now]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from lab.fleet import Lab
from lab.topology import Site

LVSFLEET = Path(sys.executable).with_name("lvsfleet")
AT_MOST = 12


def openssh(lab: Lab, router: str) -> float:
    begun = time.monotonic()
    argv = ["ssh", "-F", str(lab.ssh_config), router, "true"]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return time.monotonic() - begun


def lvsfleet(home: Path, *arguments: str) -> None:
    # An installation has its bytecode; this shell may be set to write none.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment["XDG_STATE_HOME"] = str(home)
    argv = [str(LVSFLEET), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def move(
    home: Path, site: Site, back: bool, *options: str
) -> tuple[float, float, dict[str, float]]:
    """Seconds until verified, seconds in all, and seconds by what they went to."""
    there = [str(site.at(20)[0]), str(site.web[0])]
    old, new = there if back else reversed(there)
    begun, ticking = time.time(), time.monotonic()
    lvsfleet(home, "vip", "move", "web", old, new, "--yes", *options)
    whole = time.monotonic() - ticking
    newest = max((home / "lvsfleet" / "runs").iterdir())
    events = [json.loads(line) for line in (newest / "journal.jsonl").read_text().splitlines()]
    return next(_verified(begun, events)), whole, _spent(begun, events)


def _verified(begun: float, events: list[dict[str, str]]) -> Iterator[float]:
    """When the first router was about to be confirmed: all were verified by then."""
    for event in events:
        if (event["event"], event.get("step")) == ("step", "commit"):
            yield _when(event) - begun


def _spent(begun: float, events: list[dict[str, str]]) -> dict[str, float]:
    """The time between the ends of steps goes to the one that ends later."""
    spent: dict[str, float] = {}
    last = begun
    for event in events:
        if event["event"] == "wave":
            name = "start, look"
        elif event["event"] == "step" and event["state"] == "done":
            name = str(event["step"])
        else:
            continue
        spent[name] = spent.get(name, 0.0) + _when(event) - last
        last = _when(event)
    return spent


def _when(event: dict[str, str]) -> float:
    return datetime.fromisoformat(event["t"]).timestamp()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--now", action="store_true", help="without canary")
    arguments = parser.parse_args()
    options = ["--now"] if arguments.now else []
    lab = Lab(7)
    print(f"load {os.getloadavg()[0]:.1f} at the start")
    with tempfile.TemporaryDirectory() as folder:
        inventory, home = Path(folder) / "inventory", Path(folder) / "home"
        lab.up(6, inventory=inventory)
        options += ["--inventory", str(inventory)]
        try:
            lvsfleet(home, "rollout", "--now", "--inventory", str(inventory))
            for site in lab.topology.sites:
                _measure(lab, site, home, options, arguments.rounds)
        finally:
            lab.down()


def _measure(lab: Lab, site: Site, home: Path, options: list[str], rounds: int) -> None:
    router = next(each.name for each in lab.topology.routers if each.site == site)
    openssh(lab, router), move(home, site, False, *options)  # warm up
    ratios, times, spent = [], [], []
    for number in range(rounds):
        theirs = openssh(lab, router)
        verified, whole, parts = move(home, site, number % 2 == 0, *options)
        ratios.append(verified / theirs)
        times.append((theirs, verified, whole))
        spent.append(parts)
    theirs, verified, whole = (statistics.median(each) for each in zip(*times, strict=True))
    ratio = statistics.median(ratios)
    print(
        f"{site.kind}: ssh {theirs:.2f} s, verified {verified:.2f} s, in all {whole:.2f} s,"
        f" ratio {ratio:.1f} (at most {AT_MOST}), load {os.getloadavg()[0]:.1f}"
    )
    for name in spent[0]:
        print(f"    {name}: {statistics.median(each.get(name, 0.0) for each in spent):.2f} s")


if __name__ == "__main__":
    main()
