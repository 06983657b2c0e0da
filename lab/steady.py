"""Whether packets pay for what is done to routers: SYNs all the while, each of them accounted for.

with steady(lab, ["ams1", "fra1"]) as seen:
    …                                  # whatever is to cost no packet
assert seen["ams1"].unmarked == seen["ams1"].not_let_in == 0
"""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self, cast

from inventory.errors import LvsfleetError
from lab.fleet import Lab
from lab.packets import Address, Counts, Probe

_SENDER = Path(__file__).with_name("syns.py")
_ARRIVE_SECONDS = 3.0
_END_SECONDS = 60.0
_ASTRAY = 0.01


@dataclass
class Seen:
    """What became of the SYNs to one router.

    Attributes:
        sent: how many.
        marks: by mark how many arrived with it; 0 is none.
        let_in: how many got past the packet filter, to where IPVS takes them.
        longest: seconds of the longest pause between two; a shorter gap may stay unseen.
    """

    sent: int = 0
    marks: Counter[int] = field(default_factory=Counter)
    let_in: int = 0
    longest: float = 0.0

    @property
    def unmarked(self) -> int:
        """How many arrived without a mark."""
        return self.marks[0]

    @property
    def lost(self) -> int:
        """How many never arrived at the router."""
        return self.sent - self.marks.total()

    @property
    def not_let_in(self) -> int:
        """How many arrived, and were turned away."""
        return self.marks.total() - self.let_in

    def pays_nothing(self, mark: int) -> bool:
        """Whether each that arrived had this mark and was let in, and hardly any did not arrive.

        A machine that stalls for seconds lets a BACKUP take the VIPs over for milliseconds.
        """
        whole = self.marks == {mark: self.let_in}
        return self.sent > 0 and whole and self.lost <= self.sent * _ASTRAY

    def __iadd__(self, other: Seen) -> Self:
        self.sent += other.sent
        self.marks += other.marks
        self.let_in += other.let_in
        self.longest = max(self.longest, other.longest)
        return self


@contextmanager
def steady(
    lab: Lab, routers: Iterable[str], ports: Iterable[int] = (80,)
) -> Iterator[Mapping[str, Seen]]:
    """Send a SYN a millisecond to each VIP and port of the web of the routers' sites.

    Args:
        lab: the lab.
        routers: who holds those VIPs; their sites' clients send.
        ports: of the VIPs, IPv4 and IPv6.

    Yields:
        What became of them, by router; it is told when the block has ended.

    Raises:
        LvsfleetError: a client could not send.
    """
    names, ports = list(routers), list(ports)
    seen = {name: Seen() for name in names}
    with ExitStack() as stack:
        probes = {name: stack.enter_context(Probe(lab, name)) for name in names}
        senders = {}
        for name in names:
            site = lab.router(name).site
            targets = [(vip, port) for vip in site.web for port in ports]
            senders[name] = stack.enter_context(_Sender(lab, site.client, targets))
        for sender in senders.values():
            sender.wait()
        yield seen
        for sender in senders.values():
            sender.end()
        for name, sender in senders.items():
            seen[name] += sender.arrived(probes[name])


class _Sender:
    """The program that sends, while it runs; a context manager that kills it."""

    def __init__(self, lab: Lab, client: str, targets: list[tuple[Address, int]]) -> None:
        self._client, self._targets = client, targets
        argv = lab.entry(client, ["python3", "-I", str(_SENDER)])
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self._stdin = cast("IO[str]", self._process.stdin)
        self._stdout = cast("IO[str]", self._process.stdout)
        self._told = ""

    def __enter__(self) -> Self:
        asked = [(str(vip), port) for vip, port in self._targets]
        self._stdin.write(json.dumps(asked) + "\n")
        self._stdin.flush()
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            self._process.kill()

    def wait(self) -> None:
        """Until the first SYNs are under way."""
        if self._stdout.readline() != "sending\n":
            self._failed()

    def end(self) -> None:
        """Send no more."""
        self._told, said = self._process.communicate(timeout=_END_SECONDS)
        if self._process.returncode:
            self._failed(said)

    def arrived(self, probe: Probe) -> Seen:
        """What became of all that was sent; waits a little for those under way."""
        told = json.loads(self._told)
        deadline = time.monotonic() + _ARRIVE_SECONDS
        while True:
            seen = _seen(probe.read(), set(self._targets))
            seen.sent, seen.longest = int(told["sent"]), float(told["longest"])
            if not seen.lost or time.monotonic() > deadline:
                return seen
            time.sleep(0.05)

    def _failed(self, said: str = "") -> None:
        if not said:
            self._process.kill()
            _, said = self._process.communicate()
        lines = said.strip().splitlines()
        raise LvsfleetError(f"{self._client} cannot send", lines[-1] if lines else "")


def _seen(counts: Counts, targets: set[tuple[Address, int]]) -> Seen:
    seen = Seen()
    for flow, packets in counts.marked.items():
        if (flow.address, flow.port) in targets and flow.protocol == "tcp":
            seen.marks[flow.mark] += packets
    for flow, packets in counts.accepted.items():
        if (flow.address, flow.port) in targets and flow.protocol == "tcp":
            seen.let_in += packets
    return seen
