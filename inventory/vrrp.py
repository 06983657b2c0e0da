"""How the routers' own protocol is let in, as an operator writes it, to a value."""

from __future__ import annotations

from typing import Any

from inventory import values
from inventory.desired import Vrrp
from inventory.problems import Finding, Owner, Path, did_you_mean, quote, step
from inventory.values import Invalid

KEYS = ("accept", "ah")


def read_vrrp(owner: Owner, path: Path, spec: Any) -> Vrrp | list[Finding]:
    """What ``spec`` says about VRRP, or everything that is wrong with it.

    Args:
        owner: who says it.
        path: its place within its owner.
        spec: what stood there.
    """
    if not isinstance(spec, dict):
        return [Finding(owner, path, quote(spec), "is no mapping: write {accept: true}")]
    found: list[Finding] = []
    said = dict.fromkeys(KEYS, False)
    for key, value in spec.items():
        at = (*path, step(key))
        if key not in KEYS:
            near = did_you_mean(key, KEYS) or "vrrp has accept and ah"
            found.append(Finding(owner, at, "", f"is no key of vrrp: {near}"))
            continue
        try:
            said[key] = values.boolean(value)
        except Invalid as error:
            found.append(Finding(owner, at, quote(value), str(error)))
    if said["ah"] and not said["accept"] and not found:
        message = "does nothing without accept: write {accept: true, ah: true}"
        found.append(Finding(owner, (*path, "ah"), "true", message))
    return found or Vrrp(**said)
