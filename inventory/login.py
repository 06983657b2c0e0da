"""How a router is reached and logged in to: Nornir's own attributes, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from inventory import values
from inventory.problems import Finding, Kind, Owner, Path, quote, step
from inventory.values import Invalid

if TYPE_CHECKING:
    from nornir.core.inventory import ConnectionOptions, Defaults, Group, Host

    Element = Host | Group | Defaults

ATTRIBUTES: Mapping[str, Callable[[object], object]] = {
    "hostname": values.hostname,
    "port": values.port,
    "username": values.username,
    "password": values.secret,
    "platform": values.name,
}


def check_login(owner: Owner, element: Element) -> list[Finding]:
    """Everything that is wrong with an element's name and with the way to log in."""
    found: list[Finding] = []
    if owner.kind is not Kind.DEFAULTS:
        try:
            (values.router_name if owner.kind is Kind.HOST else values.name)(owner.name)
        except Invalid as error:
            found.append(Finding(owner, (), quote(owner.name), str(error)))
    found += _attributes(owner, (), element)
    for name, options in element.connection_options.items():
        found += _attributes(owner, ("connection_options", step(name)), options)
    return found


def _attributes(owner: Owner, path: Path, of: Element | ConnectionOptions) -> list[Finding]:
    found = []
    for attribute, parse in ATTRIBUTES.items():
        # Nornir's hosts answer with what they inherit; this asks for what they say themselves.
        value = object.__getattribute__(of, attribute)
        if value is None:
            continue
        try:
            parse(value)
        except Invalid as error:
            shown = "" if attribute == "password" else quote(value)
            found.append(Finding(owner, (*path, attribute), shown, str(error)))
    return found
