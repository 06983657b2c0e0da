"""Fingerprints that the router takes, too, to tell whether something is still what was read."""

from __future__ import annotations

import hashlib


def sum_of(text: str | None) -> str:
    """SHA-256 in hex of a text's bytes as they came; ``-`` of None. ``sum`` in files.sh says it."""
    if text is None:
        return "-"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def sum_of_table(listed: str) -> str:
    """The same of a table as ``nft --json`` lists it; ``nft_seen`` in nftables.sh says it.

    The numbers that the kernel gives to things stay out, since a table that is put back has others.
    """
    pieces = listed.replace(",", "\n").encode("utf-8", "surrogateescape")
    lines = pieces.removesuffix(b"\n").split(b"\n") if pieces else []
    kept = sorted(line for line in lines if b'"handle"' not in line)
    return hashlib.sha256(b"".join(line + b"\n" for line in kept)).hexdigest()
