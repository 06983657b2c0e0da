"""A cluster under watch while its VIPs move: by its client, on the wire, and by its routers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Self, cast

from lab.fleet import Lab
from lab.network import addresses
from lab.packets import Flow, Probe
from lab.topology import Site
from tests.lab.chaos.controller import wait_for
from tests.lab.vip.cluster import ADVERT
from tests.lab.vip.wire import first_in_line

STEP = 0.01
"""Seconds between two moments that are judged."""

MASTER_DOWN = 3 * ADVERT + ADVERT
"""Seconds: who was silent for so long is MASTER no more. BACKUPs take over a little earlier."""
AT_LEAST = ADVERT + 2.0
"""Seconds: in these each MASTER is heard."""

_ROOT = Path(__file__).parents[3]


@dataclass
class Seen:
    """What was seen.

    Attributes:
        syns: by VIP, when each was sent, and when it was answered or None.
        adverts: when, by whom, its priority, its VIPs.
        announced: when, which address, and by whose link address, without being asked.
        answered: when and which address, to whoever asked.
        marks: by flow the SYNs that came to a router which had the VIP at that moment.
        held: by router and VIP, when it came and when it went; what was there at first came at 0.
        since, until: the time of it.
    """

    syns: Mapping[str, list[tuple[float, float | None]]] = field(default_factory=dict)
    adverts: list[tuple[float, str, int, list[str]]] = field(default_factory=list)
    announced: list[tuple[float, str, str]] = field(default_factory=list)
    answered: list[tuple[float, str]] = field(default_factory=list)
    marks: dict[Flow, int] = field(default_factory=dict)
    held: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)
    since: float = 0.0
    until: float = 0.0

    def served(self, vip: object) -> tuple[float, float]:
        """When the first and the last SYN to a VIP was answered."""
        answers = [answer for _, answer in self.syns[str(vip)] if answer is not None]
        assert answers, f"{vip} never answered"
        return min(answers), max(answers)

    def last_served(self, vip: object) -> float:
        """When the last SYN to a VIP was sent that was answered."""
        return max(sent for sent, answer in self.syns[str(vip)] if answer is not None)

    def lost(self, vip: object) -> int:
        """How many SYNs to it were not answered."""
        return sum(1 for _, answer in self.syns[str(vip)] if answer is None)

    def unmarked(self) -> dict[str, int]:
        """The VIPs whose SYNs came without a mark."""
        return {str(flow.address): n for flow, n in self.marks.items() if not flow.mark}

    def masters(self, version: int) -> dict[int, int]:
        """In how many of the moments there were so many MASTERs, as the wire tells since the first.

        Raises:
            AssertionError: none was heard.
        """
        heard = [(w, s) for w, s, _, _ in self.adverts if (":" in s) == (version == 6)]
        assert heard, f"no advert of IPv{version} in {self.until - self.since:.1f} s"
        counts: dict[int, int] = {}
        for moment in self.moments(min(when for when, _ in heard)):
            now = {source for when, source in heard if moment - MASTER_DOWN < when <= moment}
            counts[len(now)] = counts.get(len(now), 0) + 1
        return counts

    def holders(self, vip: object) -> dict[int, int]:
        """In how many of the moments so many routers had a VIP."""
        spans = [span for of in self.held.values() for span in of.get(str(vip), [])]
        counts: dict[int, int] = {}
        for moment in self.moments(self.since):
            now = sum(1 for come, go in spans if come <= moment < go)
            counts[now] = counts.get(now, 0) + 1
        return counts

    def moments(self, since: float) -> Iterator[float]:
        """Every 10 ms from then on."""
        for number in range(int((self.until - since) / STEP)):
            yield since + number * STEP


@contextmanager
def watched(lab: Lab, site: Site, vips: Iterable[object]) -> Iterator[Seen]:
    """Watch a cluster while the block runs; what was seen is told at its end.

    Args:
        lab: the lab.
        site: the cluster's.
        vips: the web's, old and new ones; what else the site has is watched, too.
    """
    seen = Seen()
    routers = [each.name for each in lab.topology.routers if each.site == site]
    with ExitStack() as stack:
        probes = [stack.enter_context(Probe(lab, name, held=True)) for name in routers]
        monitors = {name: stack.enter_context(_Monitor(lab, name)) for name in routers}
        python = ["env", f"PYTHONPATH={_ROOT}", sys.executable, "-m", "tests.lab.vip.wire"]
        pipe = subprocess.PIPE
        process = stack.enter_context(
            subprocess.Popen(lab.entry(site.client, python), stdin=pipe, stdout=pipe, text=True)
        )
        stack.callback(process.kill)
        ask = cast("IO[str]", process.stdin)
        turns = [(str(site.ftp), 21), *((str(vip), 53) for vip in site.dns)]
        ask.write(json.dumps([[(str(vip), 80) for vip in vips], turns]) + "\n")
        ask.flush()
        assert cast("IO[str]", process.stdout).readline() == "sending\n"
        seen.since = time.time()
        yield seen
        time.sleep(max(0.0, seen.since + AT_LEAST - time.time()))
        seen.until = time.time()
        told = json.loads(process.communicate(timeout=60)[0])
        seen.syns, seen.adverts = told["syns"], told["adverts"]
        seen.announced, seen.answered = told["announced"], told["answered"]
        for probe in probes:
            for flow, packets in probe.read().marked.items():
                seen.marks[flow] = seen.marks.get(flow, 0) + packets
        seen.held = {name: monitor.end() for name, monitor in monitors.items()}


class _Monitor:
    """Which addresses a router gets and loses, as its kernel tells; a context manager."""

    def __init__(self, lab: Lab, router: str) -> None:
        self._namespace = lab.topology.names.of(router)
        argv = ["ip", "-n", self._namespace, "-o", "-ts", "monitor", "address"]
        self._process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        first_in_line(self._process.pid)
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_for(self._listens, 60)
        self._first = addresses(self._namespace, "eth1")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._reader.join()
        self._process.wait()

    def _read(self) -> None:
        self._lines.extend(cast("IO[str]", self._process.stdout))

    def _listens(self) -> bool:
        """Whether it is told already: one of its netlink sockets is in a group."""
        own = Path(f"/proc/{self._process.pid}")
        try:
            fds = {os.readlink(each) for each in (own / "fd").iterdir()}  # noqa: PTH115 - no path
            lines = (own / "net/netlink").read_text().splitlines()[1:]
        except FileNotFoundError:  # it has just closed one
            return False
        grouped = {words[9] for words in map(str.split, lines) if int(words[3], 16)}
        return any(f"socket:[{inode}]" in fds for inode in grouped)

    def end(self) -> dict[str, list[tuple[float, float]]]:
        """By address, when it came and when it went."""

        def told() -> bool:
            return self._spans()[0].keys() == addresses(self._namespace, "eth1")

        with suppress(AssertionError):
            wait_for(told, 60)
        self.__exit__()
        last = addresses(self._namespace, "eth1")
        open_, spans = self._spans()
        assert open_.keys() == last, (open_.keys() ^ last, self._lines)
        for address, come in open_.items():
            spans.setdefault(address, []).append((come, float("inf")))
        return spans

    def _spans(self) -> tuple[dict[str, float], dict[str, list[tuple[float, float]]]]:
        """Since when each address is there that is, and those that came and went."""
        open_ = dict.fromkeys(self._first, 0.0)
        spans: dict[str, list[tuple[float, float]]] = {}
        for line in tuple(self._lines):
            stamp, _, rest = line.partition("]")
            words = rest.split()
            gone = words[0] == "Deleted"
            words = words[1:] if gone else words
            if len(words) < 4 or words[1] != "eth1" or not words[2].startswith("inet"):
                continue
            address = words[3].partition("/")[0]
            when = datetime.fromisoformat(stamp.lstrip("[")).astimezone(UTC).timestamp()
            if not gone:
                open_.setdefault(address, when)
            elif address in open_:
                spans.setdefault(address, []).append((open_.pop(address), when))
        return open_, spans
