"""The scripts that run on a router: POSIX sh in files of their own, data never spliced in."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent


@cache
def script(name: str) -> str:
    """The whole text of phase ``name``: what all phases share, the packet filters, the phase.

    Args:
        name: ``observe``, ``begin``, ``commit`` or ``revert``.
    """
    parts = ("common", "firewalld", "iptables", "observation", name)
    return "\n".join((_HERE / f"{part}.sh").read_text(encoding="utf-8") for part in parts)
