"""The runs of a story: what the journal says of them, and runs that are not waited for."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Self

from runbooks.journal import RecordedRun
from runbooks.journal.parsing import parse
from tests.lab.rollout.fleet import LVSFLEET, SECONDS, Answer, Fleet, differences
from tests.lab.rollout.rules import running

ALL = ("ams1", "ams2", "fra1", "fra2", "lon1", "lon2")
BACKUPS = ("ams2", "fra2", "lon2")
QUICKLY = ("--settle", "2")
"""The lab's BACKUPs take over after 1.8 s."""


class Runs:
    """What was run on a fleet, by its journal."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.folder = fleet.folder.parent / "home" / ".local" / "state" / "lvsfleet" / "runs"

    def names(self) -> list[str]:
        """The oldest first."""
        return sorted(each.name for each in self.folder.iterdir())

    def of(self, answer: Answer) -> RecordedRun:
        """What the journal says of the run that gave this answer."""
        return self.read(json.loads(answer.stdout)["run"])

    def read(self, name: str) -> RecordedRun:
        data = (self.folder / name / "journal.jsonl").read_bytes()
        return parse(data, run=name, folder=self.folder / name, alive=False)

    def waves(self, run: RecordedRun) -> list[set[str]]:
        """The routers of each wave, as they began."""
        numbers = sorted({each.wave for each in run.routers.values() if each.wave is not None})
        return [{n for n, each in run.routers.items() if each.wave == i} for i in numbers]

    def span(self, run: RecordedRun, router: str) -> tuple[float, float]:
        """When a router's change began and ended, in seconds since the run's start."""
        steps = run.routers[router].steps
        return steps[0].since, steps[-1].since


class Going:
    """An lvsfleet that was started and goes on; a context manager that kills it."""

    def __init__(self, fleet: Fleet, *arguments: str) -> None:
        fleet.write_inventory()
        home = fleet.folder.parent / "home"
        home.mkdir(exist_ok=True)
        self._log: Path = fleet.folder.parent / "stderr"
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        with self._log.open("w") as file:
            self.process = subprocess.Popen(
                [LVSFLEET, *arguments, "--inventory", fleet.folder],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env={**kept, "HOME": str(home), "LC_ALL": "C.UTF-8"},
                cwd=home,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.process.kill()

    def wait_for(self, text: str) -> None:
        """Until it has said so on stderr."""
        end = time.monotonic() + SECONDS
        while text not in self._log.read_text():
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.01)

    def end(self) -> Answer:
        out, _ = self.process.communicate(timeout=SECONDS)
        return Answer(self.process.returncode, out, self._log.read_text())


def contents(fleet: Fleet, router: str) -> dict[str, str]:
    """What the router filters with and loads at boot; files are judged by what is in them.

    Left out are a table that holds nothing, and a zone of firewalld as a file: the daemon writes it
    in an order of its own, and keeps what a file was as ``.xml.old``. Its rules and all else in it
    count.
    """
    state = fleet.state(router, "iptables", "ip6tables", "contents", "locks", "timers")
    kept = {name: state[name] for name in ("contents", "locks", "timers")}
    files = [
        line
        for line in kept["contents"].splitlines()
        if "/etc/firewalld/zones/" not in line and not line.endswith(".xml.old")
    ]
    kept["contents"] = "\n".join(files)
    for name in ("iptables", "ip6tables"):
        lines = state[name].splitlines()
        kept[name] = "\n".join(line for line in lines if line.startswith("-A") or "- " in line)
    rules = {"running": running(fleet, router)}
    if fleet.has_firewalld(router):
        rules["saved"] = sorted(
            fleet.sh(router, "firewall-cmd --permanent --list-all").splitlines()
        )
        # Where the running rules of a policy wait until firewalld loads it.
        rules["running"] += fleet.sh(
            router, "firewall-cmd --policy=allow-host-ipv6 --list-rich-rules | sort"
        ).splitlines()
    return kept | {name: "\n".join(lines) for name, lines in rules.items()}


def untouched(before: dict[str, dict[str, str]], fleet: Fleet) -> bool:
    """Whether routers are what they were, files and times of files included."""
    return all(differences(was, fleet.state(router)) == {} for router, was in before.items())
