"""How the routers of a lab are: asked of the kernel, of systemd and of sshd, never remembered."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from inventory.errors import LvsfleetError
from lab import cgroup
from lab.container import Container
from lab.network import addresses, answers_ssh, shown_addresses
from lab.process import completed
from lab.topology import Kind, Names, Router

# keepalived of the lab takes over after 1.6 to 1.8 s: three adverts of 0.5 s, and its skew.
_QUIET_SECONDS = 3.0
_LATE_SECONDS = 20.0
"""How late one of a higher priority may be on a busy machine."""
_SSH_SECONDS = 10.0
_SHOW_ETH1 = ("ip", "-json", "address", "show", "dev", "eth1")


class Role(StrEnum):
    """What VRRP made of a router, judged by the VIPs it holds."""

    MASTER = "MASTER"
    BACKUP = "BACKUP"
    PARTLY = "PARTLY"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True)
class RouterStatus:
    """How one router is.

    Attributes:
        router: its name.
        cluster: its cluster's name.
        kind: what it filters with.
        address: where its sshd listens.
        running: whether its container runs.
        ssh: whether an SSH server greets.
        role: MASTER holds all VIPs of its site, BACKUP none, PARTLY some; DOWN does not run.
    """

    router: str
    cluster: str
    kind: Kind
    address: str
    running: bool
    ssh: bool
    role: Role


def of(router: Router, names: Names) -> RouterStatus:
    """How one router is now."""
    running = Container(router, names).running()
    return RouterStatus(
        router=router.name,
        cluster=router.site.name,
        kind=router.site.kind,
        address=str(router.management),
        running=running,
        ssh=running and answers_ssh(router.management, _SSH_SECONDS),
        role=role(router, names),
    )


def role(router: Router, names: Names) -> Role:
    """What VRRP makes of a router now."""
    if not Container(router, names).running():
        return Role.DOWN
    present = _addresses(router, names)
    vips = {str(vip) for vip in (*router.site.vips4, *router.site.vips6)}
    if vips <= present:
        return Role.MASTER
    return Role.PARTLY if vips & present else Role.BACKUP


def _addresses(router: Router, names: Names) -> frozenset[str]:
    """Those of a router's eth1; a machine's are not its namespace's."""
    if not router.site.kind.own_kernel:
        return addresses(names.of(router.name), "eth1")
    shown = completed(Container(router, names).entry(_SHOW_ETH1))
    return shown_addresses("" if shown.returncode else shown.stdout)


def settle(cluster: Sequence[Router], names: Names, seconds: float) -> None:
    """Wait until a cluster has exactly one MASTER, the others being BACKUP, and it stays so.

    When the first router by priority is the MASTER, nothing is left to happen; another one must
    have been it for longer than a takeover lasts, and for much longer where the first one's
    keepalived runs. A cluster that does not run counts as settled.

    Raises:
        LvsfleetError: it has not after so many seconds.
    """
    began = time.monotonic()
    since, before = began, None
    while True:
        roles = tuple(role(router, names) for router in cluster)
        up = [each for each in roles if each is not Role.DOWN]
        now = time.monotonic()
        if roles != before:
            since, before = now, roles
        one = up.count(Role.MASTER) == 1 and Role.PARTLY not in up
        if not up or (one and up[0] is Role.MASTER):
            return
        if one and now - since > _QUIET_SECONDS:
            first = next(r for r, each in zip(cluster, roles, strict=True) if each is not Role.DOWN)
            if now - since > _LATE_SECONDS or not _may_take_over(first, names):
                return
        if now - began > seconds:
            found = ", ".join(f"{r.name} {each}" for r, each in zip(cluster, roles, strict=True))
            raise LvsfleetError(f"no single MASTER after {seconds:.0f} s: {found}")
        time.sleep(0.1)


def _may_take_over(router: Router, names: Names) -> bool:
    """Whether its keepalived runs; of a machine that is not seen from outside."""
    unit = Container(router, names).cgroup / "system.slice" / "keepalived.service"
    return router.site.kind.own_kernel or cgroup.populated(unit)
