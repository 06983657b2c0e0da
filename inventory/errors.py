"""The root of every error that is shown to an operator, without a traceback."""

from __future__ import annotations


class LvsfleetError(Exception):
    """Something went wrong that the operator can do something about.

    Args:
        message: what is wrong, in one sentence without a full stop.
        hint: what to do next; shown after the message. Empty where nothing helps.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message
