"""The rollback: routers brought back to what they were before an earlier run."""

from __future__ import annotations

from runbooks.conduct import Request, conduct
from runbooks.earlier import chosen, earlier, with_its_inventory
from runbooks.loading import load, refuse_absent_lab
from runbooks.putback import job_back
from runbooks.reports.run import Run
from runbooks.unfinished import refuse
from runbooks.vip_again import is_of_a_vip, vip_back


def rollback(request: Request, run: str) -> Run:
    """Do it; a router that is as it was before is left alone.

    Args:
        request: what was asked for; ``force`` also takes back what was changed since.
        run: the earlier run's name, its beginning or its last part.

    Raises:
        LvsfleetError: there is no such run, it is still at work, its journal lacks what it takes,
            or the inventory does not have its routers; nothing was contacted. Or the journal cannot
            be written; nothing was changed.
    """
    back = earlier(run)
    request = with_its_inventory(request, back)
    if is_of_a_vip(back):
        return vip_back(request, back)
    nr, fleet = load(request.inventory)
    names = chosen(nr, request, back, back.touched)
    jobs = {
        name: job_back(back, name, fleet.desired[name], force=request.force)
        for name in nr.inventory.hosts
        if name in names
    }
    if jobs:
        refuse_absent_lab(request.inventory)
    if not request.policy.dry_run:
        refuse(request.inventory, jobs)
    return conduct(request, nr, fleet, jobs, command="rollback", of=back.id)
