"""The rollout: the whole inventory checked, the selected routers brought there, all reported."""

from __future__ import annotations

from dataclasses import replace

from runbooks.conduct import Request, conduct
from runbooks.engine import job
from runbooks.loading import load, refuse_absent_lab
from runbooks.reports.run import Run
from runbooks.selection import select
from runbooks.unfinished import refuse, tell


def rollout(request: Request) -> Run:
    """Do it.

    Raises:
        LvsfleetError: the inventory is refused or nothing is selected; nothing was contacted. Or
            the journal cannot be written; nothing was changed.
    """
    nr, fleet = load(request.inventory)
    chosen = select(nr.inventory.hosts, request.limit, request.filters)
    if request.policy.dry_run:
        tell(request.inventory)
    else:
        refuse(request.inventory, chosen)
    refuse_absent_lab(request.inventory)
    jobs = {name: job(replace(fleet.desired[name], adopt=request.adopt)) for name in chosen}
    return conduct(request, nr, fleet, jobs, command="rollout")
