"""Who is held back: beside a router that failed, nobody of its cluster is changed.

What would have to take over if that change went wrong is not there, or is in no known state.
"""

from __future__ import annotations

from collections.abc import Iterable

from runbooks.engine import FAILURES
from tasks.errors import ClusterUnsettled
from tasks.outcome import Outcome


def reason(
    cluster: str | None, outcomes: Iterable[Outcome], silent: Iterable[str]
) -> ClusterUnsettled | None:
    """Why a router must wait; None where it need not.

    Args:
        cluster: its cluster.
        outcomes: what has come of the others of its cluster so far.
        silent: those of them that could not be asked.
    """
    failed = [each.router for each in outcomes if each.status in FAILURES]
    silent = [name for name in silent if name not in failed]
    if not failed and not silent:
        return None
    said = [
        f"{' and '.join(names)} {what}"
        for names, what in ((failed, "failed"), (silent, "could not be asked"))
        if names
    ]
    why = [f"`lvsfleet status --limit {','.join(silent)}` says why. "] if silent else []
    return ClusterUnsettled(
        f"held back, nothing was changed: in its cluster {cluster}, {' and '.join(said)}",
        "".join(why) + "Mend that first and run this again. --on-failure continue goes on all the"
        " same; --now does so at once",
    )
