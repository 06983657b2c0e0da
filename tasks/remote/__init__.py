"""The scripts that run on a router: POSIX sh in files of their own, data never spliced in."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
_READING = ("common", "firewalld", "iptables", "nftables", "drain", "observation")
_CHANGES = ("firewalld-change", "iptables-change", "nftables-change", "keepalived-change")
_CHANGING = (*_READING, "keepalived", "files", *_CHANGES, "parts", "runs", "undo")
PHASES = {
    "observe": _READING,
    "survey": (*_READING, "keepalived"),
    "inspect": (*_READING, "keepalived", "inspection"),
    "vips": (*_READING, "keepalived", "inspection"),
    "encounter": (*_READING, "keepalived", "inspection", "neighbours"),
    "standing": ("common",),
    "probe": ("common",),
    "counters": ("common",),
    "live": ("common",),
    "knock": ("common",),
    "status": (*_READING, "standing"),
    "begin": (*_CHANGING, "snapshot"),
    "advance": _CHANGING,
    "reread": _CHANGING,
    "follow": ("common",),
    "commit": _CHANGING,
    "revert": _CHANGING,
    "watch": ("common",),
    "recover": _CHANGING,
}
"""Each phase, and what stands in front of it."""


@cache
def script(phase: str) -> str:
    """The whole text of a phase: what it shares with others, then the phase itself."""
    names = (*PHASES[phase], phase)
    return "\n".join((_HERE / f"{name}.sh").read_text(encoding="utf-8") for name in names)
