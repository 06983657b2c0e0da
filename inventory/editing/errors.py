"""Why an edit of the inventory is refused, or could not be written."""

from __future__ import annotations

from inventory.errors import LvsfleetError


class EditRefused(LvsfleetError):
    """The change is not made: what it asks for is wrong, or would be. Nothing was written."""


class NothingToChange(EditRefused):
    """The inventory says already what the change is to make of it.

    Attributes:
        routers: of the cluster whose VIP it is, in the inventory's order.
    """

    def __init__(self, message: str, hint: str, routers: tuple[str, ...]) -> None:
        super().__init__(message, hint)
        self.routers = routers


class NotEditable(EditRefused):
    """The service is not kept in a file that could be edited so that only its VIP changes."""


class NotWritten(LvsfleetError):
    """A file of the inventory could not be written; it holds what it held."""


class ChangedMeanwhile(NotWritten):
    """Somebody else wrote the file since it was read; theirs stays."""


class NotCommitted(LvsfleetError):
    """Git did not commit the file, or would not; the file itself holds what it should."""
