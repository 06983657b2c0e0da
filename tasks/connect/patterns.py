"""The patterns of ssh_config and known_hosts: ``*``, ``?`` and a leading ``!`` for "but not"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache


def matches(patterns: Iterable[str], name: str) -> bool:
    """Whether one of the ``patterns`` matches and no negated one does (ssh_config(5), PATTERNS)."""
    hit = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if _regex(pattern.removeprefix("!")).fullmatch(name):
            if negated:
                return False
            hit = True
    return hit


@lru_cache(maxsize=4096)
def _regex(pattern: str) -> re.Pattern[str]:
    text = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(text, re.IGNORECASE | re.DOTALL)
