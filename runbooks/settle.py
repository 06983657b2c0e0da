"""Waiting until VRRP has settled: every VIP where it was, for as long as it takes to notice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from runbooks.interrupt import Stop
from runbooks.roles import Roles

PATIENCE = 10.0
"""Seconds that the roles have to come back to what they were."""

_BETWEEN = 0.5


def settle(now: Callable[[], Sequence[tuple[Roles, Roles]]], *, seconds: float, stop: Stop) -> str:
    """Look until the roles have been as before for ``seconds`` on end, or are not in time.

    Args:
        now: looks at the clusters; for each the roles before the change and those of now.
        seconds: how long they must be as before; 0 looks once, unless something is wrong.
        stop: asked to stop: what is wrong then is wrong, without more patience.

    Returns:
        What is wrong, in words; empty where all is as before.
    """
    last = time.monotonic() + seconds + PATIENCE
    well_since: float | None = None
    while True:
        trouble = _trouble(now())
        moment = time.monotonic()
        if not trouble:
            well_since = moment if well_since is None else well_since
            if moment - well_since >= seconds:
                return ""
        else:
            well_since = None
            if moment >= last or stop.gently:
                return trouble
        stop.wait(min(_BETWEEN, seconds or _BETWEEN))


def _trouble(clusters: Sequence[tuple[Roles, Roles]]) -> str:
    for before, now in clusters:
        trouble = now.moved_since(before) or now.trouble
        if trouble:
            return f"cluster {now.cluster}: {trouble}"
    return ""
