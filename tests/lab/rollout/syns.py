"""A SYN a millisecond to a VIP, from a raw socket, for as long as a story changes the router."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.fleet import Lab
from lab.packets import Counts, Probe
from lab.topology import Router

# Runs in the namespace of the site's client: sends until its standard input is closed.
_SENDER = r"""
import select, socket, struct, sys, time
vip = sys.argv[1]
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.connect((vip, 0))
ends = socket.inet_aton(raw.getsockname()[0]) + socket.inet_aton(vip)
sent, begun, worst, last = 0, time.monotonic(), 0.0, time.monotonic()
while not select.select([sys.stdin], [], [], 0)[0]:
    source, number = 1024 + sent % 60000, sent
    syn = [source, 80, number, 0, 5 << 12 | 2, 65535, 0, 0]
    words = struct.unpack("!16H", struct.pack("!4s4sBBH", ends[:4], ends[4:], 0, 6, 20)
                          + struct.pack("!HHIIHHHH", *syn))
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    syn[6] = ~(total + (total >> 16)) & 0xFFFF
    raw.send(struct.pack("!HHIIHHHH", *syn))
    sent += 1
    now = time.monotonic()
    worst, last = max(worst, now - last), now
    time.sleep(max(0.0, begun + sent / 1000 - now))
print(sent, worst)
"""


@dataclass
class Syns:
    """What was sent, and what came of it on the router.

    Attributes:
        sent: SYNs.
        marks: by mark how many arrived with it; 0 is none.
        let_in: how many of them the packet filter let in.
    """

    sent: int = 0
    marks: dict[int, int] = field(default_factory=dict)
    let_in: int = 0

    @property
    def unmarked(self) -> int:
        return self.marks.get(0, 0)


@contextmanager
def syns(lab: Lab, router: Router) -> Iterator[Syns]:
    """Send while the block runs, to port 80 of the site's web; the figures are there at its end."""
    (vip, _), name = router.site.web, lab.topology.names.of(router.site.client)
    argv = ["ip", "netns", "exec", name, "python3", "-I", "-c", _SENDER, str(vip)]
    counted = Syns()
    with Probe(lab, router.name) as probe:
        sender = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield counted
        finally:
            told, _ = sender.communicate("", timeout=10)
        counted.sent = int(json.loads(told.split()[0]))
        _count(counted, probe.read(), str(vip))


def _count(counted: Syns, counts: Counts, vip: str) -> None:
    for flow, packets in counts.marked.items():
        if (str(flow.address), flow.port) == (vip, 80):
            counted.marks[flow.mark] = counted.marks.get(flow.mark, 0) + packets
    for flow, packets in counts.accepted.items():
        if (str(flow.address), flow.port) == (vip, 80):
            counted.let_in += packets
