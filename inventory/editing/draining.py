"""A VIP that drains, or does no longer, as a change of the inventory: as a value, and as splices.

What drains stands beside the service's mark: ``draining: {203.0.113.10: reject}``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import ip_address

from inventory.desired import Draining, Service
from inventory.editing.changes import Change, address_of
from inventory.editing.items import Unusual, begins_line, line_break, line_end, line_start
from inventory.editing.splice import Splice
from inventory.editing.tree import Form, Node, content_start
from inventory.rules import Address

KEY = "draining"


@dataclass(frozen=True, slots=True)
class Drain:
    """One VIP of one service drains, or does no longer.

    Attributes:
        service: its name.
        old: the VIP, as it was typed.
        from_address: the same as a value.
        how: what becomes of new connections to it; None where it is to drain no longer.
    """

    service: str
    old: str
    from_address: Address
    how: Draining | None

    @classmethod
    def of(
        cls, service: str, vip: str, how: Draining | None, *, known: Iterable[str] = ()
    ) -> Drain:
        """A change from what somebody typed; ``known`` as in `inventory.editing.changes`.

        Raises:
            EditRefused: the VIP is none.
        """
        return cls(service, vip, address_of(vip, known), how)

    @property
    def new(self) -> None:
        """No VIP comes."""

    @property
    def to_address(self) -> None:
        """No VIP comes."""

    def __str__(self) -> str:
        """As a commit says it: ``vip drain web 203.0.113.10 (reject)``."""
        verb, how = ("undrain", "") if self.how is None else ("drain", f" ({self.how.value})")
        return f"vip {verb} {self.service} {self.old}{how}"

    def applied(self, service: Service) -> Service:
        """The service with the change."""
        drains = dict(service.draining)
        if self.how is None:
            drains.pop(self.from_address, None)
        elif self.from_address in service.vips:
            drains[self.from_address] = self.how
        kept = tuple((vip, drains[vip]) for vip in service.vips if vip in drains)
        return replace(service, draining=kept)


Wanted = Change | Drain
"""What one can ask for."""


def drained(text: str, service: Node, address: Address, how: Draining) -> list[Splice]:
    """The VIP drains so.

    Args:
        text: of the file.
        service: the service's mapping in it.
        address: the VIP.
        how: what becomes of new connections to it.

    Raises:
        Unusual: the layout is not understood.
    """
    spelled = f'"{address}"' if address.version == 6 else str(address)  # noqa: PLR2004
    written = f"{spelled}: {how.value}"
    found = _pair(service, KEY)
    if found is None:
        mark = _pair(service, "mark")
        if mark is None:
            raise Unusual
        return [_behind(text, service, mark, f"{KEY}: {{{written}}}")]
    listed = found[1]
    if listed.form is not Form.MAPPING:
        raise Unusual
    entries = _pairs(listed)
    if not entries:
        return [Splice(listed.start + 1, listed.start + 1, written)]
    for key, value in entries:
        if _is(key, address):
            if value.form is not Form.SCALAR:
                raise Unusual
            start = content_start(text, value)
            return [Splice(start, value.end, f"{value.quotes}{how.value}{value.quotes}")]
    return [_behind(text, listed, entries[-1], written)]


def undrained(text: str, service: Node, address: Address) -> list[Splice]:
    """The VIP drains no longer; nothing to do where it does not.

    Raises:
        Unusual: the layout is not understood.
    """
    found = _pair(service, KEY)
    if found is None:
        return []
    if found[1].form is not Form.MAPPING:
        raise Unusual
    entries = _pairs(found[1])
    at = next((n for n, (key, _) in enumerate(entries) if _is(key, address)), None)
    if at is None:
        return []
    if len(entries) > 1:
        return [_without(text, found[1], entries, at)]
    pairs = _pairs(service)
    return [_without(text, service, pairs, pairs.index(found))]


def _behind(text: str, mapping: Node, pair: tuple[Node, Node], written: str) -> Splice:
    """Another entry behind one whose value is a scalar or in brackets."""
    key, value = pair
    if mapping.flow:
        return Splice(value.end, value.end, f", {written}")
    if not begins_line(text, key) or (value.form is Form.MAPPING and not value.flow):
        raise Unusual
    end, indent = line_end(text, value.end), text[line_start(text, key.start) : key.start]
    return Splice(end, end, f"{line_break(text, end)}{indent}{written}")


def _without(text: str, mapping: Node, pairs: list[tuple[Node, Node]], at: int) -> Splice:
    """The entry at a place, of several, goes."""
    key, value = pairs[at]
    if not mapping.flow:
        last = value.children[-1] if value.children and not value.flow else value
        if not begins_line(text, key):
            raise Unusual
        start, end = line_start(text, key.start), line_end(text, last.end)
        if end == len(text):  # the text's last line: the break before it goes
            return Splice(len(text[:start].rstrip("\r\n")), end)
        return Splice(start, text.index("\n", end) + 1)
    if at:
        before = pairs[at - 1][1].end
        if "#" in text[before : key.start]:
            raise Unusual
        return Splice(before, value.end)
    if len(pairs) == 1 or "#" in text[value.end : pairs[1][0].start]:
        raise Unusual
    return Splice(key.start, pairs[1][0].start)


def _pairs(mapping: Node) -> list[tuple[Node, Node]]:
    return list(zip(mapping.children[::2], mapping.children[1::2], strict=True))


def _pair(mapping: Node, name: str) -> tuple[Node, Node] | None:
    for key, value in _pairs(mapping):
        if key.form is Form.SCALAR and key.text == name:
            return key, value
    return None


def _is(key: Node, address: Address) -> bool:
    try:
        return ip_address(key.resolved.text) == address
    except ValueError:
        return False
