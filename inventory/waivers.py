"""Waivers as an operator writes them, to values: what is lived with, why, and until when."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from inventory import values
from inventory.problems import Finding, Owner, Path, did_you_mean, one_of, quote, step
from inventory.values import Invalid
from inventory.waiver import Waiver

KEYS = ("id", "service", "reason", "until")
_ID = re.compile(r"LVS[0-9]{3}\Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_LONGEST_REASON = 300
_EXAMPLE = 'write {id: LVS038, reason: "…", until: 2027-01-31}'
_MISSING = {
    "id": "is missing: write id: LVS038, the check that is waived",
    "reason": "is missing: write why it is lived with",
    "until": "is missing: write until: 2027-01-31, the last day on which it holds",
}


def read_waivers(owner: Owner, path: Path, spec: Any) -> tuple[tuple[Waiver, ...], list[Finding]]:
    """The waivers that a list has, and everything that is wrong with it.

    Args:
        owner: who says it.
        path: its place within its owner.
        spec: what stood there.
    """
    if not isinstance(spec, list):
        return (), [Finding(owner, path, quote(spec), f"is no list: write [{_EXAMPLE[6:]}]")]
    found: list[Finding] = []
    read: list[Waiver] = []
    for place, item in enumerate(spec):
        wrong = _wrong(owner, (*path, place), item)
        found += wrong
        if not wrong:
            read.append(Waiver(item["id"], item["reason"], day(item["until"]), item.get("service")))
    return tuple(read), found


def _wrong(owner: Owner, path: Path, item: Any) -> list[Finding]:
    if not isinstance(item, dict):
        return [Finding(owner, path, quote(item), f"is no waiver: {_EXAMPLE}")]
    found: list[Finding] = []
    for key in item:
        if key not in KEYS:
            near = did_you_mean(key, KEYS) or f"a waiver has {one_of(KEYS, 'and')}"
            message = f"is no key of a waiver: {near}"
            found.append(Finding(owner, (*path, step(key)), "", message))
    for key, message in _MISSING.items():
        if item.get(key) is None:
            found.append(Finding(owner, (*path, key), "", message))
    for key, check in _CHECKS.items():
        if item.get(key) is not None:
            try:
                check(item[key])
            except Invalid as error:
                found.append(Finding(owner, (*path, key), quote(item[key]), str(error)))
    return found


def check_id(value: object) -> str:
    """The id of a check."""
    if not isinstance(value, str) or not _ID.match(value):
        raise Invalid("is no check: write LVS038; `lvsfleet explain` lists them")
    return value


def reason(value: object) -> str:
    """Why; one line."""
    if not isinstance(value, str) or not value.strip():
        raise Invalid("is no reason: write why this is lived with, in quotes")
    if len(value) > _LONGEST_REASON or not value.isprintable():
        raise Invalid(f"is no reason: write one line of at most {_LONGEST_REASON} characters")
    return value


def day(value: object) -> date:
    """A day; YAML may have made a date of it already."""
    if type(value) is date:
        return value
    if isinstance(value, str) and _DAY.match(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise Invalid("is no day in any calendar: write 2027-01-31") from None
    raise Invalid("is no day: write 2027-01-31")


_CHECKS = {"id": check_id, "service": values.service_name, "reason": reason, "until": day}
