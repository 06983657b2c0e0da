"""What ``keepalived -t`` says of its files: the lines that mean something, and which are new."""

from __future__ import annotations

import re
from collections import Counter

_LED = re.compile(r"^(\w{3} \w{3} +\d+ [\d:]+ \d{4}: )?(Keepalived\w*\[\d+\]: )?")
"""What may stand before a message: the time, the program and its process."""
_HARMLESS = re.compile(
    r"SECURITY VIOLATION|default user|script_user|IPVS|ip_vs|modprobe", re.IGNORECASE
)
"""Lines that say nothing of the file: of a system without IPVS, or without a user for scripts."""
_NUMBER = re.compile(r"(?<=Line )\d+(?=\))|(?<=Number of VIPs \()\d+")
"""Numbers that go up and down with lines that come and go."""


def complaints(said: str) -> tuple[str, ...]:
    """The lines of its output that are about the files, without time and process, in order."""
    lines = (_LED.sub("", line.strip()) for line in said.splitlines())
    return tuple(line for line in lines if line and not _HARMLESS.search(line))


def compare(before: str, after: str) -> tuple[str, ...]:
    """What it complains of only after a change, as it says it.

    A complaint that stands on another line now is the same one; one that is made more often than
    before is new.

    Args:
        before: all that ``keepalived -t`` printed before the change.
        after: all that it printed then.
    """
    known = Counter(_NUMBER.sub("N", line) for line in complaints(before))
    new: list[str] = []
    for line in complaints(after):
        same = _NUMBER.sub("N", line)
        known[same] -= 1
        if known[same] < 0:
            new.append(line)
    return tuple(dict.fromkeys(new))
