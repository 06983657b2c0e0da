"""Every check by its id: what it means, why it matters, how to mend it."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.checks.catalog import cluster, keepalived, kernel, ours, rules, services, vip, ways_in
from tasks.checks.info import CheckInfo

_THEMES = (rules, services, ways_in, keepalived, cluster, kernel, ours, vip)

CATALOG: Mapping[str, CheckInfo] = {
    info.id: info
    for info in sorted(
        (each for theme in _THEMES for each in vars(theme).values() if isinstance(each, CheckInfo)),
        key=lambda info: info.id,
    )
}
"""By id, ascending."""
