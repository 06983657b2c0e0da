"""One router's desired state as text: what it will get, and who in the inventory says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from inventory.desired import Desired, Draining, Foreign, Service
from inventory.errors import LvsfleetError
from inventory.fleet import Fleet
from inventory.problems import Owner, Path, did_you_mean

_UNSAID = "not said"
_FOREIGN = {
    Foreign.KEEP: "mark rules of others stay",
    Foreign.REFUSE: "a mark rule of others stops",
    Foreign.REMOVE: "mark rules of others go",
}
_DRAINING = {
    Draining.PASS: "new connections are left to the router's own rules",
    Draining.REJECT: "new connections are rejected",
    Draining.DROP: "new connections are dropped",
}


def show(fleet: Fleet, router: str) -> str:
    """The desired state of one router, several lines, the last one without its end.

    Raises:
        LvsfleetError: the fleet has no such router.
    """
    if router not in fleet.desired:
        near = did_you_mean(router, fleet.desired)
        raise LvsfleetError(f"the inventory has no router {router!r}", near.capitalize())
    desired, origins = fleet.desired[router], fleet.origins[router]
    vrrp = "left to the site"
    if desired.vrrp.accept:
        vrrp = "accepted, in AH too" if desired.vrrp.ah else "accepted"
    rows = [
        ("router", router, ""),
        ("cluster", desired.cluster or "none, it stands alone", _who(origins, ("cluster",))),
        ("backend", str(desired.backend), _who(origins, ("backend",))),
        _place(desired, origins),
        ("start", "yes" if desired.start else "no", _who(origins, ("start",))),
        ("foreign", _FOREIGN[desired.foreign], _who(origins, ("foreign",))),
        ("connection", str(fleet.connections[router]), _who(origins, ("connection",))),
        ("VRRP", vrrp, _who(origins, ("vrrp",))),
    ]
    for waiver in desired.waivers:
        of = f" of {waiver.service}" if waiver.service else ""
        rows.append(("waived", f"{waiver.id}{of} until {waiver.until}: {waiver.reason}", ""))
    for service in desired.services:
        rows += _service(service, _who(origins, ("services", service.name)))
    present = {service.name for service in desired.services}
    rows += [
        ("taken away", f"service {path[1]}", str(owner))
        for path, owner in origins.items()
        if path[0] == "services" and path[1] not in present
    ]
    return "\n".join(_aligned(rows))


def _place(desired: Desired, origins: Mapping[Path, Owner]) -> tuple[str, str, str]:
    if desired.policy:
        return ("policy", desired.policy, _who(origins, ("policy",)))
    return ("zone", desired.zone or "the router's default zone", _who(origins, ("zone",)))


def _service(service: Service, who: str) -> Iterator[tuple[str, str, str]]:
    yield ("", "", "")
    yield ("service", service.name, who)
    yield ("  mark", f"{service.mark} (0x{service.mark:x})", "")
    yield ("  VIPs", ", ".join(map(str, service.vips)), "")
    yield ("  ports", ", ".join(map(str, service.ports)), "")
    yield ("  accept", "yes" if service.accept else "no: the site's own rules let them in", "")
    for vip, how in service.draining:
        yield ("  draining", f"{vip}: {_DRAINING[how]}", "")


def _who(origins: Mapping[Path, Owner], path: Path) -> str:
    return str(origins[path]) if path in origins else _UNSAID


def _aligned(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    left = max(len(key) for key, _, _ in rows)
    middle = max(len(value) for _, value, who in rows if who)
    for key, value, who in rows:
        yield f"{key:{left}}  {value:{middle}}  {who}".rstrip()
