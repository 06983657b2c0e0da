"""Fingerprints that the router takes, too, to tell whether something is still what was read."""

from __future__ import annotations

import hashlib


def sum_of(text: str | None) -> str:
    """SHA-256 in hex of a text's bytes as they came; ``-`` of None. ``sum`` in files.sh says it."""
    if text is None:
        return "-"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
