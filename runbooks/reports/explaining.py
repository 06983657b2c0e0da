"""What ``lvsfleet explain`` prints: all checks in a list, or one of them in full."""

from __future__ import annotations

from collections.abc import Mapping

from inventory.errors import LvsfleetError
from inventory.problems import did_you_mean
from runbooks.reports.text import PLAIN, Screen, wrap
from tasks.checks.info import CheckInfo


def list_checks(catalog: Mapping[str, CheckInfo]) -> str:
    """One line for each check."""
    lines = [f"{each.id}  {each.severity.value:7}  {each.title}" for each in catalog.values()]
    return "\n".join([*lines, "", "`lvsfleet explain LVS021` tells more of one."]) + "\n"


def explain(catalog: Mapping[str, CheckInfo], name: str, screen: Screen = PLAIN) -> str:
    """What one check means, why that matters, and how it is mended.

    Raises:
        LvsfleetError: there is no such check.
    """
    info = catalog.get(name.upper())
    if info is None:
        near = did_you_mean(name.upper(), catalog)
        hint = near.capitalize() or "`lvsfleet explain` lists them"
        raise LvsfleetError(f"there is no check {name!r}", hint)
    width = screen.width or 100
    blocks = (
        [screen.paint(f"{info.id} {info.severity.value}: {info.title}", "bold")],
        wrap(info.why, width),
        ["How it is mended:", *wrap(info.mend, width, "    ")],
        [f"Waived in the inventory: waivers: [{{id: {info.id}, reason: …, until: 2027-01-31}}]"],
    )
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"
