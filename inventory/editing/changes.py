"""The changes that one can ask for, as values: a VIP comes, goes, or becomes another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from inventory import values
from inventory.desired import Service
from inventory.editing.errors import EditRefused
from inventory.problems import did_you_mean, quote
from inventory.rules import Address
from inventory.values import Invalid


@dataclass(frozen=True, slots=True)
class Change:
    """One VIP of one service comes (`new`), goes (`old`), or moves (both).

    Attributes:
        service: its name.
        old: the VIP that goes, as it was typed; None when one is only added.
        new: the VIP that comes, as it was typed and as it will be written; None when one only goes.
        from_address: `old` as a value.
        to_address: `new` as a value.
    """

    service: str
    old: str | None
    new: str | None
    from_address: Address | None
    to_address: Address | None

    @classmethod
    def of(
        cls,
        service: str,
        *,
        old: str | None = None,
        new: str | None = None,
        known: Iterable[str] = (),
    ) -> Change:
        """A change from what somebody typed.

        Args:
            service: the service's name; whether there is one is for `inventory.editing.target`.
            old: the VIP that goes.
            new: the VIP that comes.
            known: the VIPs that there are, for the nearest to a typo in ``old``; see
                `inventory.editing.target.known_vips`.

        Raises:
            EditRefused: one is no address, cannot be a VIP, or both are the same or of two
                families.
        """
        before, after = _address(old, known), _address(new)
        if before is None and after is None:
            raise ValueError("a change has an old VIP, a new one, or both")
        if before is not None and before == after:
            raise EditRefused(f"{old} and {new} are the same address")
        if before is not None and after is not None and before.version != after.version:
            raise EditRefused(
                f"{old} is IPv{before.version} and {new} is IPv{after.version}",
                "Add the one and remove the other, in two steps",
            )
        return cls(service, old, new, before, after)

    def __str__(self) -> str:
        """As a commit says it: ``vip move web 203.0.113.10 → 203.0.113.20``."""
        if self.old and self.new:
            return f"vip move {self.service} {self.old} → {self.new}"
        return f"vip {'add' if self.new else 'remove'} {self.service} {self.new or self.old}"

    def applied(self, service: Service) -> Service:
        """The service with the change: a new VIP stands last, or where the old one stood."""
        vips = [vip for vip in service.vips if vip != self.from_address]
        if self.to_address is not None:
            moves = self.from_address in service.vips
            at = service.vips.index(self.from_address) if moves else len(vips)
            vips.insert(at, self.to_address)
        drains = tuple(each for each in service.draining if each[0] in vips)
        return replace(service, vips=tuple(vips), draining=drains)


def _address(text: str | None, known: Iterable[str] = ()) -> Address | None:
    return None if text is None else address_of(text, known)


def address_of(text: str, known: Iterable[str] = ()) -> Address:
    """A VIP as it was typed, as a value; ``known`` as in `Change.of`.

    Raises:
        EditRefused: it is none.
    """
    try:
        return values.vip(text)
    except Invalid as error:
        raise EditRefused(
            f"{quote(text)} {error}", did_you_mean(text, known).capitalize()
        ) from error
